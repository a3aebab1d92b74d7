#!/usr/bin/env python3
"""Makes docs/benchmarks.md and its charts from benchmarks.md.in and run.py's results. Usage: render.py [RESULTS [FOLDER]]"""

import json
import math
import re
import statistics
import sys
from pathlib import Path

import charts

HERE = Path(__file__).resolve().parent
LOOP, CURL, GO = "raw epoll loop", "bare libcurl", "Go net/http"
OURS = ("status", "verify", "verify, long polls", "verify, polling every 2 s", "agent", "collector")
# The goal for memory: a base in MB, and KB per host.
BASE, PER_HOST = 40, 6


class Results:
    def __init__(self, path):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.conditions = {line["benchmark"]: line["conditions"] for line in lines if "conditions" in line}
        self.lines = [line for line in lines if "conditions" not in line]

    def cases(self, benchmark):
        """Results by case and contestant, in the order of the file."""
        found = {}
        for line in self.lines:
            if line["benchmark"] == benchmark:
                found.setdefault(line["case"], {})[line["contestant"]] = line
        return found

    def only(self, benchmark):
        """The case and results of a benchmark with one case."""
        (found,) = self.cases(benchmark).items()
        return found


def ratio(ours, peer, figure):
    """The median over the turns."""
    return statistics.median(a / b for a, b in zip(ours[figure], peer[figure]))


def middle(result, figure):
    return statistics.median(result[figure])


def times(value):
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def escaped(name):
    return name.replace("|", "\\|")


def label(name):
    return f"**{escaped(name)}**" if name in OURS else escaped(name)


def table(heads, rows):
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows])


def values(results, *figures):
    """The absolute medians in small print, with the least and the largest value. `figures` has names and titles."""
    def one(name, numbers):
        spread = f" ({charts.number(min(numbers))} to {charts.number(max(numbers))})" if len(numbers) > 1 else ""
        return f"{escaped(name)} {charts.number(statistics.median(numbers))}{spread}"
    return "<sub>" + " ".join(
        f"{title}: " + "; ".join(one(name, result[figure]) for name, result in results.items()) + "."
        for figure, title in figures) + "</sub>"


def beside(results, peers, figures):
    """A table of ratios, with a column for each figure and peer."""
    columns = [(figure, title, peer) for figure, title in figures for peer in peers]
    return table(
        ["", *(f"{title}, {peer} = 1" for _, title, peer in columns), "peak memory"],
        [[label(name), *(times(ratio(result, results[peer], figure)) for figure, _, peer in columns),
          f"{middle(result, 'peak_mb'):.0f} MB"] for name, result in results.items()])


# MARK: Sections. Each returns what benchmarks.md.in names, and adds its charts.

ELAPSED = [("wall_s", "time"), ("cpu_s", "processor")]
ABSOLUTE = [("wall_s", "Seconds, median and range"), ("cpu_s", "Seconds of processor time")]


