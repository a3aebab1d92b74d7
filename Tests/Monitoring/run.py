#!/usr/bin/env python3
"""Holds the alert rules and the dashboard in examples/monitoring to the list of metrics in docs/monitoring.md, and tests them with
promtool and a real Prometheus on loopback.

Usage: run.py                  Exit code 0, or 1 with the problems.
       run.py --metrics FILE   Only holds what the service answered at /metrics (or - for standard input) to the list.

Needs prometheus, which has promtool, and python3-yaml.
"""

import contextlib
import http.server
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/monitoring.md"
FOLDER = ROOT / "examples/monitoring"
SERIES_OF_A_FLEET, SERIES_BESIDES = 60, 150
# Series that Prometheus itself makes, and labels that it adds.
OTHER_SERIES = {"up", "ALERTS"}
OTHER_LABELS = {"job", "instance", "alertname", "alertstate", "le"}
SUFFIXES = {"histogram": ["_bucket", "_sum", "_count"], "counter": [""], "gauge": [""]}
BUCKETS = ["5", "10", "30", "60", "120", "300", "600", "1200", "3600", "+Inf"]
# Series that a fleet lacks before its first round, or its first promotion.
LATER = {"buildinfo_fleet_as_of_timestamp_seconds", "buildinfo_target_info"}
# Series of fleets with a watched tag, and of hooks.
OPTIONAL = {"buildinfo_tag_drift", "buildinfo_tag_as_of_timestamp_seconds", "buildinfo_builds_unpromoted",
            "buildinfo_tag_reads_total", "buildinfo_hooks_total"}

problems = []


def report(place, text):
    problems.append(f"{place}: {text}")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def known_values():
    """The values of the labels that have a fixed list, from the report's schema."""
    schema = json.loads((ROOT / "Tests/Schemas/report.schema.json").read_text())["properties"]
    return {"status": [*schema["hosts"]["items"]["properties"]["status"]["enum"], "unknown"],
            "verdict": schema["verdict"]["enum"], "state": ["none", "pending", "found", "unknown"],
            "outcome": ["accepted", "ignored", "refused"],
            "reason": ["token", "identity_token", "scope", "foreign", "rate"]}


def read_table(heading):
    """The rows of the table below a heading, as lists of cells."""
    rows, is_inside = [], False
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            is_inside = line == f"## {heading}"
        elif is_inside and line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def read_metrics():
    return {name.strip("`"): {"type": kind, "labels": re.findall(r"`(\w+)`", labels), "series": int(series)}
            for name, kind, labels, series, _ in read_table("Metrics")}


def check_list(metrics):
    values = known_values()
    for name, metric in metrics.items():
        if metric["type"] not in SUFFIXES:
            report(f"docs/monitoring.md: {name}", f"unknown type '{metric['type']}'")
            continue
        if (metric["type"] == "counter") != name.endswith("_total"):
            report(f"docs/monitoring.md: {name}", "counters, and nothing else, end in _total")
        wanted = len(BUCKETS) + 2 if metric["type"] == "histogram" else 1
        for label in metric["labels"]:
            wanted *= len(values.get(label, [""]))
        if metric["series"] != wanted:
            report(f"docs/monitoring.md: {name}", f"has {wanted} series, not {metric['series']}")
    total = sum(metric["series"] for metric in metrics.values() if "service" in metric["labels"])
    if total > SERIES_OF_A_FLEET:
        report("docs/monitoring.md", f"{total} series a fleet, more than {SERIES_OF_A_FLEET}")


# Expressions

def expressions():
    """Every expression with its place."""
    for rule in rules():
        yield f"rules.yml: {rule['alert']}", rule["expr"]
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"dashboard.json: {panel['title']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield f"dashboard.json: {annotation['name']}", annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"dashboard.json: ${variable['name']}", variable["definition"]


def rules():
    return [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]


