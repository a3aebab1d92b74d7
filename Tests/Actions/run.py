#!/usr/bin/python3
"""Runs every step of the actions, of the GitLab component and of the Woodpecker and Drone examples, with the runner's environment
played and a release server and a registry on loopback. The collector, its service and the fleet are the real programs.

Usage: run.py --collector FILE --fleet FILE
"""

import argparse
import hashlib
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEW, OLD = "3f2a" * 10, "91c0" * 10
TARGET_OUTPUTS = {"exit_code", "verdict", "moved", "tag", "serving", "failed_hosts", "unproven_hosts", "verification", "expected", "proven"}
HOSTILE = ['"; touch pwned; "', "'; touch pwned; '", "$(touch pwned)", "`touch pwned`", "${{ github.token }}", "a b\tc*", "--host=x",
           "::set-output name=verdict::converged", "%0A::error::x"]
SERVICE_TOKEN = "a-token-of-the-service-0123456789"
checks = failures = 0


def check(what, fine, detail=""):
    global checks, failures
    checks += 1
    failures += not fine
    print(f"{'ok  ' if fine else 'FAIL'}  {what}" + ("" if fine else f"\n{detail}"), flush=True)


# Servers

class Server(http.server.BaseHTTPRequestHandler):
    """A release's folder below /release, a registry with one repository, canvas, below /v2/, and a runner's identity tokens."""
    files, blobs, tags = {}, {}, {}

    def do_GET(self):
        parts = self.path.split("?")[0].split("/")
        if self.path.startswith("/release/"):
            content, kind = self.files.get(parts[-1]), "application/octet-stream"
        elif self.path == "/v2/":
            content, kind = b"{}", "application/json"
        elif self.path == "/token?audience=buildinfo" and self.headers["Authorization"] == "Bearer runner-secret":
            content, kind = json.dumps({"value": SERVICE_TOKEN}).encode(), "application/json"
        else:
            digest = self.tags.get(parts[-1], parts[-1])
            content, kind = self.blobs.get(digest), "application/vnd.oci.image.manifest.v1+json"
        self.send_response(404 if content is None else 200)
        content = content or b""
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", digest_of(content))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.blobs[digest_of(content)] = content
        self.tags[self.path.rpartition("/")[2]] = digest_of(content)
        self.send_response(201)
        self.send_header("Docker-Content-Digest", digest_of(content))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def image(revision):
    """The digest of an image with this revision, which the registry then has."""
    layer = b"layer of " + revision.encode()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"org.opencontainers.image.revision": revision}},
                         "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(layer), "size": len(layer)}]}).encode()
    for content in (layer, config, manifest):
        Server.blobs[digest_of(content)] = content
    return digest_of(manifest)


def release(collector):
    buffer = io.BytesIO()
    machine = os.uname().machine
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        archive.add(collector, f"buildinfo-0.2.0-linux-{machine}/usr/bin/buildinfo-collector")
        for name in ("usr/bin/buildinfo-agent", "etc/buildinfo/agent.yaml"):
            archive.addfile(tarfile.TarInfo(f"buildinfo-0.2.0-linux-{machine}/{name}"))
    Server.files = {f"buildinfo-0.2.0-linux-{machine}.tar.gz": buffer.getvalue()}
    Server.files["SHA256SUMS"] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in Server.files.items()).encode()


