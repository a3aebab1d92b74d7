#!/usr/bin/env python3
"""Measures pages and events of the service: 10,000 hosts, 20 services, 200 clients, and a page in Chromium.

Usage: service-events.py [BIN] [--hosts N] [--clients N]     (BIN has buildinfo-collector and buildinfo-fleet)

It prints the time and size of pages; the processor time and memory that clients of events cost while 1,000 hosts change their status
within 10 s, beside the same change without clients; and the first paint and the longest task of an open page during a third
such change. Exit code 1 if a limit is exceeded. Needs Chromium.
"""

import argparse
import http.client
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from chromium import Browser  # noqa: E402

TARGET, FORMER = "a" * 40, "b" * 40
DIGEST = "sha256:" + "a" * 64
TOKEN = "t" * 32
TICK = os.sysconf("SC_CLK_TCK")
CHANGED, SECONDS = 1_000, 10

exceeded = []


def limit(what, value, most, unit):
    mark = "" if value <= most else "   EXCEEDED"
    print(f"{what}: {value:,.1f} {unit} (at most {most:,} {unit}){mark}", flush=True)
    if mark:
        exceeded.append(what)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Setup:
    def __init__(self, programs, folder, hosts, services):
        self.folder, self.programs, self.children = Path(folder), Path(programs), []
        fleets, small = [], 50
        self.changes = [150, 200, 250]  # seconds after the start of the first fleet
        for number in range(services):
            count = hosts - small * (services - 1) if number == 0 else small
            name = f"service-{number:02}"
            script = self.folder / f"{name}.script"
            lines = ["0s all target"]
            if number == 0:
                lines += [f"0s 1-{CHANGED} former"]
                for start in self.changes:
                    lines += [f"{start}s 1-{CHANGED} roll {SECONDS}s", f"{start + 30}s 1-{CHANGED} former"]
            script.write_text("\n".join(lines) + "\n")
            inventory = self.folder / f"{name}.yaml"
            self.start("buildinfo-fleet", "--hosts", count, "--port", free_port(), "--service", name, "--sha", TARGET,
                       "--digest", DIGEST, "--former-sha", FORMER, "--former-digest", "sha256:" + "b" * 64,
                       "--script", script, "--inventory", inventory, "--ready-file", self.folder / f"{name}.ready")
            fleets.append((name, inventory))
            if number == 0:
                self.begun = time.monotonic()
        self.until("the fleets listen", lambda: all((self.folder / f"{name}.ready").exists() for name, _ in fleets))
        self.port = free_port()
        (self.folder / "ci.token").write_text(TOKEN)
        entries = "\n".join(f"  - {{service: {name}, environment: production, inventory: {path}, policy: {{soak: 2s, timeout: 30m}}}}"
                            for name, path in fleets)
        (self.folder / "collector.yaml").write_text(
            f"listen: ['127.0.0.1:{self.port}']\nstore: {self.folder}/ledger.db\n"
            f"access: {{tokens: [{{file: {self.folder}/ci.token, scopes: [read, verify]}}]}}\nfleets:\n{entries}\n")
        self.process = self.start("buildinfo-collector", "serve", "--config", self.folder / "collector.yaml")
        self.until("the service answers", lambda: self.get("/healthz")[0] == 200)
        self.fleets = [name for name, _ in fleets]
        for name in self.fleets:
            self.verify(name)

    def start(self, program, *arguments):
        log = open(self.folder / "log", "ab")
        child = subprocess.Popen([self.programs / program, *map(str, arguments)], stdout=log, stderr=log)
        self.children.append(child)
        return child

    def verify(self, name):
        """Records a promotion by a verification that is interrupted at once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": name, "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/verifications", json.dumps(
            {"service": name, "environment": "production", "git_sha": TARGET, "digest": DIGEST}), headers)
        answer = json.loads(connection.getresponse().read())
        time.sleep(1)
        connection.request("DELETE", f"/api/v1/verifications/{answer['id']}", headers=headers)
        connection.getresponse().read()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Accept": "text/html,*/*"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    @staticmethod
    def until(what, condition, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {what}")
            time.sleep(0.2)

    def processor(self):
        """Seconds of processor time of the service."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """Resident KiB of the service."""
        return int(next(line for line in open(f"/proc/{self.process.pid}/status") if line.startswith("VmRSS")).split()[1])

    def wait(self, change):
        """Waits until a change begins."""
        pause = self.begun + self.changes[change] - time.monotonic()
        if pause < 0:
            raise TimeoutError(f"change {change} has already begun: the machine is too slow")
        time.sleep(pause)

    def close(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(timeout=40)
            except subprocess.TimeoutExpired:
                child.kill()


class Clients:
    """Clients that read events, all in one thread."""

    def __init__(self, port, count):
        self.selector, self.sockets, self.bytes, self.closed = selectors.DefaultSelector(), [], 0, 0
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            one.setblocking(False)
            self.sockets.append(one)
            self.selector.register(one, selectors.EVENT_READ)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(rest):
                data = key.fileobj.recv(1 << 16)
                self.bytes += len(data)
                if not data:
                    self.closed += 1
                    self.selector.unregister(key.fileobj)

    def close(self):
        for one in self.sockets:
            one.close()


def pages(setup):
    first = f"/fleets/{setup.fleets[0]}/production"
    _, text = setup.get(first)
    host = text.split(b'href="/hosts/')[1].split(b'"')[0].decode()
    for name, path, count in (("overview", "/", 100), ("hosts", first, 100), ("hosts, filtered", f"{first}?q=77&status=converged", 50),
                              ("hosts, API", f"/api/v1/fleets/{setup.fleets[0]}/production/hosts", 50),
                              ("one host", f"/hosts/{host}", 50), ("commit", f"/commits/{TARGET}", 50), ("promotions", "/promotions", 50)):
        times, size = [], 0
        for _ in range(count):
            begun = time.perf_counter()
            status, body = setup.get(path)
            times.append((time.perf_counter() - begun) * 1_000)
            size = max(size, len(body))
            if status != 200:
                raise RuntimeError(f"{path}: {status}")
        limit(f"{name}, p95", statistics.quantiles(times, n=20)[18], 150, "ms")
        limit(f"{name}, size", size / 1_000, 200, "KB")


def clients(setup, count):
    window = 20
    setup.wait(0)
    before = setup.processor()
    time.sleep(window)
    alone = setup.processor() - before
    resident = setup.memory()
    many = Clients(setup.port, count)
    many.read(10)
    many.read(max(0, setup.begun + setup.changes[1] - time.monotonic()))
    before, received = setup.processor(), many.bytes
    many.read(window)
    cost = setup.processor() - before
    print(f"{CHANGED:,} hosts change within {SECONDS} s: {alone:.2f} s of processor time in {window} s without clients, {cost:.2f} s with "
          f"{count}, which got {(many.bytes - received) / 1e6:.1f} MB")
    if many.closed:
        raise RuntimeError(f"{many.closed} clients were disconnected")
    limit(f"{count} clients, processor", (cost - alone) / window * 100, 10, "% of a core")
    limit("one client, memory", max(0, setup.memory() - resident) / count, 64, "KiB")
    many.close()


LONG = """
window.long = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.long = Math.max(window.long, one.duration); })
  .observe({type: "longtask", buffered: true});
