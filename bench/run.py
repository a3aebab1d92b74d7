#!/usr/bin/env python3
"""Runs the benchmarks, each with its peers in turns, and writes their figures to a file for render.py.

Usage: bench/run.py [--only NAME]… [--quick] [--agent PATH] [--collector PATH] [--fleet PATH] [--results PATH]

A benchmark that cannot run, or whose contestant fails, is reported at the end, and the exit code is 1. Needs root and the
packages of `scripts/deps.sh bench`. Everything stays on loopback and in a temporary folder.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness import (
    HERE, PORT, BenchError, Contestant, Fleet, Nginx, Results, Workplace, address, conditions, end, need,
    other_load, run, sample)
from service import service

ROOT = HERE.parent
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # As in peers/document.conf.
ROUNDS = "1000000"


# MARK: Sweeps

def peers(place):
    """Builds the peers: the paths of the epoll loop, the loop of libcurl, the Go program and the Python of aiohttp."""
    need("cc", "go", "curl", "jq")
    run("cc", "-O2", "-o", place.root / "epoll_loop", HERE / "peers/epoll_loop.c")
    run("cc", "-O2", "-o", place.root / "libcurl_loop", HERE / "peers/libcurl_loop.c", "-lcurl")
    run("go", "build", "-o", place.root / "peer", HERE / "peers/peer.go",
        env=os.environ | {"GO111MODULE": "off", "CGO_ENABLED": "0"})
    python = ROOT / ".build-bench/bin/python3"
    if not python.exists():
        run(sys.executable, "-m", "venv", ROOT / ".build-bench")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "peers/requirements.txt")
    return place.root / "epoll_loop", place.root / "libcurl_loop", place.root / "peer", python


def curl_list(urls):
    """A configuration that makes curl request all URLs."""
    path = urls.with_suffix(".curl")
    path.write_text("".join(
        f'url = "{url}?nonce=0123456789abcdef"\noutput = "/dev/null"\n' for url in urls.read_text().split()))
    return path


def sweep(place):
    """One request to each host over new connections."""
    loop, libcurl, go, python = peers(place)
    hosts, looped = (1_000, 50) if place.quick else (10_000, 200)
    nginx = Nginx(place)
    urls = place.addresses(hosts)
    place.turns("sweep", f"{hosts:,} hosts", [
        Contestant("raw epoll loop", [loop, str(hosts), str(PORT)]),
        Contestant("bare libcurl", [libcurl, urls]),
        Contestant("status", status(place, urls)),
        Contestant("Go net/http", [go, "-urls", urls]),
        Contestant("curl --parallel", ["curl", "-sf", "--parallel", "--parallel-max", "300", "-K", curl_list(urls)], runs=3),
        Contestant("aiohttp", [python, HERE / "peers/aiohttp_peer.py", urls, "1"], runs=3),
        Contestant("curl | jq", [HERE / "peers/loop.sh", place.addresses(looped), COMMIT], runs=3, scale=hosts // looped),
    ], runs=5, check=lambda contestant: nginx.counting(contestant, hosts), hosts=hosts)


def status(place, urls, *flags):
    return [place.collector, "status", "--fleet", urls, "--service", "canvas", "--sha", COMMIT, "--store", "none",
            "--progress", "none", *flags]


def tls(place):
    """As sweep, with certificates that are verified."""
    _, libcurl, go, python = peers(place)
    cases = [(100, 3)] if place.quick else [(1_000, 5), (10_000, 3)]
    nginx = Nginx(place, tls_hosts=cases[-1][0])
    for hosts, runs in cases:
        slow = 3 if hosts < 5_000 else 1
        urls = place.addresses(hosts, tls=True)
        authority = nginx.authority
        place.turns("tls", f"{hosts:,} hosts", [
            Contestant("bare libcurl", [libcurl, urls, authority]),
            Contestant("status", status(place, urls, "--ca", authority)),
            Contestant("Go net/http", [go, "-urls", urls, "-ca", authority]),
            Contestant("curl --parallel", ["curl", "-sf", "--parallel", "--parallel-max", "300", "--cacert", authority, "-K",
                                           curl_list(urls)], runs=slow),
            Contestant("aiohttp", [python, HERE / "peers/aiohttp_peer.py", urls, "1", authority], runs=slow),
        ], runs=runs, check=lambda contestant: nginx.counting(contestant, hosts), hosts=hosts)


def kept(place):
    """Requests over kept connections, as fast as each contestant can, for some seconds after two rounds.

    `verify` runs with an interval of 100 ms, which is shorter than the fleet allows, so it asks as fast as it can.
    """
    loop, _, go, python = peers(place)
    hosts, seconds, runs = (500, 1, 1) if place.quick else (10_000, 5, 3)
    nginx = Nginx(place)
    urls = place.addresses(hosts)
    contestants = {
        "raw epoll loop": [loop, hosts, PORT, ROUNDS],
        "verify": [place.collector, "verify", "--fleet", urls, "--service", "canvas", "--sha", COMMIT, "--store", "none",
                   "--progress", "none", "--interval", "100ms", "--soak", "10m", "--timeout", "20m"],
        "Go net/http": [go, "-urls", urls, "-rounds", ROUNDS],
        "aiohttp": [python, HERE / "peers/aiohttp_peer.py", urls, ROUNDS],
    }
    figures = {name: {"answers_per_s": [], "cpu_us": [], "peak_mb": [], "new_connections": []} for name in contestants}
    for _ in range(runs):
        for name, command in contestants.items():
            with open(place.root / "stderr", "wb") as err:
                process = place.start(command, stdout=subprocess.DEVNULL, stderr=err)
            first, deadline = nginx.counts()[1], time.monotonic() + 90
            while nginx.counts()[1] - first < 2 * hosts:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(f"{name} made no two rounds: {place.tail('stderr')}")
                time.sleep(0.05)
            (opened, asked), (cpu, _), start = nginx.counts(), sample(process.pid), time.perf_counter()
            time.sleep(seconds)
            (opened_then, asked_then), (cpu_then, peak) = nginx.counts(), sample(process.pid)
            took, answers = time.perf_counter() - start, asked_then - asked
            end(process)
            for kind, value in zip(figures[name].values(), (answers / took, (cpu_then - cpu) / answers * 1e6, peak,
                                                            (opened_then - opened) / answers)):
                kind.append(round(value, 4))
    for name, values in figures.items():
        place.results.add("kept", f"{hosts:,} hosts", name, hosts=hosts, **values)


# MARK: Verifications

def verify(place):
    """Whole verifications with default flags: the hosts change over a minute, and 1 % never answer."""
    span, sizes = (5, [200]) if place.quick else (60, [1_000, 10_000, 50_000, 100_000])
    for hosts in sizes:
        figures, delays = verification(place, hosts, span, ["--dead", "1%"], "--max-unreachable", "2%", "--store",
                                       place.root / f"ledger-{hosts}.db")
        place.results.add("verify", f"{hosts:,} hosts", "verify", hosts=hosts, **figures, latency_s=percentiles(delays))
    # So that as few hosts keep their connections as of a fleet of five times the size.
    hosts, files = sizes[min(1, len(sizes) - 1)], resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 31 // 100
    figures, _ = verification(place, hosts, span, ["--dead", "1%"], "--max-unreachable", "2%", "--store",
                              place.root / "ledger-files.db", before=["prlimit", f"--nofile={files}"])
    place.results.add("verify", f"{hosts:,} hosts, fewer files", "verify", hosts=hosts, open_files=files, **figures)


def verification(place, hosts, span, fleet_flags, *flags, before=()):
    """One `verify` of a fleet whose hosts change at random, known times within `span` seconds. `before` is a command that
    starts it.

    Returns its figures, and for each host the seconds from its change until its status was known. Hosts that changed before
    the first request do not count.
    """
    times = changes(hosts, span)
    fleet = Fleet(place, hosts, [(at, host, "target") for host, at in times.items()], *fleet_flags)
    report = place.root / "report.json"
    wall, cpu, peak = place.measure(Contestant("verify", [
        *before, place.collector, "verify", "--fleet", fleet.inventory, "--sha", Fleet.TARGET, "--progress", "none", "--report",
        f"json={report}", *flags], exits=(0, 10, 20, 30)))
    ended = time.time() - fleet.started_at
    requests, connections, began = fleet.stop()
    said = json.loads(report.read_text())
    delays, last = [], 0
    for host in said["hosts"]:
        known = [change["seconds"] for change in host["transitions"] if change["status"] == "soaking"]
        at = times[int(host["name"].rsplit("-", 1)[1])]
        if known:
            last = max(last, at)
            if at > began:
                delays.append(began + known[0] - at)
    if not delays:
        raise BenchError(f"verify saw no change and ended with {said['exit_code']}: {place.tail('stderr')}")
    return {
        "exit": said["exit_code"], "proven": said["summary"]["proven"], "soak_s": said["policy"]["soak_seconds"],
        "verdict_s": round(began + said["verification"]["duration_seconds"] - last, 3), "end_s": round(ended - last, 3),
        "cpu_s": round(cpu, 2), "peak_mb": round(peak, 1), "requests": requests,
        "connections": connections,
    }, delays


def changes(hosts, span):
    """When each host, from 1, changes: at random, but always the same."""
    chance = random.Random(hosts)
    return {host: round(chance.uniform(min(2, span / 2), span), 3) for host in range(1, hosts + 1)}


def percentiles(values):
    """The least, the percentiles from 1 to 99, and the largest value."""
    values = sorted(values)
    return [round(values[(len(values) - 1) * share // 100], 4) for share in range(101)]


def latency(place):
    """The time from a host's change until the collector, or a loop, has seen it."""
    hosts, span = (50, 3) if place.quick else (1_000, 30)
    case = f"{hosts:,} hosts"
    for name, fleet_flags in (("verify, long polls", []), ("verify, polling every 2 s", ["--no-long-polls"])):
        _, delays = verification(place, hosts, span, fleet_flags, "--store", "none", "--soak", "2s")
        place.results.add("latency", case, name, hosts=hosts, latency_s=percentiles(delays))
    need("curl", "jq")
    times = changes(hosts, span)
    fleet = Fleet(place, hosts, [(at, host, "target") for host, at in times.items()], "--no-long-polls")
    seen = dict(line.split() for line in run(HERE / "peers/loop.sh", place.addresses(hosts), Fleet.TARGET).splitlines())
    delays = [float(seen[f"http://{address(host)}:{PORT}/buildinfo"]) - fleet.started_at - at for host, at in times.items()]
    place.results.add("latency", case, "curl | jq", hosts=hosts, latency_s=percentiles(delays))


