#!/usr/bin/env python3
"""Makes docs/benchmarks.md and its charts from the results of run.py. Usage: bench/render.py [RESULTS [FOLDER]]"""

import json
import math
import statistics
import sys
from pathlib import Path

import charts

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs/benchmarks.md"
OURS = ("status", "verify")
ALLOWED_MB, ALLOWED_KB = 40, 6


class Results:
    def __init__(self, path):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.conditions = {row["benchmark"]: row["conditions"] for row in rows if "conditions" in row}
        self.rows = [row for row in rows if "conditions" not in row]

    def cases(self, benchmark):
        """Rows by case and contestant, in the order of the file."""
        found = {}
        for row in self.rows:
            if row["benchmark"] == benchmark:
                found.setdefault(row["case"], {})[row["contestant"]] = row
        return found


def ratio(row, peer, figure):
    """The median over turns."""
    return statistics.median(ours / theirs for ours, theirs in zip(row[figure], peer[figure]))


def middle(row, figure):
    return statistics.median(row[figure])


def times(value):
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def label(name, row):
    """A contestant's name; ours are bold."""
    text = f"`{name}`" if any(character in name for character in "|-") or name in OURS else name
    text = text.replace("|", "\\|")
    return f"**{text}**" if name in OURS or name.startswith("verify") or name in ("agent", "collector") else text


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1),
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def small(text):
    return f"<sub>{text}</sub>\n"


def absolutes(rows, figure, unit, factor=1.0):
    """The medians with the least and the largest value."""
    def one(name, row):
        values = [value * factor for value in row[figure]]
        spread = f" ({charts.number(min(values))} to {charts.number(max(values))})" if len(values) > 1 else ""
        return f"{name.replace('|', chr(92) + '|')} {charts.number(statistics.median(values))}{spread}"
    return f"{unit}: " + "; ".join(one(name, row) for name, row in rows.items()) + "."


def beside(rows, peers, figures):
    """A table of ratios: rows by contestant, a column for each figure and peer."""
    heads = ["contestant", *(f"{title}, {peer} = 1" for title, _ in figures for peer in peers), "peak memory"]
    return table(heads, [
        [label(name, row), *(times(ratio(row, rows[peer], figure)) for _, figure in figures for peer in peers),
         f"{middle(row, 'peak_mb'):.0f} MB"] for name, row in rows.items()])


# MARK: Sections

def sweep(results, pictures):
    (case, rows), = results.cases("sweep").items()
    scaled = next(row for row in rows.values() if row["scale"] > 1)
    pictures["bench-sweep.svg"] = charts.dots(
        f"One request to each of {case}, new connections", "times the raw epoll loop",
        [(name, ratio(row, rows["raw epoll loop"], "wall_s"), name in OURS) for name, row in rows.items()],
        "Elapsed time of the whole process, as a multiple of a raw epoll loop in C. Logarithmic axis.")
    return "\n".join([
        f"`status` asks {case} once, over new connections. The documents have 1.3 KB. Times are of whole processes, with start, "
        "list of hosts and output.\n",
        "![Elapsed time of each contestant as a multiple of the raw epoll loop](images/bench-sweep.svg)\n",
        beside(rows, ["raw epoll loop", "Go net/http"], [("time", "wall_s"), ("processor", "cpu_s")]),
        f"The raw loop reads no JSON, and `curl --parallel` does not either. `curl | jq` asks {scaled['hosts'] // scaled['scale']} "
        f"hosts one after the other; its times are multiplied by {scaled['scale']}.\n",
        small(absolutes(rows, "wall_s", "Seconds, median and range") + " "
              + absolutes(rows, "cpu_s", "Seconds of processor time"))])