class Fleet:
    """Three hosts; the last one serves the former build if it is behind."""

    def __init__(self, program, folder, behind):
        self.inventory = folder / f"fleet-{behind}.json"
        script = folder / "script"
        script.write_text("0s all former\n0s 1-2 target\n" if behind else "0s all target\n")
        ready = folder / f"ready-{behind}"
        self.process = subprocess.Popen(
            [program, "--hosts", "3", "--port", "0", "--sha", NEW, "--digest", image(NEW), "--former-sha", OLD, "--former-digest",
             image(OLD), "--script", script, "--inventory", self.inventory, "--ready-file", ready, "--for", "10m"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit(f"run.py: {program} ended with {self.process.returncode}")
            time.sleep(0.05)


class Service:
    """The collector as a service, with both fleets: the second one in the environment behind."""

    def __init__(self, program, folder, green, red):
        self.token = folder / "service.token"
        self.token.write_text(SERVICE_TOKEN + "\n")
        fleets = "".join(f"""
  - service: canvas
    environment: {environment}
    inventory: {fleet.inventory}
    policy: {{soak: 500ms, timeout: 4s, interval: 500ms}}""" for environment, fleet in (("default", green), ("behind", red)))
        configuration, log = folder / "collector.yaml", folder / "service.log"
        configuration.write_text(f"""listen: ["127.0.0.1:0"]
store: {folder / "service.db"}
access: {{tokens: [{{file: {self.token}, scopes: [read, verify]}}]}}
fleets:{fleets}
""")
        with log.open("w") as stream:
            self.process = subprocess.Popen([program, "serve", "--config", configuration], stdout=stream, stderr=stream)
        while " Ready" not in log.read_text():
            if self.process.poll() is not None:
                sys.exit(f"run.py: the service ended with {self.process.returncode}: {log.read_text()}")
            time.sleep(0.05)
        self.url = "http://" + re.search(r"address=(\S+)", log.read_text())[1]


# The runner of GitHub, Gitea and Forgejo

class JobFailed(Exception):
    pass


class Forge:
    """What differs between the forges: the versions of upload-artifact, and what the runner sets."""

    def __init__(self, name, refused, broken, variables, summary=True):
        self.name, self.refused, self.broken, self.variables, self.summary = name, refused, broken, variables, summary


GITHUB = Forge("GitHub", "v3", None, {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com"})
GITEA = Forge("Gitea", None, "v4", {"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": "https://gitea.example.com"},
              summary=False)
FORGEJO = Forge("Forgejo", None, "v4", {"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true",
                                        "GITHUB_SERVER_URL": "https://forgejo.example.com"})


class Step:
    """A step `uses: …`, played as the runners do it: inputs, expressions, files, failures and later steps."""

    def __init__(self, forge, path, work, inputs, more=None, clean=True, cancelled=False):
        self.cancelled = cancelled
        self.forge, self.action = forge, ROOT / path
        definition = yaml.safe_load((self.action / "action.yml").read_text())
        unknown = set(inputs) - set(definition["inputs"])
        assert not unknown, unknown
        self.workspace = work / "workspace"
        if clean:
            shutil.rmtree(self.workspace, ignore_errors=True)
        self.workspace.mkdir(exist_ok=True)
        self.files = pathlib.Path(tempfile.mkdtemp(dir=work))
        # The path of a job in a container, and github.action_path, which is the host's.
        self.context = {"github.token": "a-token", "github.action_path": "/home/runner/host/path", "github.sha": NEW}
        defaults = {name: self.evaluate(entry.get("default", "")) for name, entry in definition["inputs"].items()}
        self.context |= {f"inputs.{name}": value for name, value in {**defaults, **inputs}.items()}
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.files), "GITHUB_ACTION_PATH": str(self.action), "RUNNER_TEMP":
                            str(self.files), "GITHUB_REPOSITORY": "acme/canvas", **forge.variables, **(more or {})}
        self.failed, self.code, self.log, self.artifacts = False, 0, "", {}
        for step in definition["runs"]["steps"]:
            version = step.get("uses", "@").partition("@")[2]
            # GitHub looks at all names before the first step, at those of skipped steps, too.
            if version and version == forge.refused:
                raise JobFailed(f"uses a deprecated version of {step['uses']}")
        for step in definition["runs"]["steps"]:
            self.run(step)
        self.outputs = {name: self.evaluate(entry["value"]) for name, entry in definition["outputs"].items()}
        summary = self.files / "summary"
        self.summary = summary.read_text() if summary.exists() else ""

    def evaluate(self, text):
        """Replaces each expression once: what a value holds is no expression."""
        return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda found: str(self.value(found[1])), str(text))

    def value(self, expression):
        if "&&" in expression:
            return all(self.value(part.strip()) for part in expression.split("&&"))
        if "!=" in expression:
            left, right = (part.strip() for part in expression.split("!="))
            return self.value(left) != self.value(right)
        if expression.startswith("'"):
            return expression[1:-1]
        if expression == "always()":
            return True
        if expression.startswith("steps."):
            return self.context.get(expression, "")
        return self.context[expression]

    def run(self, step):
        condition = step.get("if")
        if (not self.value(condition.strip("${} ")) if condition else self.failed):
            return
        if "uses" in step:
            fine = self.upload(step["uses"].partition("@")[2], {key: self.evaluate(value) for key, value in step["with"].items()})
        else:
            fine = self.script(step)
        if not fine and not step.get("continue-on-error"):
            self.failed = True

    def upload(self, version, values):
        if version == self.forge.broken:
            return False
        found = sorted(path.name for path in (self.workspace / values["path"]).rglob("*") if path.is_file())
        if found:
            self.artifacts[values["name"]] = found
        return bool(found) or values["if-no-files-found"] == "ignore"

    def script(self, step):
        assert "${{" not in step["run"], "an expression in a script is code"
        script = self.files / "step.sh"
        script.write_text(step["run"] + "\n")
        files = {name: self.files / name.lower().removeprefix("github_step_").removeprefix("github_")
                 for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        if not self.forge.summary:
            del files["GITHUB_STEP_SUMMARY"]
        for file in files.values():
            file.touch()
        values = {name: self.evaluate(value) for name, value in step.get("env", {}).items()}
        step_shell = subprocess.Popen(["sh", "-e", script], cwd=self.workspace, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
            **self.environment, **values, **{name: str(file) for name, file in files.items()}})
        if self.cancelled:
            evidence = self.workspace / "buildinfo-reports/evidence.ndjson"
            while step_shell.poll() is None and not (evidence.exists() and '"kind":"sample"' in evidence.read_text()):
                time.sleep(0.1)
            # To the step's own process only, as GitHub's runner does it.
            step_shell.send_signal(signal.SIGINT)
        self.log = step_shell.communicate(timeout=120)[0]
        self.code = step_shell.returncode
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            self.context[f"steps.{step['id']}.outputs.{name}"] = value
        assert not files["GITHUB_ENV"].read_text() and not files["GITHUB_PATH"].read_text()
        return self.code == 0

    def said(self):
        return f"exit {self.code}, outputs {self.outputs}, artifacts {self.artifacts}\n{self.log}\n{self.summary}"


REPORTS = ["evidence.ndjson", "junit.xml", "report.html", "report.json", "report.md"]


def actions(work, url, green, red):
    quick = {"soak": "500ms", "timeout": "3s", "store": "none", "args": "--interval=200ms\n--stall=3s"}
    target = {"sha": NEW, "digest": image(NEW), **quick}
    released = {"release": f"{url}/release"}
    for forge, path in ((GITHUB, "."), (GITEA, "actions/artifact-v3"), (FORGEJO, "actions/artifact-v3")):
        step = Step(forge, path, work, {**target, **released, "fleet": str(green.inventory)})
        check(f"{forge.name}: green, with outputs and reports", not step.failed and step.outputs["verdict"] == "converged"
              and step.outputs["exit_code"] == "0" and step.outputs["serving"] == NEW and step.outputs["proven"] == "3"
              and step.outputs["unproven_hosts"] == "" and step.artifacts == {"buildinfo-reports": REPORTS}, step.said())
        check(f"{forge.name}: the summary, if the forge has one", (NEW[:12] in step.summary) == forge.summary, step.said())
        check(f"{forge.name}: the log says what happened in any case", NEW[:12] in step.log)
        step = Step(forge, path, work, {**target, **released, "fleet": str(red.inventory)})
        check(f"{forge.name}: red, with the host's name, and the reports all the same", step.failed and step.code == 10
              and step.outputs["verdict"] == "stragglers" and step.outputs["unproven_hosts"].count(",") == 0
              and step.outputs["unproven_hosts"] != "" and step.artifacts == {"buildinfo-reports": REPORTS}, step.said())
        # What an earlier step left: the reports of another run.
        step = Step(forge, path, work, {**target, **released, "fleet": "nonexistent.yaml"}, clean=False)
        check(f"{forge.name}: refused by the collector, without the reports of the run before", step.failed and step.code == 64
              and step.outputs["verdict"] == "refused" and step.artifacts == {}, step.said())
    step = Step(GITHUB, ".", work, {**target, **released, "fleet": str(red.inventory), "max-stragglers": "1"})
    check("A tolerated host", not step.failed and step.outputs["verdict"] == "converged_tolerated", step.said())
    step = Step(GITHUB, ".", work, {**target, **released, "fleet": str(red.inventory), "timeout": "60s", "args": "--interval=200ms"},
                cancelled=True)
    check("A job that is cancelled interrupts the collector, which keeps its reports", step.failed and step.code == 130
          and step.outputs["verdict"] == "interrupted" and step.artifacts == {"buildinfo-reports": REPORTS}, step.said())

    step = Step(GITEA, ".", work, {**target, **released, "fleet": str(green.inventory)})
    check("An artifact that the forge does not take leaves a green verdict green", not step.failed and step.artifacts == {}, step.said())
    step = Step(GITEA, ".", work, {**target, **released, "fleet": str(red.inventory)})
    check("and a red one red", step.failed and step.outputs["verdict"] == "stragglers", step.said())
    try:
        Step(GITHUB, "actions/artifact-v3", work, {})
        check("GitHub refuses every job that names version 3", False)
    except JobFailed:
        check("GitHub refuses every job that names version 3, which the action at the top therefore does not", True)
    same = [re.sub(r"^#.*\n|^name:.*\n", "", (ROOT / path).read_text(), flags=re.M).replace(*change) for path, change in (
        ("action.yml", ("@v4", "@")), ("actions/artifact-v3/action.yml", ("@v3", "@")))]
    check("Both actions are the same otherwise", same[0].replace("/actions/run.sh", "/../run.sh") == same[1])
    check("Every output of the collector that the reports' page promises is one of the action's",
          set(yaml.safe_load(same[0])["outputs"]) == TARGET_OUTPUTS)

    sums = hashlib.sha256(Server.files["SHA256SUMS"]).hexdigest()
    step = Step(GITHUB, ".", work, {**target, **released, "sums-sha256": sums, "fleet": str(green.inventory)})
    check("The pinned list of checksums", not step.failed and step.outputs["verdict"] == "converged", step.said())
    refused(work, target, released, green)
    promotions(work, url, green, quick)


def refused(work, target, released, green):
    def is_refused(what, inputs, code, *words, more=None):
        step = Step(GITHUB, ".", work, {**target, "fleet": str(green.inventory), **inputs}, more)
        check(what, step.failed and step.code == code and step.outputs["verdict"] == "refused" and step.outputs["exit_code"] == str(code)
              and step.outputs["moved"] == "false" and step.artifacts == {} and "❌" in step.summary and "::error" in step.log
              and all(word in step.log for word in words), step.said())

    is_refused("Another list of checksums", {**released, "sums-sha256": "0" * 64}, 69, "not the given one")
    is_refused("An empty pin, from an expression that names nothing", {**released, "sums-sha256": ""}, 64, "'sums-sha256' is empty")
    name = next(name for name in Server.files if name.endswith(".tar.gz"))
    whole = Server.files[name]
    Server.files[name] = whole + b"x"
    is_refused("A tarball with another checksum", released, 69, "expected checksum")
    Server.files[name] = whole[:len(whole) // 2]
    is_refused("A tarball that was cut short", released, 69, "expected checksum")
    Server.files[name] = whole
    is_refused("A release that does not exist", {"release": released["release"] + "/.."}, 69)
    is_refused("A release over plain HTTP", {"release": "http://releases.example.com/0.2.0"}, 64, "https://")
    # The system's own programs, without a collector.
    bare = {"PATH": "/usr/bin:/bin"}
    if shutil.which("buildinfo-collector", path=bare["PATH"]) is None:
        is_refused("No release, and a runner without the collector", {}, 69, "set the input 'release'", more=bare)
    for name in ("fleet", "host", "sha", "digest", "image", "service", "environment", "kill-switch"):
        is_refused(f"An empty {name}, from an expression that names nothing", {**released, name: ""}, 64, f"'{name}' is empty")
    for name in ("sha", "digest", "timeout", "service", "reports", "release"):
        is_refused(f"A line break in {name}", {**released, name: "a\n::set-output name=verdict::converged"}, 64, "line break")
    is_refused("An unknown command", {**released, "command": "verify; touch pwned"}, 64, "expected verify or promote")


def hostile(work):
    """Each input, as one argument, whatever is in it. The collector is played, and writes down what it gets."""
    played = work / "played"
    played.write_text('#!/bin/sh\nfor argument; do printf "%s\\0" "$argument"; done >"$HOME/arguments"\n'
                      'printf %s "${PROD_AUTO_DEPLOY_DISABLED-unset} ${GITHUB_TOKEN-unset} ${IN_TOKEN-unset}'
                      ' ${BUILDINFO_ID_TOKEN-unset} ${IN_SERVER_TOKEN-unset}" >"$HOME/variables"\n')
    played.chmod(0o755)
    singles = ["server", "server-token-file", "service", "environment", "sha", "digest", "image", "timeout", "soak", "rollback-on", "store"]
    several = ["fleet", "host", "max-stragglers", "max-unreachable", "max-failed", "context", "kill-switch", "report"]

    def arguments(inputs):
        step = Step(GITHUB, ".", work, {"collector": str(played), "reports": "", **inputs})
        got = (step.files / "arguments").read_text().split("\0")[:-1] if (step.files / "arguments").exists() else None
        return step, got

    for text in HOSTILE:
        step, got = arguments({"command": "promote", **{name: text for name in singles}, **{name: f"{text}\n\n{text}\n" for name in several},
                               "args": text})
        expected = sorted([f"--{name}={text}" for name in singles] + [f"--{name}={text}" for name in several] * 2 + [text])
        check(f"Every input is one argument, as it is: {text}", got is not None and got[0] == "promote" and sorted(got[1:]) == expected
              and not list(step.workspace.rglob("pwned")), f"{got}\n{step.said()}")
        step, got = arguments({"reports": text if not text.startswith("-") else "./" + text})
        check(f"A folder for the reports, as it is: {text}", got is not None and len(got) == 6 and not (step.workspace / "pwned").exists(),
              f"{got}\n{step.said()}")
    step, got = arguments({})
    check("Without inputs, verify has no arguments", got == ["verify"] and (step.files / "variables").read_text() == "unset unset unset unset unset",
          f"{got}\n{step.said()}")
    for text in HOSTILE:
        step, got = arguments({"server": "https://deploys.example", "server-token": text})
        check(f"A token of the service is no argument, whatever is in it: {text}", got == ["verify", "--server=https://deploys.example"]
              and (step.files / "variables").read_text() == f"unset unset unset {text} unset"
              and not list(step.workspace.rglob("pwned")), f"{got}\n{step.said()}")
    step, got = arguments({"command": "promote", "auto-deploy-disabled": "1", "kill-switch": "file:off"})
    check("promote gets the token and the switch, beside given ones", got == [
        "promote", "--kill-switch=file:off", "--kill-switch=env:PROD_AUTO_DEPLOY_DISABLED"]
        and (step.files / "variables").read_text() == "1 a-token unset unset unset", f"{got}\n{step.said()}")


def promotions(work, url, green, quick):
    Server.tags[f"staging-{NEW}"] = image(NEW)
    inputs = {"command": "promote", "release": f"{url}/release", "image": url.removeprefix("http://") + "/canvas", "sha": NEW,
              "fleet": str(green.inventory), **quick, "store": str(work / "ledger.db"), "args": quick["args"] + "\n--no-ci\n--skip-ancestry"}
    step = Step(GITHUB, ".", work, {**inputs, "auto-deploy-disabled": "1"})
    check("The kill switch refuses a promotion, and the tag stays", step.failed and step.code == 41 and step.outputs["verdict"] == "refused"
          and step.outputs["moved"] == "false" and "latest" not in Server.tags and step.artifacts == {}, step.said())
    step = Step(GITHUB, ".", work, {**inputs, "digest": image(NEW)})
    check("promote has no digest", step.failed and step.code == 64 and "latest" not in Server.tags, step.said())
    step = Step(GITHUB, ".", work, {**inputs, "auto-deploy-disabled": "0"})
    check("A promotion moves the tag and proves the fleet", not step.failed and step.outputs["verdict"] == "converged"
          and step.outputs["moved"] == "true" and step.outputs["tag"] == NEW and Server.tags.get("latest") == image(NEW)
          and step.artifacts == {"buildinfo-reports": REPORTS}, step.said())


def through_service(work, url, service):
    """Steps whose runner reaches no host."""
    target = {"release": f"{url}/release", "server": service.url, "service": "canvas", "sha": NEW, "digest": image(NEW)}
    token = {"server-token": SERVICE_TOKEN}
    identity = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret"}
    ways = (("a secret", token, None), ("a secret with a line break", {"server-token": SERVICE_TOKEN + "\n"}, None),
            ("a file", {"server-token-file": str(service.token)}, None), ("no token but the run's identity", {}, identity))
    for forge, path in ((GITHUB, "."), (GITEA, "actions/artifact-v3"), (FORGEJO, "actions/artifact-v3")):
        for what, inputs, more in ways:
            step = Step(forge, path, work, {**target, **inputs}, more)
            check(f"{forge.name}: green through a service, with {what}", not step.failed and step.outputs["verdict"] == "converged"
                  and step.outputs["serving"] == NEW and step.outputs["proven"] == "3"
                  and step.artifacts == {"buildinfo-reports": REPORTS} and SERVICE_TOKEN not in step.log and "runner-secret" not in step.log, step.said())
        step = Step(forge, path, work, {**target, **token, "environment": "behind"})
        check(f"{forge.name}: red through a service, with the host's name", step.failed and step.code == 10
              and step.outputs["verdict"] == "stragglers" and step.outputs["unproven_hosts"] != ""
              and step.artifacts == {"buildinfo-reports": REPORTS} and SERVICE_TOKEN not in step.log, step.said())
        step = Step(forge, path, work, target)
        word = "enable-openid-connect: true" if forge is FORGEJO else "id-token: write"
        check(f"{forge.name}: without any token, the log names the permission", step.failed and step.code == 69
              and step.outputs["verdict"] == "refused" and word in step.log, step.said())
    for what, inputs, words in (
            ("A secret that does not exist", {"server-token": ""}, "'server-token' is empty"),
            ("A server that does not exist", {"server": ""}, "'server' is empty"),
            ("A secret and a file", {**token, "server-token-file": str(service.token)}, "exclude each other"),
            ("A fleet beside a service", {**token, "fleet": "fleet.yaml"}, "--fleet has no effect with --server"),
            ("A token that the service does not know", {"server-token": "another-token-0123456789"}, "is unknown to this service")):
        step = Step(GITHUB, ".", work, {**target, **inputs})
        check(f"{what} is refused", step.failed and step.code in (64, 69) and step.outputs["verdict"] == "refused" and words in step.log
              and SERVICE_TOKEN not in step.log and "another-token" not in step.log, step.said())
    step = Step(GITHUB, ".", work, {"release": f"{url}/release", "fleet": "fleet.yaml", "sha": NEW, **token})
    check("A token without a service is refused", step.failed and step.code == 64 and "needs the input 'server'" in step.log, step.said())
    step = Step(GITHUB, ".", work, {**target, **token, "environment": "behind", "soak": "3s"}, cancelled=True)
    check("A job that is cancelled interrupts the service's verification", step.failed and step.code == 130
          and step.outputs["verdict"] == "interrupted" and "was interrupted at" in step.log, step.said())
    Server.tags.pop("latest", None)
    Server.tags[f"staging-{NEW}"] = image(NEW)
    promote = {**target, **token, "command": "promote", "image": url.removeprefix("http://") + "/canvas",
               "store": str(work / "through.db"), "args": "--no-ci\n--skip-ancestry"}
    del promote["digest"]
    step = Step(GITHUB, ".", work, {**promote, "environment": "nowhere"})
    check("A promotion that the service could not verify moves nothing", step.failed and step.code == 64
          and step.outputs["moved"] == "false" and "latest" not in Server.tags, step.said())
    step = Step(GITHUB, ".", work, promote)
    check("A promotion through a service moves the tag", not step.failed and step.outputs["verdict"] == "converged"
          and step.outputs["moved"] == "true" and Server.tags.get("latest") == image(NEW), step.said())


# GitLab

class GitLabJob:
    def __init__(self, work, inputs, variables=None, shell=("bash", "-eo", "pipefail"), clean=True, path=None):
        header, body = (ROOT / "templates/verify.yml").read_text().split("\n---\n")
        spec = yaml.safe_load(header)["spec"]["inputs"]
        assert set(inputs) <= set(spec), set(inputs) - set(spec)
        self.refused = None
        for name, entry in spec.items():
            value = inputs.get(name, entry.get("default"))
            if value is None or "regex" in entry and not re.search(entry["regex"].replace(r"\z", r"\Z"), value):
                self.refused = name
                return
            # GitLab puts the text of a value into the text of the file.
            body = body.replace(f"$[[ inputs.{name} ]]", json.dumps(value) if entry.get("type") == "array" else value)
        assert "$[[" not in body, body
        [(self.name, job)] = yaml.safe_load(body).items()
        self.job = job
        self.workspace = work / "gitlab"
        if clean:
            shutil.rmtree(self.workspace, ignore_errors=True)
        self.workspace.mkdir(exist_ok=True)
        known = {"CI_COMMIT_SHA": NEW, **(variables or {})}
        expanded = {name: re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: known.get(found[1] or found[2], ""), value)
                    for name, value in job["variables"].items()}
        done = subprocess.run([*shell, "-c", "\n".join(job["script"])], cwd=self.workspace, text=True, capture_output=True, timeout=120,
                              env={"PATH": path or os.environ["PATH"], "HOME": str(work), "GITLAB_CI": "true", **expanded})
        self.code, self.log = done.returncode, done.stdout + done.stderr
        artifacts = job["artifacts"]
        assert artifacts["when"] == "always"
        dotenv = self.workspace / artifacts["reports"]["dotenv"]
        self.dotenv = dict(line.split("=", 1) for line in dotenv.read_text().splitlines()) if dotenv.exists() else {}
        self.junit = (self.workspace / artifacts["reports"]["junit"]).exists()

    def said(self):
        return f"exit {self.code}, {self.dotenv}\n{self.log}"


def gitlab(work, url, green, red):
    inputs = {"sha": "$CI_COMMIT_SHA", "digest": image(NEW), "soak": "500ms", "timeout": "3s", "release": f"{url}/release"}
    for shell in (("bash", "-eo", "pipefail"), ("sh", "-e")):
        job = GitLabJob(work, {**inputs, "fleet": str(green.inventory), "tags": ["fleet"]}, shell=shell)
        check(f"GitLab, {shell[0]}: green", job.code == 0 and job.dotenv == {"BUILDINFO_EXIT_CODE": "0", "BUILDINFO_VERDICT": "converged"}
              and job.junit and job.job["tags"] == ["fleet"], job.said())
        job = GitLabJob(work, {**inputs, "fleet": str(red.inventory)}, shell=shell)
        check(f"GitLab, {shell[0]}: red", job.code == 10 and job.dotenv == {
            "BUILDINFO_EXIT_CODE": "10", "BUILDINFO_VERDICT": "stragglers"} and job.junit, job.said())
        job = GitLabJob(work, {**inputs, "fleet": "nonexistent.yaml"}, shell=shell, clean=False)
        check(f"GitLab, {shell[0]}: refused, without the reports of the job before", job.code == 64
              and job.dotenv["BUILDINFO_VERDICT"] == "refused" and not job.junit, job.said())
    fleet = {"fleet": str(green.inventory)}
    sums = hashlib.sha256(Server.files["SHA256SUMS"]).hexdigest()
    job = GitLabJob(work, {**inputs, **fleet, "sums-sha256": sums})
    check("GitLab: the pinned list of checksums", job.code == 0, job.said())
    job = GitLabJob(work, {**inputs, **fleet, "sums-sha256": "0" * 64})
    check("GitLab: another list of checksums", job.code == 69 and "do not use" in job.log and not job.junit, job.said())
    for name in ("fleet", "sha", "digest", "image", "service", "environment", "sums-sha256"):
        job = GitLabJob(work, {**inputs, **fleet, name: "$PROMOTED_NOTHING"})
        check(f"GitLab: a variable that nobody set, as {name}", job.code == 64 and f"'{name}'" in job.log and not job.junit, job.said())
    name = next(name for name in Server.files if name.endswith(".tar.gz"))
    whole = Server.files[name]
    Server.files[name] = whole + b"x"
    job = GitLabJob(work, {**inputs, **fleet})
    check("GitLab: a tarball with another checksum", job.code == 69 and "do not use" in job.log and not job.junit, job.said())
    Server.files[name] = whole
    job = GitLabJob(work, {**inputs, **fleet, "release": "http://releases.example.com/0.2.0"})
    check("GitLab: a release over plain HTTP", job.code == 69 and "cannot download" in job.log, job.said())
    job = GitLabJob(work, {**inputs, **fleet, "release": ""}, path="/usr/bin:/bin")
    check("GitLab: no release, and a runner without the collector", job.code == 69 and "set the input 'release'" in job.log, job.said())
    for text in HOSTILE:
        job = GitLabJob(work, {**inputs, **fleet, "service": text})
        if '"' in text:
            check(f"GitLab: a value that would leave its quotes: {text}", job.refused == "service")
        else:
            check(f"GitLab: a value is one argument: {text}", job.code != 0 and not list(job.workspace.rglob("pwned")), job.said())
    for text in ('x"\n  script: ["touch pwned"]', "x\nscript: y", "a\\"):
        check(f"GitLab: no value ends its line or its quotes: {text!r}", GitLabJob(work, {**inputs, **fleet, "service": text}).refused == "service")


# Woodpecker and Drone

def others(work, collector, green, red):
    """The commands of the examples. Both replace ${NAME} in the file before they read it, and run the commands with set -e."""
    bin = work / "bin"
    bin.mkdir()
    (bin / "buildinfo-collector").symlink_to(collector)
    for file, names in (("woodpecker.yml", {"CI_COMMIT_SHA": NEW}), ("drone.yml", {"DRONE_COMMIT_SHA": NEW})):
        text = (ROOT / "examples" / file).read_text()
        text = re.sub(r"(?<!\$)\$\{(\w+)[^}]*\}", lambda found: names.get(found[1], ""), text).replace("$$", "$")
        steps = {step["name"]: step for step in yaml.safe_load(text)["steps"]} if "- name:" in text else yaml.safe_load(text)["steps"]
        step = steps["verify"]
        for fleet, code in ((green, 0), (red, 10)):
            folder = work / f"{file}-{code}"
            folder.mkdir()
            variables = {**names, **step["environment"], "FLEET": str(fleet.inventory), "BUILDINFO_SOAK": "500ms", "BUILDINFO_TIMEOUT": "3s"}
            done = subprocess.run(["sh", "-e", "-c", "\n".join(step["commands"])], cwd=folder, text=True, capture_output=True, timeout=120,
                                  env={"PATH": f"{bin}:/usr/bin:/bin", "HOME": str(work), "CI": "true", **variables})
            check(f"{file}: exit {code}", done.returncode == code and (folder / "buildinfo-reports/report.html").exists(),
                  f"exit {done.returncode}\n{done.stdout}{done.stderr}")


def stop(started):
    started.process.terminate()
    started.process.wait()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    parser.add_argument("--fleet", type=pathlib.Path, required=True)
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        release(options.collector.resolve())
        fleets = []
        try:
            for behind in (False, True):
                fleets.append(Fleet(options.fleet.resolve(), work, behind))
            actions(work, url, *fleets)
            service = Service(options.collector.resolve(), work, *fleets)
            fleets.append(service)
            through_service(work, url, service)
            fleets.remove(service)
            stop(service)
            hostile(work)
            gitlab(work, url, *fleets)
            others(work, options.collector.resolve(), *fleets)
        finally:
            for fleet in fleets:
                stop(fleet)
    print(f"{checks} checks, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