def check_expressions(metrics):
    names = {name + suffix: name for name, metric in metrics.items() for suffix in SUFFIXES[metric["type"]]}
    used = set()
    for place, expression in expressions():
        bare = re.sub(r'"[^"]*"', '""', expression)
        for name in re.findall(r"\b(?:buildinfo_\w+|up|ALERTS)\b", bare):
            if name not in names and name not in OTHER_SERIES:
                report(place, f"there is no metric '{name}'")
            used.add(names.get(name))
        for name, matchers in re.findall(r"\b(\w+)\{([^}]*)\}", bare):
            allowed = OTHER_LABELS | set(metrics.get(names.get(name), {}).get("labels", []))
            for label in re.findall(r"(\w+)\s*[=!]~?", matchers):
                if label not in allowed:
                    report(place, f"'{name}' has no label '{label}'")
        for labels in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", bare):
            for label in re.findall(r"\w+", labels):
                if label not in OTHER_LABELS and not any(label in metric["labels"] for metric in metrics.values()):
                    report(place, f"no metric has the label '{label}'")
        for label, pattern in re.findall(r'\b(status|verdict|state|outcome)\s*[=!]~?\s*"([^"]*)"', expression):
            for value in pattern.split("|"):
                if value not in known_values()[label]:
                    report(place, f"there is no {label} '{value}'")
    for name in sorted(set(metrics) - used):
        report("examples/monitoring", f"nothing uses '{name}'")


# Rules

def check_rules():
    documented = {name.strip("`"): severity for name, severity, _ in read_table("Alerts")}
    actual = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    if documented != actual or list(documented) != list(actual):
        report("docs/monitoring.md", f"lists other alerts than rules.yml: {documented} and {actual}")
    if next(iter(actual)) != "BuildinfoNoNews":
        report("rules.yml", "BuildinfoNoNews is not the first alert")
    # Every value as text, because YAML reads 0x5 as a number.
    tests = yaml.load((FOLDER / "rules_test.yml").read_text(), yaml.BaseLoader)["tests"]
    for alert in actual:
        outcomes = [bool(one["exp_alerts"]) for test in tests for one in test.get("alert_rule_test", []) if one["alertname"] == alert]
        if outcomes.count(True) < 1 or outcomes.count(False) < 2:
            report(f"rules_test.yml: {alert}", "does not fire, stay quiet below its limit and recover in tests")
    for test in tests:
        check_series_length(test)
    done = run("promtool", "test", "rules", "rules_test.yml", cwd=FOLDER)
    if done.returncode != 0:
        report("promtool test rules", (done.stdout + done.stderr).strip())


def seconds(duration):
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))


def check_series_length(test):
    """A series that ends before the last evaluation, without saying so, is a mistake: promtool goes on with its last value."""
    end = max(seconds(one["eval_time"]) for kind in ("alert_rule_test", "promql_expr_test") for one in test.get(kind, []))
    for series in test["input_series"]:
        values = series["values"].split()
        count = sum(int(found[1]) + (0 if value.startswith("_") else 1) if (found := re.search(r"x(\d+)$", value)) else 1
                    for value in values)
        if values[-1] != "stale" and (count - 1) * seconds(test["interval"]) < end:
            report(f"rules_test.yml: {test['name']}", f"'{series['series']}' ends before {end} s: lengthen it, or end it with 'stale'")


def check_mutations():
    """Each rule is broken in several ways, and the tests must notice each."""
    text = yaml.safe_load((FOLDER / "rules.yml").read_text())
    count = 0
    tests = yaml.load((FOLDER / "rules_test.yml").read_text(), yaml.BaseLoader)
    with tempfile.TemporaryDirectory() as folder:

        def survives(what):
            # The tests of this alert alone, to save time.
            own = {**tests, "tests": [test for test in tests["tests"] if rule["alert"] in json.dumps(test)]}
            (Path(folder) / "rules_test.yml").write_text(json.dumps(own))
            (Path(folder) / "rules.yml").write_text(json.dumps({"groups": [{"name": "one", "rules": [rule]}]}))
            if run("promtool", "test", "rules", "rules_test.yml", cwd=folder).returncode == 0:
                report(f"rules_test.yml: {rule['alert']}", f"notices nothing if {what}")

        for rule in (rule for group in text["groups"] for rule in group["rules"]):
            original = dict(rule)
            changes = [("it never fires", "expr", "vector(0) > 1"), ("it fires at once", "for", "0s"),
                       ("it waits twice as long", "for", f"{2 * seconds(rule['for'])}s")]
            parts = re.split(r"\n\s+(?=or |and )", rule["expr"])
            for index in range(1, len(parts)):
                changes.append((f"its part '{parts[index][:30].strip()}…' is missing", "expr", "\n".join(parts[:index] + parts[index + 1:])))
            for number, others in ((", 300)", (", 240)", ", 360)")), ("< 0.5", ("< 0.7", "< 0.3"))):
                changes += [(f"its limit is {other}", "expr", rule["expr"].replace(number, other)) for other in others if number in rule["expr"]]
            if "last_over_time" in rule["expr"]:
                changes.append(("a lost scrape ends it", "expr", re.sub(r"last_over_time\((\w+(?:\{[^}]*\})?)\[\w+\]\)", r"\1", rule["expr"])))
            for what, key, value in changes:
                rule[key] = value
                survives(what)
                rule.update(original)
                count += 1
    return count


