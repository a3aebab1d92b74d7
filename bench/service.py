"""The collector as a service: pages, API, detection of a drift, and what it uses. A benchmark of run.py.

The numbers to hold to are in docs/benchmarks.md: a value above one of them makes run.py end with 1.
"""

import http.client
import json
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

from harness import BenchError, end, sample

TOKEN = "bench-token-" * 3
COMMIT, FORMER = "b" * 40, "a" * 40
# Percentiles and sizes that a page and an API answer must not exceed, and what an idle service may use.
PAGE_MS, PAGE_KB, IDLE_MB, IDLE_WAKEUPS, DRIFT_MS = 150, 200, 60, 2, 1_000


class Hosts:
    """A buildinfo-fleet that plays the hosts of one service, and takes steps from a pipe."""

    def __init__(self, place, service, hosts):
        ready, inventory = place.root / f"{service}.port", place.root / f"{service}.json"
        ready.unlink(missing_ok=True)
        with open(place.root / f"{service}.log", "wb") as log:
            self.process = place.start(
                [place.fleet, "--hosts", hosts, "--port", 0, "--service", service, "--sha", COMMIT, "--former-sha", FORMER,
                 "--ready-file", ready, "--inventory", inventory, "--script", "-"], stdin=subprocess.PIPE, stdout=log, stderr=log)
        wait(lambda: ready.exists() and ready.read_text().endswith("\n"), 30, f"{service}: {place.tail(f'{service}.log')}")
        self.service, self.inventory = service, inventory

    def play(self, step):
        self.process.stdin.write(f"{step}\n".encode())
        self.process.stdin.flush()