0
"""


def page(setup):
    browser = Browser(loopback=True)
    try:
        browser.show(1280, "light")
        browser.visit(f"http://127.0.0.1:{setup.port}/fleets/{setup.fleets[0]}/production")
        browser.evaluate(LONG)
        time.sleep(2)
        paint = browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
        limit("first paint", paint, 1_500, "ms")
        loads = "performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'xmlhttprequest').length"
        setup.wait(2)
        before = browser.evaluate(loads)
        time.sleep(SECONDS + 3)
        print(f"the page took over {browser.evaluate(loads) - before} answers during the change")
        limit("longest task of the page", browser.evaluate("window.long"), 200, "ms")
    finally:
        browser.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bin", nargs="?", default=ROOT / ".build-release/release")
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument("--services", type=int, default=20)
    options.add_argument("--clients", type=int, default=200)
    chosen = options.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="buildinfo-events-") as folder:
        setup = Setup(chosen.bin, folder, chosen.hosts, chosen.services)
        try:
            def fresh():
                _, text = setup.get("/api/v1/fleets")
                return all(fleet["fresh"] for fleet in json.loads(text)["fleets"])
            setup.until("every host answered", fresh)
            pages(setup)
            clients(setup, chosen.clients)
            page(setup)
        finally:
            setup.close()
    print(f"load {os.getloadavg()[0]:.1f}")
    sys.exit(1 if exceeded else 0)


if __name__ == "__main__":
    main()
