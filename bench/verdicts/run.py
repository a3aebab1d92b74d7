#!/usr/bin/env python3
"""Runs the usual checks of a rollout, and verify, against every fleet of the drill, and counts their false verdicts.

Writes results.jsonl, verdicts.svg and the tables of README.md beside this file, or into --out. Exits with 1 if verify is
wrong about a fleet. Needs curl and jq; takes about a minute.
"""

import argparse
import concurrent.futures
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True

import report
from fleets import FLEETS
from views import Views

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Beyond the fleet's own time limit; a check that has not ended by then has no answer.
GRACE = 8.0


@dataclass(frozen=True)
class Check:
    name: str
    title: str
    script: str | None
    # None: the hosts' own answers; otherwise the view of a host that it asks.
    view: str | None = None


CHECKS = [
    Check("sha-once", "curl | jq loop, one pass", "sha-once.sh"),
    Check("sha-retry", "curl | jq loop, retries", "sha-retry.sh"),
    Check("sha-warn", "curl | jq loop, unreadable only warns", "sha-warn.sh"),
    Check("sha-service", "curl | jq loop, asks the service itself", "sha-retry.sh", "service"),
    Check("replicas", "replica counts", "replicas.sh", "engine"),
    Check("tag", "tag against registry", "tag.sh", "engine"),
    Check("http-200", "HTTP 200 loop", "http-200.sh", "service"),
    Check("verify", "buildinfo-collector verify", None),
]


class Fleet:
    """A fleet of the drill while it is served."""

    def __init__(self, collector, name, folder):
        self.process = subprocess.Popen(
            [collector, "drill", "--serve", name], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={"PATH": os.environ["PATH"], "TMPDIR": folder}, preexec_fn=end_with_parent)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"run.py: cannot serve the fleet '{name}': is {collector} of this version?")
        self.description = json.loads(line)
        self.hosts = json.loads(Path(self.description["inventory"]).read_text())["hosts"]
        self.asked = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        if self.process.stdout.readline():
            self.asked.set()

    def close(self):
        self.process.terminate()
        self.process.wait()


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def models(check, truth):
    """True if the fleet says for certain what the check would see."""
    return check.view is None or check.view[0] in truth.models


def run(collector, name, check, scratch):
    """One result, as a dictionary."""
    truth = FLEETS[name]
    result = {"fleet": name, "truth": truth.truth, "check": check.name}
    if not models(check, truth):
        return result | {"answer": None, "outcome": "not_modelled"}
    folder = tempfile.mkdtemp(dir=scratch)
    fleet = Fleet(collector, name, folder)
    views = None
    try:
        description = fleet.description
        result["fault"] = description["fault"]
        if check.script:
            if check.view:
                views = Views(fleet.hosts)
            status, said = run_script(check, fleet, views, folder)
        else:
            status, said = run_verify(collector, fleet, folder)
            result["expected_exit"] = description["exit_code"]
    finally:
        if views:
            views.close()
        fleet.close()
        shutil.rmtree(folder, ignore_errors=True)
    answer = "none" if status is None else "green" if status == 0 else "red"
    result |= {"exit": status, "said": re.sub(r"(127\.0\.0\.1[: ](?:port )?)\d+", r"\1PORT", said)[:300], "answer": answer, "outcome": outcome(answer, truth.truth)}
    return result


def outcome(answer, truth):
    if answer == "none":
        return "no_answer"
    if truth == "good":
        return "right" if answer == "green" else "false_red"
    return "false_green" if answer == "green" else "right"


def run_script(check, fleet, views, folder):
    description = fleet.description
    inventory = description["inventory"]
    if views:
        inventory = f"{folder}/view.json"
        Path(inventory).write_text(json.dumps(views.inventory(check.view)))
    pause = 0.3
    environment = {
        "PATH": os.environ["PATH"], "FLEET": inventory, "SHA": description["target"].get("git_sha", ""),
        "DIGEST": description["target"].get("digest", ""), "DEADLINE": str(int(description["timeout_seconds"])),
        "PAUSE": str(pause), "PAUSE_MS": str(int(pause * 1000)), "MONITOR_MS": "600",
    }
    return call([str(HERE / "checks" / check.script)], environment, fleet)


def run_verify(collector, fleet, folder):
    description = fleet.description
    ledger = f"{folder}/ledger.db" if description.get("disturbance") in ("shrunk_inventory", "newer_promotion") else "none"
    environment = {"PATH": os.environ["PATH"], "HOME": folder}

    def command(inventory, build):
        arguments = [collector, "verify", "--fleet", inventory, "--progress", "none", "--store", ledger]
        for flag, key in (("--sha", "git_sha"), ("--digest", "digest")):
            if build.get(key):
                arguments += [flag, build[key]]
        if description.get("index"):
            arguments += ["--index", description["index"]]
        return arguments + description["policy"]

    if description.get("inventory_before"):
        before = subprocess.run(command(description["inventory_before"], description["target"]), env=environment,
                                capture_output=True, text=True)
        if before.returncode != 0:
            raise SystemExit(f"run.py: the fleet was not green before it shrank: {before.stdout}{before.stderr}")
    newer = None
    if description.get("newer"):
        newer = command(description["inventory"], description["newer"])
    return call(command(description["inventory"], description["target"]), environment, fleet, newer)


def call(arguments, environment, fleet, newer=None):
    """Runs a check beside what happens to its fleet.

    Returns its exit code, None if it did not end in time, and its last line.
    """
    description = fleet.description
    process = subprocess.Popen(
        arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=end_with_parent)
    other = None
    if newer or description.get("disturbance") == "signal":
        fleet.asked.wait(5)
        if newer:
            other = subprocess.Popen(newer, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        else:
            os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=description["timeout_seconds"] + GRACE)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = None
    if other:
        other.kill()
        other.wait()
    lines = [line for line in output.splitlines() if line.strip()]
    return status, lines[-1].strip() if lines else ""


def names_of(collector):
    listing = subprocess.run([collector, "drill", "--list"], capture_output=True, text=True)
    if listing.returncode != 0:
        raise SystemExit(f"run.py: '{collector} drill --list' failed: {listing.stderr.strip()}")
    return [line.split()[0] for line in listing.stdout.splitlines()[1:] if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collector", nargs="?", default=ROOT / ".build-release/release/buildinfo-collector", type=Path)
    parser.add_argument("--only", help="run only these fleets, separated by commas")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results (default: beside this file)")
    parser.add_argument("--jobs", type=int, default=8, help="number of checks that run at once (default: 8)")
    options = parser.parse_args()
    collector = str(options.collector.resolve())
    for program in ("curl", "jq"):
        if not shutil.which(program):
            raise SystemExit(f"run.py: {program} is missing: run 'scripts/deps.sh bench'")
    names = names_of(collector)
    if set(names) != set(FLEETS):
        raise SystemExit("run.py: fleets.py and the drill differ: write the truth about "
                         + ", ".join(sorted(set(names) ^ set(FLEETS))))
    if options.only:
        names = [name for name in names if name in options.only.split(",")]
    scratch = tempfile.mkdtemp(prefix="verdicts-")
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(run, collector, name, check, scratch) for name in names for check in CHECKS]
            results = [job.result() for job in jobs]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report.write(results, CHECKS, FLEETS, options.out)
    wrong = [result for result in results if result["check"] == "verify"
             and (result["outcome"] != "right" or result["exit"] != result["expected_exit"])]
    for result in wrong:
        print(f"run.py: verify is wrong about '{result['fleet']}': exit {result['exit']}, "
              f"expected {result['expected_exit']}: {result['said']}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