def kept(results, _):
    (case, rows), = results.cases("kept").items()
    heads = ["contestant", "answers per second, raw epoll loop = 1", "answers per second, Go net/http = 1",
             "processor per answer, raw epoll loop = 1", "processor per answer, Go net/http = 1", "new connections per answer", "peak memory"]
    peers = [rows["raw epoll loop"], rows["Go net/http"]]
    return "\n".join([
        f"The same {case}, again and again over the connections of the first round, for some seconds from the third round on. "
        "The server counts the answers. `status` asks once, so `verify` runs here, with `--interval 100ms`: "
        "it asks as fast as it can, and evaluates each answer.\n",
        table(heads, [[label(name, row), *(times(ratio(row, peer, figure)) for figure in ("answers_per_s", "cpu_us") for peer in peers),
                       f"{middle(row, 'new_connections'):.2f}", f"{middle(row, 'peak_mb'):.0f} MB"] for name, row in rows.items()]),
        small(absolutes(rows, "answers_per_s", "Answers per second") + " "
              + absolutes(rows, "cpu_us", "Microseconds of processor time per answer"))])


def tls(results, pictures):
    parts = ["As the sweep, over TLS 1.3 with full handshakes. Every contestant verifies the certificates, which hold for 50 "
             "hosts each (P-256).\n"]
    for case, rows in results.cases("tls").items():
        parts += [f"{case}:\n", beside(rows, ["Go net/http"], [("time", "wall_s"), ("processor", "cpu_s")]),
                  small(absolutes(rows, "wall_s", "Seconds") + " " + absolutes(rows, "cpu_s", "Seconds of processor time"))]
    go(results, pictures)
    parts.append("All requests beside Go's `net/http`:\n\n![Elapsed and processor time beside Go](images/bench-go.svg)\n")
    return "\n".join(parts)


def go(results, pictures):
    """The chart of all requests beside Go. A time per answer is the inverse of answers per second."""
    rows = []
    for benchmark, name in (("sweep", "status"), ("kept", "verify"), ("tls", "status")):
        for case, found in results.cases(benchmark).items():
            ours, peer = found[name], found["Go net/http"]
            values = ([1 / ratio(ours, peer, "answers_per_s"), ratio(ours, peer, "cpu_us")] if benchmark == "kept" else
                      [ratio(ours, peer, "wall_s"), ratio(ours, peer, "cpu_s")])
            title = {"sweep": "new connections", "kept": "kept connections", "tls": f"TLS, {case}"}[benchmark]
            rows.append((title, values))
    if rows:
        pictures["bench-go.svg"] = charts.bars("The collector beside Go's net/http", ["elapsed time", "processor time"], rows,
                                               "Go net/http with JSON decoding = 1, the vertical line. Less is better.")


def verify(results, pictures):
    rows = [row for found in results.cases("verify").values() for row in found.values()]
    verify_chart(rows, pictures)
    by_size = {row["hosts"]: row for row in rows}
    body = []
    for row in rows:
        body.append([f"{row['hosts']:,}", str(row["exit"]), f"{row['proven']:,}", f"{row['verdict_s'] - row['soak_s']:.1f} s",
                     f"{row['end_s'] - row['soak_s']:.1f} s", f"{row['latency_s'][50]:.2g} s, {row['latency_s'][95]:.2g} s",
                     f"{row['peak_mb']:.0f} MB", f"{above_base(row):.1f} KB", f"{row['cpu_s'] / row['requests'] * 1e6:.0f} µs"])
    parts = [
        f"`verify` with default flags, a ledger and a JSON report, beside [`buildinfo-fleet`](../bench/fleet/README.md): every host "
        "changes to the target at a random time within a minute, 1 % never answer, and `--max-unreachable 2%` tolerates that. "
        f"The soak ({rows[0]['soak_s']:.0f} s) is the least that the verdict can take after the last change; the table has the time beyond it.\n",
        "![Time and memory of a verification by number of hosts](images/bench-verify.svg)\n",
        table(["hosts", "exit code", "proven", "verdict beyond soak", "end of process beyond soak", "change seen: median, 95 %",
               "peak memory", f"per host above {ALLOWED_MB} MB", "processor per request"], body)]
    if 10_000 in by_size and 50_000 in by_size:
        small_fleet, large = by_size[10_000], by_size[50_000]
        parts.append(
            f"From 10,000 to 50,000 hosts, memory per host above {ALLOWED_MB} MB is {above_base(large) / above_base(small_fleet):.2f} "
            f"times, and processor time per request {large['cpu_s'] / large['requests'] / (small_fleet['cpu_s'] / small_fleet['requests']):.2f} "
            "times (1.00 is linear). The fleet runs on the same machine and takes its share.\n")
    return "\n".join(parts)