# The dashboard, in Prometheus

def sample(metrics, scrapes):
    """What a service with two fleets would answer."""
    values, lines = known_values(), []
    for name, metric in metrics.items():
        lines += [f"# HELP {name} As documented.", f"# TYPE {name} {metric['type']}"]
        for environment in ("production", "staging") if "service" in metric["labels"] else ("",):
            fixed = {"service": "canvas", "environment": environment, "git_sha": "3f2a90b", "digest": "sha256:1", "version": "0.2.0"}
            rows = [{}]
            for label in metric["labels"]:
                rows = [{**row, label: value} for row in rows for value in values.get(label, [fixed.get(label, "")])]
            for index, row in enumerate(rows):
                def line(suffix, value, **more):
                    labels = ",".join(f'{key}="{one}"' for key, one in {**row, **more}.items())
                    lines.append(f"{name}{suffix}{{{labels}}} {value}")
                if metric["type"] == "histogram":
                    for position, bound in enumerate(BUCKETS):
                        line("_bucket", scrapes * (position + 1), le=bound)
                    line("_sum", scrapes * 300)
                    line("_count", scrapes * len(BUCKETS))
                elif name.endswith("_timestamp_seconds"):
                    line("", int(time.time()))
                elif name == "buildinfo_fleet_hosts_expected":
                    line("", len(values["status"]))
                else:
                    line("", scrapes if metric["type"] == "counter" else 1)
    return "\n".join(lines) + "\n"