def sweep(results, pictures):
    case, found = results.only("sweep")
    scaled = next(result for result in found.values() if result["scale"] > 1)
    pictures["bench-sweep.svg"] = charts.dots(
        f"One request to each of {case}, new connections", "times the raw epoll loop",
        [(name, ratio(result, found[LOOP], "wall_s"), name in OURS) for name, result in found.items()],
        "Elapsed time of the whole process, as a multiple of a raw epoll loop in C. Logarithmic axis.")
    return {"sweep": f"{case}:\n\n{beside(found, [LOOP, CURL, GO], ELAPSED)}", "sweep_values": values(found, *ABSOLUTE),
            "looped": scaled["hosts"] // scaled["scale"], "scale": scaled["scale"]}


def kept(results, _):
    case, found = results.only("kept")
    figures = [("answers_per_s", "answers per second"), ("cpu_us", "processor per answer")]
    rows = beside(found, [LOOP, GO], figures).splitlines()
    added = ["new connections per answer", "--:", *(f"{middle(result, 'new_connections'):.2f}" for result in found.values())]
    return {"kept": f"{case}:\n\n" + "\n".join(f"{row} {cell} |" for row, cell in zip(rows, added)),
            "kept_values": values(found, ("answers_per_s", "Answers per second, median and range"),
                                  ("cpu_us", "Microseconds of processor time per answer"))}


def tls(results, pictures):
    parts = [f"{case}:\n\n{beside(found, [CURL, GO], ELAPSED)}\n\n{values(found, *ABSOLUTE)}"
             for case, found in results.cases("tls").items()]
    _, cold = results.only("sweep")
    _, again = results.only("kept")
    rows = [("new connections", [ratio(cold["status"], cold[GO], figure) for figure, _ in ELAPSED]),
            ("kept connections", [1 / ratio(again["verify"], again[GO], "answers_per_s"),
                                  ratio(again["verify"], again[GO], "cpu_us")])]
    rows += [(f"TLS, {case}", [ratio(found["status"], found[GO], figure) for figure, _ in ELAPSED])
             for case, found in results.cases("tls").items()]
    pictures["bench-go.svg"] = charts.bars(
        "The collector beside Go's net/http", ["elapsed time per request", "processor time per request"], rows,
        "Go net/http with JSON decoding = 1, the vertical line. Less is better.")
    return {"tls": "\n\n".join(parts)}


def verify(results, pictures):
    runs = [cases["verify"] for cases in results.cases("verify").values()]
    found, short_of_files = [run for run in runs if "open_files" not in run], [run for run in runs if "open_files" in run]
    most, soak = found[-1]["hosts"], found[0]["soak_s"]
    above = {run["hosts"]: (run["peak_mb"] - BASE) * 1e3 / run["hosts"] for run in found}
    processor = {run["hosts"]: run["cpu_s"] / run["requests"] * 1e6 for run in found}
    def opened(run):
        return f"{run['connections'] / run['requests']:.2f}"
    rows = [[f"{run['hosts']:,}", str(run["exit"]), f"{run['proven']:,}", f"{run['verdict_s'] - soak:.1f} s",
             f"{run['end_s'] - soak:.1f} s", ", ".join(seconds(run["latency_s"][share]) for share in (50, 95)),
             f"{run['peak_mb']:.0f} MB", f"{above[run['hosts']]:.1f} KB", f"{processor[run['hosts']]:.0f} µs"]
            for run in found]
    heads = ["hosts", "exit code", "proven", "verdict beyond soak", "process ends beyond soak", "change known: median, 95 %",
             "peak memory", f"per host above {BASE} MB", "processor per request"]
    if all("connections" in run for run in runs):
        heads.append("new connections per request")
        for row, run in zip(rows, found):
            row.append(opened(run))

    marks = [(run["hosts"], f"{run['hosts']:,}") for run in found if run["hosts"] >= most / 20]
    end, ends = charts.round_up(max(run["end_s"] for run in found))
    peak, peaks = charts.round_up(max([run["peak_mb"] for run in found] + [BASE + PER_HOST * most / 1e3]))
    def by_size(figure):
        return [(run["hosts"], run[figure]) for run in found]
    parts = charts.panel(60, 340, 110, "Seconds after the last change", "hosts", [
        ("process ends", by_size("end_s"), "b", False), ("verdict", by_size("verdict_s"), "a", False),
        ("soak", [(0, soak), (most, soak)], "c", True)], marks, lambda value: value / most, end, ends)
    parts += charts.panel(480, 340, 110, "Peak memory in MB", "hosts", [
        ("measured", by_size("peak_mb"), "a", False),
        (f"goal: {BASE} MB and {PER_HOST} KB per host", [(0, BASE), (most, BASE + PER_HOST * most / 1e3)], "c", True)],
        marks, lambda value: value / most, peak, peaks)
    description = "; ".join(
        f"{run['hosts']:,} hosts: verdict {run['verdict_s']:.1f} s and end {run['end_s']:.1f} s after the last change, "
        f"{run['peak_mb']:.0f} MB" for run in found)
    pictures["bench-verify.svg"] = charts.page("A whole verification by number of hosts", description + ".", 364, parts)
    linearity = (
        "Hosts beyond the connections that open files allow get a new one for each request, which takes more processor time. "
        "The fleet runs on the same machine and takes its share.")
    for run in short_of_files:
        linearity = (
            f"With {run['open_files']:,} open files, {run['hosts']:,} hosts take {run['cpu_s'] / run['requests'] * 1e6:.0f} µs "
            f"per request and {opened(run)} new connections. {linearity}")
    if 10_000 in above and 50_000 in above:
        linearity = (
            f"From 10,000 to 50,000 hosts, memory per host above {BASE} MB is {above[50_000] / above[10_000]:.2f} times, "
            f"and processor time per request {processor[50_000] / processor[10_000]:.2f} times; 1.00 is linear. {linearity}")
    return {"verify": table(heads, rows), "linearity": linearity}


def latency(results, pictures):
    case, found = results.only("latency")
    loop = found["curl | jq"]["latency_s"]
    # The axis starts at a millisecond, which is what the collector's report resolves.
    shown = {name: [max(value, 0.001) for value in result["latency_s"]] for name, result in found.items()}
    marks = charts.ticks(0.001, max(times_shown[-1] for times_shown in shown.values()))
    parts = charts.panel(
        60, 740, 110, "Share of hosts whose change is known, in %", "time since the change, logarithmic",
        [(name, [(value, share) for share, value in enumerate(times_shown)], kind, False)
         for (name, times_shown), kind in zip(shown.items(), "abc")],
        [(mark, seconds(mark).replace(".0", "")) for mark in marks],
        lambda value: math.log10(value / marks[0]) / math.log10(marks[-1] / marks[0]), 100, [0, 25, 50, 75, 100])
    description = "; ".join(
        f"{name}: median {seconds(result['latency_s'][50])}, 95 % within {seconds(result['latency_s'][95])}"
        for name, result in found.items())
    title = f"From a host's change until it is known, {case}"
    pictures["bench-latency.svg"] = charts.page(title, description + ".", 364, parts)
    rows = [[label(name), f"{result['latency_s'][50] / loop[50]:.2g}",
             *(seconds(result["latency_s"][share]) for share in (50, 95, 100))] for name, result in found.items()]
    return {"latency_hosts": case, "latency": table(["", "median, curl \\| jq = 1", "median", "95 %", "longest"], rows)}


def agent(results, _):
    cases, starts = results.cases("agent"), results.cases("start")
    two, idle, first, versions = cases["two services"], cases["idle"], starts["first answer"], starts["--version"]
    size = {name: result["disk_mb"] for name, result in starts["size"].items()}
    ours, peer = two["agent"], two["node_exporter"]
    rows = [["**agent**, two files as services", times(ours["disk_mb"] / peer["disk_mb"]),
             times(ours["resident_mb"] / peer["resident_mb"]), "", "",
             times(ratio(first["agent"], first["node_exporter"], "start_ms"))]]
    for name, title in (("reader", "**agent**, idle reader of an engine"), ("server", "**agent**, idle server"),
                        ("node_exporter", "node_exporter, idle")):
        rows.append([title, "", times(idle[name]["resident_mb"] / idle["node_exporter"]["resident_mb"]),
                     f"{idle[name]['wakeups_per_s']:.2f}", f"{idle[name]['cpu_s_per_hour']:.2f} s", ""])
    held, spread = cases["held requests"]["agent"], cases["a change to all held requests"]["agent"]
    event, status = cases["engine event to document"]["agent"], cases["container start to status"]["agent and collector"]
    lines = [
        f"Each held request takes {held['kib_each']:.1f} KiB. A change reaches the first of {held['held']:,.0f} held requests "
        f"after {spread['first_ms']:.0f} ms, and the last after {spread['all_ms']:.0f} ms.",
        f"From an engine's event to the new document: median {event['median_ms']:.1f} ms, longest "
        f"{event['worst_ms']:.1f} ms.",
        f"From a container's start to its status in `verify`: median {status['median_ms']:.1f} ms, longest "
        f"{status['worst_ms']:.1f} ms.",
        f"The collector has {size['collector'] / size['docker']:.2f} times the size of the `docker` command, and `--version` "
        f"takes {ratio(versions['collector'], versions['docker'], 'wall_s'):.2f} times its time."]
    absolute = (
        f"<sub>Agent: {ours['disk_mb']} MB, {ours['resident_mb']} MB resident, first answer after "
        f"{middle(first['agent'], 'start_ms'):.0f} ms; reader {idle['reader']['resident_mb']} MB, server "
        f"{idle['server']['resident_mb']} MB. node_exporter: {peer['disk_mb']} MB, {peer['resident_mb']} MB, "
        f"{middle(first['node_exporter'], 'start_ms'):.0f} ms. Collector: {size['collector']} MB, "
        f"{middle(versions['collector'], 'wall_s') * 1000:.0f} ms.</sub>")
    heads = ["", "size, node_exporter = 1", "resident memory, node_exporter = 1", "wake-ups per second",
             "processor per hour", "start to first answer, node_exporter = 1"]
    return {"agent": table(heads, rows), "agent_lines": "\n".join(f"- {line}" for line in lines), "agent_values": absolute}


def images(results, _):
    found = results.cases("images")["first answer"]
    ours, peer = found["agent"], found["node_exporter"]
    row = ["**agent**", times(ours["compressed_mb"] / peer["compressed_mb"]), times(ratio(ours, peer, "start_ms"))]
    absolute = (f"<sub>Agent: {ours['compressed_mb']} MB, {middle(ours, 'start_ms'):.0f} ms. node_exporter: "
                f"{peer['compressed_mb']} MB, {middle(peer, 'start_ms'):.0f} ms.</sub>")
    heads = ["", "compressed size, node_exporter = 1", "`docker run` to first answer, node_exporter = 1"]
    return {"images": table(heads, [row]), "images_values": absolute}


def ledger(results, _):
    rows = [[f"`{case}`", times(found["collector"]["ratio"]),
             f"{found['collector']['median_ms']} ms{found['collector']['unit']}", f"{found['collector']['longest_ms']} ms"] for case, found in results.cases("ledger").items()]
    return {"ledger": table(["query", "time, sqlite3 = 1", "median", "longest"], rows)}


def service(results, _):
    cases = results.cases("service")
    (kept, held), (few, idle), (large, _) = (
        next(iter(cases[name].items())) for name in ("held by long polls", "idle", "page /"))
    rows = []
    for name, found in cases.items():
        if name in ("held by long polls", "idle", "drift"):
            continue
        result = found[large]
        limits = ("150 ms, 200 KB",) if name.startswith("page") else ("",)
        rows.append([escaped(name), f"{middle(result, 'ms'):.0f} ms", f"{percentile(result['ms'], 95):.0f} ms",
                     f"{result['kb']:.1f} KB", *limits])
    took = cases["drift"][kept]["ms"]
    lines = [
        f"While {kept} hold {held['held']:,} requests, the service uses {held['core_percent']:.1f} % of a core and "
        f"{held['resident_mb']:.0f} MB.",
        f"From a change on a host until the API shows it: median {statistics.median(took):.0f} ms, 95 % "
        f"{percentile(took, 95):.0f} ms, longest {max(took):.0f} ms.",
        f"With {few}, it uses {idle['resident_mb']:.0f} MB (limit 60 MB), {idle['core_percent']:.2f} % of a core and "
        f"{idle['wakeups_per_s']:.1f} wake-ups a second (limit 2). One of them is a timer of libdispatch."]
    return {"service_hosts": large, "service": table(["", "median", "95 %", "size", "limit"], rows),
            "service_lines": "\n".join(f"- {line}" for line in lines)}


def percentile(values, share):
    return sorted(values)[(len(values) - 1) * share // 100]


def verdicts(*_):
    """The first table of the page that bench/verdicts/run.py writes."""
    text = (HERE / "verdicts/README.md").read_text()
    return {"verdicts": re.search(r"<!-- results.*\n\n((?:\|.*\n)+)", text)[1].rstrip()}


# By heading, with the benchmarks that each needs. The false verdicts keep results of their own.
SECTIONS = {"Sweep": (sweep, ["sweep"]), "Kept connections": (kept, ["kept"]), "TLS": (tls, ["sweep", "kept", "tls"]),
            "Whole verifications": (verify, ["verify"]), "Detection latency": (latency, ["latency"]),
            "Agent": (agent, ["agent", "start"]), "Container image": (images, ["images"]), "Ledger": (ledger, ["ledger"]),
            "Service": (service, ["service"]), "False verdicts": (verdicts, [])}


def machine(results):
    """The conditions of the benchmarks, once if they are the same for all."""
    groups = {}
    for benchmark, now in results.conditions.items():
        peers = ", ".join(f"{name} {version}" for name, version in now["peers"].items())
        groups.setdefault(f"{now['machine']}; {peers}; {now['date']}, commit {now['commit']}", []).append(benchmark)
    lines = [f"{text}{'' if len(groups) == 1 else ' (' + ', '.join(names) + ')'}." for text, names in groups.items()]
    busy = {name: now["other_load"] for name, now in results.conditions.items() if now["other_load"] > 0.2}
    if busy:
        lines.append("The machine was not quiet: other programs kept so many processors busy before "
                     + ", ".join(f"{name} {load}" for name, load in busy.items())
                     + ". Ratios of elapsed time are provisional.")
    if any(now["quick"] for now in results.conditions.values()):
        lines.append("Results of `--quick` mean nothing: " + ", ".join(
            name for name, now in results.conditions.items() if now["quick"]) + ".")
    return {"machine": "The machine: " + "\n".join(lines)}


def filled(text, names):
    return re.sub(r"@(\w+)@", lambda match: str(names[match[1]]), text)


def main():
    results = Results(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.jsonl")
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parent / "docs"
    head, *sections = re.split(r"^(?=## )", (HERE / "benchmarks.md.in").read_text(), flags=re.MULTILINE)
    parts, pictures = [filled(head, machine(results))], {}
    for text in sections:
        title = text.splitlines()[0].removeprefix("## ")
        section, needs = SECTIONS[title]
        missing = [name for name in needs if name not in results.conditions]
        if missing:
            flags = " ".join(f"--only {name}" for name in missing)
            parts.append(f"## {title}\n\nNot measured: run `make bench ARGS='{flags}'`.\n\n")
            print(f"render.py: no results of {', '.join(missing)}", file=sys.stderr)
        else:
            parts.append(filled(text, section(results, pictures)))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text("".join(parts).rstrip() + "\n")
    for name, picture in pictures.items():
        (folder / "images" / name).write_text(picture)


if __name__ == "__main__":
    main()