def above_base(row):
    """KB per host above the base."""
    return (row["peak_mb"] - ALLOWED_MB) * 1e3 / row["hosts"]


def verify_chart(rows, pictures):
    sizes = [row["hosts"] for row in rows]
    most = max(sizes)
    marks = [(size, f"{size // 1000},000" if size >= 1000 else str(size)) for size in sizes if size == most or size >= most / 20]
    scale = lambda value: value / most
    time_most, time_marks = charts.round_up(max(max(row["end_s"] for row in rows), 12))
    memory_most, memory_marks = charts.round_up(max(max(row["peak_mb"] for row in rows), ALLOWED_MB + ALLOWED_KB * most / 1e3))
    times_shown = [
        ("process ends", [(row["hosts"], row["end_s"]) for row in rows], "b", False),
        ("verdict", [(row["hosts"], row["verdict_s"]) for row in rows], "a", False),
        ("soak", [(0, rows[0]["soak_s"]), (most, rows[0]["soak_s"])], "c", True)]
    memory_shown = [
        ("measured", [(row["hosts"], row["peak_mb"]) for row in rows], "a", False),
        (f"goal: {ALLOWED_MB} MB and {ALLOWED_KB} KB per host", [(0, ALLOWED_MB), (most, ALLOWED_MB + ALLOWED_KB * most / 1e3)], "c", True)]
    parts = charts.panel(60, 340, 110, "Seconds after the last change", "hosts", times_shown, marks, scale, time_most, time_marks)
    parts += charts.panel(480, 340, 110, "Peak memory in MB", "hosts", memory_shown, marks, scale, memory_most, memory_marks)
    description = "; ".join(f"{row['hosts']:,} hosts: verdict {row['verdict_s']:.1f} s and end {row['end_s']:.1f} s after the last "
                            f"change, {row['peak_mb']:.0f} MB" for row in rows)
    pictures["bench-verify.svg"] = charts.page("A whole verification by number of hosts", description + ".", 364, parts)


