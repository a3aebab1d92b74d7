#!/usr/bin/env python3
"""Takes the pictures of the HTML report in docs/images.

Usage: scripts/report-picture.py [FOLDER [IMAGES]]

FOLDER holds the built buildinfo-agent and buildinfo-collector (default .build/debug), IMAGES receives report.png and
report-dark.png (default docs/images). The pictures show a real run: one agent per host on loopback, a rollout of half a
minute, and a `verify` that ends with 10, because one host is not deployed and another one is unhealthy.

Needs Chromium (apt-get install chromium) and nothing else, and installs nothing.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from pictures import SCALE, Browser, save  # noqa: E402

OLD, NEW = "91c07be2aa04d1f3b5e6978899aabbccddeeff00", "3f2a90be11d2c3b4a5968778695a4b3c2d1e0f90"
WIDTH = 1_100

# Seconds after the start at which a host is deployed; None for the straggler.
DEPLOYS = [1, 2, 3.5, 6, 7, 9, 10, 12.5, 15, 21, 4, None]
UNHEALTHY, SLOW, WAIVED = 10, 9, "canvas-13"
TIMEOUT = 24


def fail(message):
    sys.exit(f"report-picture: {message}")


def digest(commit):
    """A digest for a simulated build."""
    return f"sha256:{commit}{'0' * 24}"


class Fleet:
    """Agents that report the builds in files."""

    def __init__(self, agent, folder):
        self.agent, self.folder, self.processes, self.port = agent, folder, [], 9_480

    def name(self, index):
        return f"canvas-{index + 1:02}"

    def address(self, index):
        return f"127.0.0.{21 + index}:{self.port}"

    def path(self, index):
        """The service's file, whose name is the name of the instance in the report."""
        return os.path.join(self.folder, self.name(index), "canvas-1")

    def write(self, index, commit, state="serving"):
        path = self.path(index)
        with open(f"{path}.new", "w") as file:
            file.write(f'{{"git_sha": "{commit}", "digest": "{digest(commit)}", "state": "{state}"}}\n')
        os.rename(f"{path}.new", path)

    def start(self):
        for index in range(len(DEPLOYS)):
            os.mkdir(os.path.dirname(self.path(index)))
            self.write(index, OLD)
            with open(os.path.join(self.folder, f"{self.name(index)}.log"), "w") as log:
                self.processes.append(subprocess.Popen(
                    [self.agent, "serve", "--listen", self.address(index), "--host-id", f"picture-{self.name(index)}",
                     "--host-name", self.name(index), "--service", f"canvas=file:{self.path(index)}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for index, process in enumerate(self.processes):
            deadline = time.monotonic() + 30
            while not self.is_ready(index):
                if process.poll() is not None or time.monotonic() > deadline:
                    fail(f"the agent of {self.name(index)} did not start: see its log in {self.folder}")
                time.sleep(0.1)

    def is_ready(self, index):
        try:
            with urllib.request.urlopen(f"http://{self.address(index)}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def inventory(self):
        lines = ["service: canvas", "hosts:"]
        for index in range(len(DEPLOYS)):
            group = "canary" if index < 2 else "main"
            lines.append(
                f'  - {{name: {self.name(index)}, url: "http://{self.address(index)}/buildinfo/canvas", '
                f"labels: {{region: {'eu' if index % 2 else 'us'}, group: {group}}}}}")
        lines.append(
            f'  - {{name: {WAIVED}, url: "http://127.0.0.20:1/buildinfo/canvas", labels: {{region: eu, group: main}}, '
            "waive: {until: 2031-01-01T00:00:00Z, reason: disk swap, by: ops}}")
        return "\n".join(lines) + "\n"

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def make_report(programs, folder):
    """Runs the rollout and returns the path of the HTML report."""
    fleet = Fleet(os.path.join(programs, "buildinfo-agent"), folder)
    try:
        fleet.start()
        inventory, page = os.path.join(folder, "fleet.yaml"), os.path.join(folder, "report.html")
        with open(inventory, "w") as file:
            file.write(fleet.inventory())
        verify = subprocess.Popen(
            [os.path.join(programs, "buildinfo-collector"), "verify", "--fleet", inventory, "--sha", NEW, "--digest",
             digest(NEW), "--timeout", f"{TIMEOUT}s", "--soak", "4s", "--interval", "500ms", "--max-failed", "1",
             "--progress", "none", "--store", os.path.join(folder, "ledger.db"), "--report", f"html={page}"],
            cwd=folder, stdin=subprocess.DEVNULL)
        begun = time.monotonic()
        for moment, index in sorted((moment, index) for index, moment in enumerate(DEPLOYS) if moment):
            time.sleep(max(0, begun + moment - time.monotonic()))
            fleet.write(index, NEW, "unhealthy" if index == UNHEALTHY else "serving")
        code = verify.wait(timeout=60)
        if code != 10:
            fail(f"verify ended with {code}, not with 10")
        return page
    finally:
        fleet.stop()


# --- Pictures ---------------------------------------------------------------------------------------------------------


def take(page, images):
    os.makedirs(images, exist_ok=True)
    browser = Browser()
    try:
        for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
            browser.show(WIDTH, scheme, scale=SCALE)
            browser.open(page)
            # The hosts that need attention are enough for a picture.
            height = browser.evaluate("document.querySelector('#hosts .group').getBoundingClientRect().bottom + scrollY")
            save(browser, images, name, height)
    finally:
        browser.close()


def main():
    if len(sys.argv) > 3 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    programs = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".build", "debug"))
    images = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "docs", "images"))
    for program in ("buildinfo-agent", "buildinfo-collector"):
        if not os.access(os.path.join(programs, program), os.X_OK):
            fail(f"{programs}/{program} is missing: run 'swift build' first")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="buildinfo-picture-")
    try:
        take(make_report(programs, folder), images)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