class Service:
    """A running `serve`, and one kept connection to it."""

    def __init__(self, place, name, fleets, interval):
        folder = place.root / name
        folder.mkdir()
        (folder / "token").write_text(TOKEN + "\n")
        text = (f'listen: ["127.0.0.1:0"]\nstore: {folder}/ledger.db\naccess:\n  tokens: [{{file: {folder}/token, scopes: '
                "[read, verify]}]\nfleets:\n")
        for hosts in fleets:
            text += (f"  - {{service: {hosts.service}, environment: production, inventory: {hosts.inventory}, policy: "
                     f"{{soak: 2s, timeout: 5m}}, check: {{interval: {interval}}}}}\n")
        (folder / "collector.yaml").write_text(text)
        with open(folder / "log", "wb") as log:
            self.process = place.start([place.collector, "serve", "--config", folder / "collector.yaml"],
                                       stdout=log, stderr=log)
        log = folder / "log"
        wait(lambda: " Ready" in log.read_text(), 60, f"serve: {log.read_text()[-400:]}")
        port = int(re.search(r"Listening .*address=127\.0\.0\.1:(\d+)", log.read_text())[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.fleets = fleets

    def ask(self, path, body=None, **headers):
        """The status, the body, and the milliseconds until its last byte."""
        headers |= {"Authorization": f"Bearer {TOKEN}", "Accept": "text/html, */*;q=0.1"}
        begin = time.perf_counter()
        self.connection.request("POST" if body else "GET", path, body=body, headers=headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, content, (time.perf_counter() - begin) * 1000

    def json(self, path, body=None, **headers):
        status, content, _ = self.ask(path, body, **headers)
        if status >= 300:
            raise BenchError(f"{path} answered {status}: {content[:300]!r}")
        return json.loads(content)

    def promote(self):
        """Verifies every fleet; returns the ids once all hosts are proven, by the standing checks as well."""
        ids = []
        for hosts in self.fleets:
            ids.append(self.json("/api/v1/verifications", json.dumps(
                {"service": hosts.service, "environment": "production", "git_sha": COMMIT}),
                **{"Idempotency-Key": f"bench-{hosts.service}", "Content-Type": "application/json"})["id"])
        wait(lambda: all(self.json(f"/api/v1/verifications/{number}")["state"] == "finished" for number in ids), 300,
             "the verifications do not end")
        wait(lambda: all(fleet["fresh"] and fleet["proven"] == fleet["expected"] for fleet in
                         self.json("/api/v1/fleets")["fleets"]), 300, "the fleets are not proven")
        return ids

    def times(self, path, count):
        """Milliseconds of so many requests, and the size of the answer in KB."""
        took = []
        for _ in range(count):
            status, content, milliseconds = self.ask(path)
            if status != 200:
                raise BenchError(f"{path} answered {status}: {content[:300]!r}")
            took.append(round(milliseconds, 2))
        return took, round(len(content) / 1000, 1)

    def usage(self, seconds):
        """What the process uses: percent of a core, wake-ups a second, and MB of resident memory."""
        number = self.process.pid
        (cpu, _), begin = sample(number), time.monotonic()
        switches = Wakeups(number)
        while time.monotonic() < begin + seconds:
            time.sleep(0.25)
            switches.look()
        took = time.monotonic() - begin
        status = Path(f"/proc/{number}/status").read_text()
        return {"core_percent": round((sample(number)[0] - cpu) / took * 100, 2),
                "wakeups_per_s": round(switches.count / took, 2),
                "resident_mb": round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, 1)}


class Wakeups:
    """Counts how often the threads of a process go to sleep. Threads take their counts with them when they end, so somebody
    has to look several times a second."""

    def __init__(self, number):
        self.tasks, self.count, self.known = Path(f"/proc/{number}/task"), 0, {}
        self.known = self.read()

    def read(self):
        found = {}
        for status in self.tasks.glob("*/status"):
            try:
                found[status.parent.name] = int(re.search(
                    r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.M)[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def look(self):
        found = self.read()
        self.count += sum(count - self.known.get(thread, 0) for thread, count in found.items())
        self.known = found


def wait(condition, seconds, problem):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(problem)
        time.sleep(0.05)


def held(place, fleets):
    """The requests that the hosts hold now."""
    count = 0
    for hosts in fleets:
        log = place.root / f"{hosts.service}.log"
        before = log.read_text().count("\n")
        hosts.process.send_signal(signal.SIGUSR1)
        wait(lambda: log.read_text().count("\n") > before, 10, f"{hosts.service} prints no statistics")
        count += int(re.findall(r"held (\d+)", log.read_text())[-1])
    return count


def percentile(values, share):
    return sorted(values)[(len(values) - 1) * share // 100]


def drift(service, hosts, rounds):
    """Milliseconds from a host's change until the API shows it."""
    took = []
    for number in range(1, rounds + 1):
        path = f"/api/v1/fleets/{hosts.service}/production/hosts?q=host-{number:06}&limit=1"
        begin = time.perf_counter()
        hosts.play(f"0s {number} former")
        while service.json(path)["hosts"][0]["git_sha"] != FORMER:
            if time.perf_counter() - begin > 60:
                raise BenchError("a drift was not seen within a minute")
            time.sleep(0.001)
        took.append(round((time.perf_counter() - begin) * 1000, 1))
        time.sleep(0.05)
    return took


def started(place, name, count, each):
    """So many fleets of so many hosts, a service that watches them, and the ids of the verifications that proved them."""
    fleets = [Hosts(place, f"s{number:02}", each) for number in range(1, count + 1)]
    for hosts in fleets:
        hosts.play("0s all target")
    large = Service(place, name, fleets, "15s")
    return fleets, large, large.promote()


def stop(fleets, large):
    for process in [large.process, *(hosts.process for hosts in fleets)]:
        end(process)


def service(place):
    """Pages, API and the use of the machine with 10,000 hosts of 20 services, and with 50 that are idle."""
    count, each, rounds = (2, 20, 3) if place.quick else (20, 500, 40)
    settle, seconds = (2, 2) if place.quick else (20, 30)
    # Eight open files a host, so that a request can be held at every host.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 8
    fleets, large, ids = started(place, "large", count, each)
    case = f"{count * each:,} hosts"
    for name, path in {
            "page /": "/", "page /fleets": "/fleets/s01/production", "page /hosts": "/hosts/host-000007",
            "page /commits": f"/commits/{COMMIT}", "page /promotions": "/promotions",
            "page /verifications": f"/verifications/{ids[0]}", "API fleets": "/api/v1/fleets",
            "API hosts": "/api/v1/fleets/s01/production/hosts?limit=100", "API commits": f"/api/v1/commits/{COMMIT}",
            "API promotions": "/api/v1/promotions", "API verification": f"/api/v1/verifications/{ids[0]}",
            "metrics": "/metrics"}.items():
        took, size = large.times(path, rounds)
        place.results.add("service", name, case, ms=took, kb=size)
        if name.startswith("page"):
            check(place, f"{name} (95 %)", percentile(took, 95), PAGE_MS, "ms")
            check(place, name, size, PAGE_KB, "KB")
    if count * each > most:
        stop(fleets, large)
        each = most // count
        fleets, large, ids = started(place, "held", count, each)
    case = f"{count * each:,} hosts"
    wait(lambda: held(place, fleets) >= count * each * 0.98, 120, "the hosts' requests are not held")
    time.sleep(settle)
    place.results.add("service", "held by long polls", case, **large.usage(seconds), held=held(place, fleets))
    took = drift(large, fleets[0], rounds)
    place.results.add("service", "drift", case, ms=took)
    check(place, "the time to see a drift (95 %)", percentile(took, 95), DRIFT_MS, "ms")
    stop(fleets, large)

    few = [Hosts(place, "canvas", 50)]
    few[0].play("0s all target")
    idle = Service(place, "idle", few, "15s")
    idle.promote()
    idle.connection.close()
    # Hosts that soaked are asked to hold their requests from the second round on.
    time.sleep(2 * settle)
    used = idle.usage(2 * seconds)
    place.results.add("service", "idle", "50 hosts", **used)
    check(place, "the resident memory with 50 hosts", used["resident_mb"], IDLE_MB, "MB")
    check(place, "the wake-ups a second with 50 hosts", used["wakeups_per_s"], IDLE_WAKEUPS, "")


def check(place, what, value, limit, unit):
    if not place.quick and value > limit:
        place.exceeded.append(f"service: {what} is {value} {unit}, above {limit}")