def latency(results, pictures):
    (case, rows), = results.cases("latency").items()
    loop = rows["curl | jq"]["latency_s"]
    least = 0.001
    shown = {name: [max(value, least) for value in row["latency_s"]] for name, row in rows.items()}
    marks = charts.ticks(least, max(values[-1] for values in shown.values()))
    scale = lambda value: math.log10(value / marks[0]) / math.log10(marks[-1] / marks[0])
    names = {0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms"}
    series = [(name, [(value, share) for share, value in enumerate(values)], kind, False)
              for (name, values), kind in zip(shown.items(), "abc")]
    parts = charts.panel(60, 740, 110, "Share of hosts whose change is known, in %", "time since the change, logarithmic", series,
                         [(mark, names.get(round(mark, 6), f"{mark:g} s")) for mark in marks], scale, 100, [0, 25, 50, 75, 100])
    description = "; ".join(f"{name}: median {values[50]:.3g} s, 95 % within {values[95]:.3g} s" for name, values in shown.items())
    pictures["bench-latency.svg"] = charts.page(f"From a host's change until it is known, {case}", description + ".", 362, parts)
    return "\n".join([
        f"{case} change at random times within half a minute. The time counts from the change on the host until `verify` gives the host the "
        "status `soaking`, or until the loop of `curl` and `jq` has seen the commit. The loop asks host after host without a pause, "
        "and leaves out hosts that it has seen.\n",
        "![Share of hosts by time since the change](images/bench-latency.svg)\n",
        table(["contestant", "median, curl \\| jq = 1", "median", "95 %", "longest"],
              [[label(name, row), f"{row['latency_s'][50] / loop[50]:.2g}", *(seconds(row["latency_s"][share]) for share in (50, 95, 100))]
               for name, row in rows.items()])])


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def agent(results, _):
    cases = results.cases("agent")
    peer = cases["idle"]["node_exporter"]
    started = results.cases("start")["first answer"]
    rows = [["agent, two files as services", f"{disk(results, cases)}", f"{cases['two services']['agent']['resident_mb'] / cases['two services']['node_exporter']['resident_mb']:.2f}", "", "",
             f"{ratio(started['agent'], started['node_exporter'], 'start_ms'):.2f}"]]
    for name in ("reader", "server"):
        row = cases["idle"][name]
        rows.append([f"idle {name}, Docker", "", f"{row['resident_mb'] / peer['resident_mb']:.2f}", f"{row['wakeups_per_s']:.2f}",
                     f"{row['cpu_s_per_hour']:.2f} s", ""])
    rows.append(["idle node_exporter", "1", "1", f"{peer['wakeups_per_s']:.2f}", f"{peer['cpu_s_per_hour']:.2f} s", "1"])
    held, all_held = cases["held requests"]["agent"], cases["a change to all held requests"]["agent"]
    event, status = cases["engine event to document"]["agent"], cases["container start to status"]["agent and collector"]
    versions = results.cases("start")["--version"]
    sizes = results.cases("start")["size"]
    return "\n".join([
        "Beside node_exporter, which also answers one kind of request on every host:\n",
        table(["process", "size, node_exporter = 1", "resident memory, node_exporter = 1", "wake-ups per second", "processor per hour",
               "start to first answer, node_exporter = 1"], rows),
        f"- Each held request takes {held['kib_each']:.1f} KiB; a change reaches the first of {held['held']:.0f} after "
        f"{all_held['first_ms']:.0f} ms and the last after {all_held['all_ms']:.0f} ms.",
        f"- From an engine's event to the new document: median {event['median_ms']:.1f} ms, longest {event['worst_ms']:.1f} ms.",
        f"- From a container's start to its status in `verify`: median {status['median_ms']:.1f} ms, longest {status['worst_ms']:.1f} ms.",
        f"- The collector has {sizes['collector']['disk_mb'] / sizes['docker']['disk_mb']:.2f} times the size of the `docker` command, and "
        f"`--version` takes {ratio(versions['collector'], versions['docker'], 'wall_s'):.2f} times its time.\n",
        small(f"Agent: {cases['two services']['agent']['disk_mb']} MB, {cases['two services']['agent']['resident_mb']} MB resident, first answer after "
              f"{middle(started['agent'], 'start_ms'):.0f} ms; reader {cases['idle']['reader']['resident_mb']} MB, server "
              f"{cases['idle']['server']['resident_mb']} MB. node_exporter: {cases['two services']['node_exporter']['disk_mb']} MB, "
              f"{cases['two services']['node_exporter']['resident_mb']} MB, {middle(started['node_exporter'], 'start_ms'):.0f} ms. "
              f"Collector: {sizes['collector']['disk_mb']} MB, {middle(versions['collector'], 'wall_s') * 1000:.0f} ms.")])


def disk(results, cases):
    rows = cases["two services"]
    return f"{rows['agent']['disk_mb'] / rows['node_exporter']['disk_mb']:.2f}"


def ledger(results, _):
    cases = results.cases("ledger")
    return "\n".join([
        "A ledger with a million transitions (500 verifications of 500 hosts), in whole processes with a cold file cache. The peer is the `sqlite3` "
        "command with the equivalent SELECT on the same file.\n",
        table(["query", "sqlite3 = 1", "median", "longest"],
              [[f"`{case}`", times(rows["collector"]["ratio"]), f"{rows['collector']['median_ms']} ms", f"{rows['collector']['longest_ms']} ms"]
               for case, rows in cases.items()])])


def verdicts(_, __):
    """The first table of the page that bench/verdicts/run.py writes."""
    text = (HERE / "verdicts/README.md").read_text()
    lines = text[text.index("<!-- results"):].splitlines()
    start = next(index for index, content in enumerate(lines) if content.startswith("|"))
    end = next(index for index in range(start, len(lines)) if not lines[index].startswith("|"))
    return "\n".join([
        "The checks that most pipelines end with, and `verify`, against the drill's simulated fleets, whose faults are known. "
        "A false green passes a fleet that is broken or not proven; a false red stops a good one. "
        "[Each fleet, the checks, and what the numbers do not say](../bench/verdicts/README.md).\n",
        "![What each check says of the simulated fleets](../bench/verdicts/verdicts.svg)\n", "\n".join(lines[start:end]) + "\n"])


SECTIONS = {"sweep": ("Sweep", sweep), "kept": ("Kept connections", kept), "tls": ("TLS", tls), "verify": ("Whole verifications", verify),
            "latency": ("Detection latency", latency), "agent": ("Agent", agent), "ledger": ("Ledger", ledger),
            "verdicts": ("False verdicts", verdicts)}
NEEDS = {"tls": ["sweep", "kept", "tls"], "agent": ["agent", "start"]}


def machine(results):
    """The conditions, by benchmark where they differ."""
    groups = {}
    for benchmark, conditions in results.conditions.items():
        peers = ", ".join(f"{name} {value[0]}" for name, value in conditions["peers"].items() if value)
        key = f"{conditions['machine']}. {peers}"
        groups.setdefault(key, []).append((benchmark, conditions))
    parts = []
    for key, found in groups.items():
        where = "" if len(groups) == 1 else f" ({', '.join(benchmark for benchmark, _ in found)})"
        parts.append(f"- {key}.{where}")
    commits = sorted({(conditions["date"], conditions["commit"]) for conditions in results.conditions.values()})
    parts.append("- Measured on " + "; ".join(f"{date} at commit {commit}" for date, commit in commits) + ".")
    busy = [f"{benchmark} ({conditions['load']:.1f})" for benchmark, conditions in results.conditions.items() if conditions.get("load", 0) > 1]
    if busy:
        parts.append(f"- The machine was not quiet before {', '.join(busy)} (load average): take these ratios as provisional.")
    if any(conditions["quick"] for conditions in results.conditions.values()):
        parts.append("- Some results are of `--quick`, whose sizes are too small to mean anything.")
    return "\n".join(parts) + "\n"


def main():
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.jsonl"
    target = Path(sys.argv[2]) / "benchmarks.md" if len(sys.argv) > 2 else PAGE
    results, pictures = Results(source), {}
    parts = ["# Benchmarks\n", "<!-- Made by bench/render.py from bench/results.jsonl. Do not edit. -->\n", (HERE / "introduction.md").read_text()]
    for name, (title, section) in SECTIONS.items():
        parts.append(f"## {title}\n")
        missing = [need for need in NEEDS.get(name, [name]) if need not in results.conditions]
        if missing:
            parts.append(f"Not measured: run `make bench ARGS='{' '.join(f'--only {need}' for need in missing)}'`.\n")
            print(f"render.py: no results of {', '.join(missing)}", file=sys.stderr)
        else:
            parts.append(section(results, pictures))
    parts += ["## The machine\n", machine(results)]
    (target.parent / "images").mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(parts))
    for name, picture in pictures.items():
        (target.parent / "images" / name).write_text(picture)


if __name__ == "__main__":
    main()