class Service(http.server.BaseHTTPRequestHandler):
    metrics, scrapes = {}, 0

    def do_GET(self):
        type(self).scrapes += 1
        body = sample(self.metrics, self.scrapes).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def prometheus(port, folder):
    """A Prometheus that scrapes the service each second. Yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FOLDER / "rules.yml")],
        "scrape_configs": [{"job_name": "buildinfo-collector", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}))
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        process.terminate()
        process.wait()


def ask(address, path, **query):
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        return json.load(answer)["data"]


def check_dashboard(metrics):
    """Every expression of the dashboard finds something in the sample, and no alert fires that should not."""
    Service.metrics = metrics
    done = run("promtool", "check", "metrics", input=sample(metrics, 1))
    if done.returncode != 0 or done.stdout + done.stderr:
        report("promtool check metrics", (done.stdout + done.stderr).strip())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as folder, prometheus(server.server_port, Path(folder)) as address:
            deadline = time.monotonic() + 60
            while Service.scrapes < 4:
                if time.monotonic() > deadline:
                    return report("prometheus", "scraped nothing within 60 s: " + (Path(folder) / "log").read_text()[-500:])
                time.sleep(0.2)
            # The last scrape is visible once it has been stored.
            time.sleep(1)
            for place, expression in expressions():
                if not place.startswith("dashboard.json") or "label_values(" in expression or "ALERTS" in expression:
                    continue
                query = re.sub(r"\$(service|environment)\b", ".*", expression)
                try:
                    if not ask(address, "query", query=query)["result"]:
                        report(place, f"finds nothing: {query}")
                except urllib.error.HTTPError as error:
                    report(place, f"{json.load(error)['error']}: {query}")
            for group in ask(address, "rules")["groups"]:
                for rule in group["rules"]:
                    if rule["health"] == "err":
                        report(f"rules.yml: {rule['name']}", rule["lastError"])
            states = {rule["name"]: rule["state"] for group in ask(address, "rules")["groups"] for rule in group["rules"]}
            for name in ("BuildinfoNoNews", "BuildinfoCollectorDown", "BuildinfoFleetEmpty", "BuildinfoHostsUncounted"):
                if states.get(name) != "inactive":
                    report(f"rules.yml: {name}", f"is {states.get(name)} although the sample is well")
    finally:
        server.shutdown()


# The service's own answer

def check_answer(metrics, text):
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    # OpenMetrics names a counter without its suffix.
    types = {f"{name}_total" if kind == "counter" and not name.endswith("_total") else name: kind for name, kind in types.items()}
    names = {name + suffix: name for name, metric in metrics.items() for suffix in SUFFIXES[metric["type"]]}
    fleets, series, besides, statuses = {}, {}, 0, {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        found = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if not found:
            report("/metrics", f"not a sample: {line[:100]}")
            continue
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
        name = names.get(found[1])
        if "service" not in labels:
            besides += 1
            continue
        fleet = (labels.get("service"), labels.get("environment"))
        fleets[fleet] = fleets.get(fleet, 0) + 1
        if name is None:
            report("/metrics", f"'{found[1]}' is not in docs/monitoring.md")
        elif set(labels) - {"le"} != set(metrics[name]["labels"]):
            report("/metrics", f"'{found[1]}' has the labels {sorted(labels)}, not {metrics[name]['labels']}")
        else:
            series.setdefault(name, {}).setdefault(fleet, []).append(labels)
        if found[1] in ("buildinfo_fleet_hosts", "buildinfo_fleet_hosts_expected"):
            counted = statuses.setdefault(fleet, [0.0, 0.0])
            counted[found[1].endswith("expected")] += float(found[3])
    for name, metric in metrics.items():
        if name in OPTIONAL and name not in types:
            continue
        if types.get(name) != metric["type"]:
            report("/metrics", f"'{name}' is {types.get(name, 'absent')}, not {metric['type']}")
        for fleet in fleets if "service" in metric["labels"] else ():
            rows = series.get(name, {}).get(fleet, [])
            if not rows and name in OPTIONAL:
                continue
            for label, values in known_values().items():
                if label in metric["labels"] and sorted(row[label] for row in rows) != sorted(values):
                    report("/metrics", f"'{name}' of {fleet} lacks some {label}, or has others")
            if not rows and name not in LATER:
                report("/metrics", f"'{name}' has no series of {fleet}")
            if len(rows) > metric["series"]:
                report("/metrics", f"'{name}' has {len(rows)} series of {fleet}, more than {metric['series']}")
    for fleet, count in fleets.items():
        if count > SERIES_OF_A_FLEET:
            report("/metrics", f"{count} series of {fleet}, more than {SERIES_OF_A_FLEET}")
        if statuses.get(fleet, [0, 0])[0] != statuses.get(fleet, [0, 0])[1]:
            report("/metrics", f"the counts of {fleet} add up to {statuses[fleet][0]}, not to {statuses[fleet][1]}")
    if besides > SERIES_BESIDES:
        report("/metrics", f"{besides} series besides fleets, more than {SERIES_BESIDES}")
    if not fleets:
        report("/metrics", "has no fleet")
    print(f"{len(fleets)} fleets, {besides} series besides them, {len(problems)} problems")


def main():
    metrics = read_metrics()
    if len(sys.argv) == 3 and sys.argv[1] == "--metrics":
        check_answer(metrics, sys.stdin.read() if sys.argv[2] == "-" else Path(sys.argv[2]).read_text())
    elif len(sys.argv) > 1:
        sys.exit(__doc__)
    else:
        check_list(metrics)
        check_expressions(metrics)
        check_rules()
        count = check_mutations() if not problems else 0
        check_dashboard(metrics)
        # What the list promises is also what the check of an answer accepts, and no less.
        check_answer(metrics, sample(metrics, 1))
        print(f"{len(metrics)} metrics, {len(rules())} alerts, {count} broken rules noticed, {len(problems)} problems")
    for problem in problems:
        print(f"Tests/Monitoring/run.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