# MARK: Agent

def agent(place):
    """The figures of the agent's own scripts, which exit with 1 if a limit is exceeded."""
    def figures(script, *patterns, environment=None, arguments=()):
        done = subprocess.run([HERE / script, place.agent, *arguments], env=os.environ | (environment or {}), check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        text = done.stdout
        if done.returncode == 1:
            place.exceeded.append(f"{script}: {text.strip().splitlines()[-1]}")
        for case, contestant, pattern, names in patterns:
            match = re.search(pattern, text)
            if not match:
                raise BenchError(f"{script} does not print {pattern}: {text[-400:]}")
            place.results.add("agent", case, contestant, **dict(zip(names, map(float, match.groups()))))

    footprint = r"{}\s+([\d.]+) MB on disk\s+([\d.]+) MB resident"
    figures("agent-footprint.sh",
            ("two services", "agent", footprint.format("buildinfo-agent"), ("disk_mb", "resident_mb")),
            ("two services", "node_exporter", footprint.format("node_exporter"), ("disk_mb", "resident_mb")))
    idle = r"{}\s+([\d.]+) MB resident[^,]*, ([\d.]+) wake-ups a second[^,]*, ([\d.]+) s of processor an hour"
    names = ("resident_mb", "wakeups_per_s", "cpu_s_per_hour")
    figures("agent-idle.sh", *(("idle", name, idle.format(name), names) for name in ("reader", "server", "node_exporter")),
            environment={"SECONDS_IDLE": "5" if place.quick else "60"})
    figures("agent-held.sh",
            ("held requests", "agent", r"(\d+) held: .* ([\d.]+) KiB each", ("held", "kib_each")),
            ("a change to all held requests", "agent", r"first after ([\d.]+) ms, all of them after ([\d.]+) ms",
             ("first_ms", "all_ms")),
            environment={"HELD": "500" if place.quick else "4000"})
    extremes = r"median +([\d.]+) ms +worst +([\d.]+) ms"
    figures("agent-events.sh",
            ("engine event to document", "agent", r"all +" + extremes, ("median_ms", "worst_ms")),
            environment={"ROUNDS": "2" if place.quick else "10"})
    figures("agent-label.sh",
            ("container start to status", "agent and collector", extremes, ("median_ms", "worst_ms")),
            arguments=[place.collector], environment={"ROUNDS": "2" if place.quick else "5"})


def start(place):
    """Size, and the time from the start of a process until it is useful."""
    need("prometheus-node-exporter", "docker", "curl")
    sha = place.root / "canvas"
    sha.write_text(COMMIT)
    programs = {
        "agent": ([place.agent, "--listen", f"127.0.0.1:{PORT}", "--service", f"canvas=file:{sha}", "--host-id",
                   "bench-host", "--log-level", "error"], "/buildinfo"),
        "node_exporter": (["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=error"],
                          "/metrics"),
    }
    took = {name: [] for name in programs}
    for _ in range(3 if place.quick else 15):
        for name, (command, path) in programs.items():
            begin = time.perf_counter()
            process = place.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            answer_of(path)
            took[name].append(round((time.perf_counter() - begin) * 1000, 2))
            end(process)
    for name, times in took.items():
        place.results.add("start", "first answer", name, disk_mb=size(programs[name][0][0]), start_ms=times)
    versions = [Contestant(name, [program, "--version"]) for name, program in
                (("collector", place.collector), ("docker", "docker"), ("curl", "curl"))]
    place.turns("start", "--version", versions, runs=3 if place.quick else 15)
    for contestant in versions[:2]:
        place.results.add("start", "size", contestant.name, disk_mb=size(contestant.command[0]))


def images(place):
    """Size and start of the agent's image beside node_exporter's."""
    folder = ROOT / ".build-images"
    if not (folder / "agent/index.json").exists():
        raise BenchError(f"no images in {folder}: run make images")
    text = run(HERE / "images.sh", folder, env=os.environ | {"ROUNDS": "3" if place.quick else "15"})
    for name, size, times in re.findall(r"(\S+) +([\d.]+) MB compressed, first answer after ([\d ]+) ms", text):
        place.results.add("images", "first answer", name, compressed_mb=float(size), start_ms=list(map(int, times.split())))


def answer_of(path, patience=10):
    """Asks until the first answer."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=patience) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                if connection.recv(16).startswith(b"HTTP/1.1 200"):
                    return
        except ConnectionError:
            pass
        time.sleep(0.001)
    raise BenchError(f"no answer at {path}")


def size(program):
    return round(Path(shutil.which(str(program))).resolve().stat().st_size / 1e6, 1)


# MARK: Others

def ledger(place):
    """Queries to a ledger of a million transitions, beside sqlite3."""
    quick = {"VERIFICATIONS": "20", "RUNS": "1", "LARGE": "1000"} if place.quick else {"RUNS": "5"}
    text = run(HERE / "ledger.sh", place.collector, env=os.environ | quick, cwd=ROOT)
    rows = re.findall(
        r"^(.+?) +(\d+) ms (?:\(longest (\d+)\)|(of processor .+?)), sqlite3 +(\d+) ms, ([\d.]+) times$", text, re.M)
    if not rows:
        raise BenchError(f"ledger.sh printed no rows: {text[-400:]}")
    for case, ours, longest, unit, theirs, ratio in rows:
        place.results.add("ledger", case, "collector", median_ms=int(ours), longest_ms=int(longest or ours),
                          unit=f" {unit}".rstrip(), ratio=float(ratio))
        place.results.add("ledger", case, "sqlite3", median_ms=int(theirs))


def verdicts(place):
    """False verdicts of the usual checks. The program keeps results and charts of its own."""
    arguments = ["--out", place.root] if place.quick else []
    print(run(HERE / "verdicts/run.py", *arguments, place.collector))


BENCHMARKS = [sweep, kept, tls, verify, latency, agent, start, images, ledger, service, verdicts]


def main():
    names = [benchmark.__name__ for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description="Runs the benchmarks, each with its peers in turns.")
    parser.add_argument("--only", action="append", choices=names,
                        help="run this one, and keep the results of the others; repeatable")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the harness: the figures mean nothing")
    parser.add_argument("--agent", default=ROOT / ".build-release-agent/release/buildinfo-agent", type=Path)
    parser.add_argument("--collector", default=ROOT / ".build-release/release/buildinfo-collector", type=Path)
    parser.add_argument("--fleet", default=ROOT / ".build-release/release/buildinfo-fleet", type=Path)
    parser.add_argument("--results", default=HERE / "results.jsonl", type=Path)
    options = parser.parse_args()
    programs = [path.resolve() for path in (options.agent, options.collector, options.fleet)]
    for program in programs:
        if not os.access(program, os.X_OK):
            sys.exit(f"run.py: no program at {program}: run make bench")
    # Ends as after Ctrl-C, with everything that was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed, exceeded = [], []
    for benchmark in BENCHMARKS:
        if options.only and benchmark.__name__ not in options.only:
            continue
        print(f"== {benchmark.__name__}: {benchmark.__doc__.splitlines()[0]}", flush=True)
        started_at, load, results = time.time(), other_load(), Results(options.results)
        place = Workplace(results, *programs, options.quick)
        try:
            with place.exits:
                benchmark(place)
            results.keep(benchmark.__name__, conditions(started_at, load, options.quick))
            exceeded += place.exceeded
        except BenchError as error:
            print(f"{benchmark.__name__}: {error}", file=sys.stderr)
            failed.append(benchmark.__name__)
        print(f"   {time.time() - started_at:.0f} s", flush=True)
    for problem in exceeded:
        print(problem, file=sys.stderr)
    if failed:
        sys.exit(f"run.py: no new results of {', '.join(failed)}")
    sys.exit(1 if exceeded else 0)


if __name__ == "__main__":
    main()
