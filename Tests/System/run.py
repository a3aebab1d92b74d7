#!/usr/bin/python3
"""Installs the packages on a booted Debian system with systemd and a real engine, and checks their promises.

Usage: run.py --agent FILE --collector FILE [--cache FOLDER] [--keep-journal FILE]. As root. Debug binaries work: the
folder of their Swift runtime is mounted in the machine. Exit code 0, or 1 if a check failed.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

# Do not write compiled modules into the tree.
sys.dont_write_bytecode = True

from checks import Checks
from machine import Machine, prepared_root, run
from service import SERVICE, ServiceSteps

TREE = pathlib.Path(__file__).resolve().parents[2]
SHA = "3f2a90be11d2c4a5968778695a4b3c2d1e0f9a8b"
URL = "http://127.0.0.1:9480/buildinfo"
SERVER, READER, PORT = "buildinfo-agent.service", "buildinfo-reader.service", "buildinfo-agent.socket"
# Volatile paths, and those of the engine.
VOLATILE = (
    r"/(proc|sys|dev|tmp|var/tmp|var/log|var/cache|var/lib/(docker|containerd|systemd/(random|timesync|coredump)|apt)|root"
    r"|run/(systemd|user|log|docker|containerd|dbus|udev|credentials|lock|initctl|utmp|mount|private)|srv)(/|$)"
    # Written when a package's tool triggers a reload.
    r"|/run/agetty\.reload$"
    # Podman's files.
    r"|/(run/(libpod|containers|netns|crun|runc)|var/lib/(containers|cni)|etc/(containers|cni))(/|$)"
    r"|/run/.*\.(pid|sock)$|/var/lib/dpkg/(.*-old|lock.*|triggers/.*|updates.*|status|diversions|statoverride)$"
    # Groups stay after a purge; these are backups of their files.
    r"|/etc/(group|gshadow|passwd|shadow|subuid|subgid)-$")


class Scenario:
    def __init__(self, machine, check):
        self.machine, self.check = machine, check

    # Requests

    def ask(self, path="/buildinfo"):
        """Requests a path; returns the status and the document."""
        done = self.machine.shell(f"curl -sS -m 20 -w '\\n%{{http_code}}' http://127.0.0.1:9480{path}")
        body, _, status = done.stdout.rpartition("\n")
        try:
            return int(status or 0), json.loads(body)
        except ValueError:
            return int(status or 0) if status.isdigit() else 0, {"text": body or done.stderr}

    def state(self):
        return self.ask()[1].get("state")

    def until_state(self, wanted, seconds=30):
        begun = time.monotonic()
        try:
            self.machine.wait(seconds, lambda: self.state() == wanted, wanted)
        except RuntimeError:
            pass
        return self.state(), time.monotonic() - begun

    def client(self):
        return subprocess.Popen(
            [*self.machine.entering("-n"), sys.executable, str(TREE / "Tests/System/client.py"), URL],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def outcomes(self, client):
        said, _ = client.communicate(timeout=90)
        return [(float(line.split(" ", 2)[0]), line.split(" ", 2)[2]) for line in said.splitlines()]

    # The steps

    def install(self):
        machine = self.machine
        done = machine.shell("apt-get install -y -q --no-install-recommends /srv/1/*.deb")
        self.check("apt installs both packages", 0, done.returncode)
        said = done.stdout + done.stderr
        self.check("postinst explains how to declare a service", "names agent.yaml and the command",
                   said[-300:], "/etc/buildinfo/agent.yaml" in said and "systemctl restart" in said)
        self.check("no unit has failed", "", machine.must("systemctl --failed --no-legend --plain"))
        self.check("the port is enabled", "enabled", machine.shell(f"systemctl is-enabled {PORT}").stdout.strip())
        for folder in ("access", "secrets"):
            self.check(f"only root can read the folder {folder}", "700 root:root",
                       machine.must(f"stat -c '%a %U:%G' /etc/buildinfo/{folder}"))
        for unit in ("service", "socket"):
            self.check(f"the collector's {unit} waits for the administrator", "disabled inactive", " ".join(
                machine.shell(f"systemctl {what} buildinfo-collector.{unit}").stdout.strip() for what in ("is-enabled", "is-active")))

    def configure(self):
        machine = self.machine
        text = machine.must("cat /etc/buildinfo/agent.yaml")
        machine.write("/etc/buildinfo/agent.yaml", text.replace(
            "\nservices: []", "\nservices:\n  - {name: canvas, container: canvas}") + "\n# edited by hand\n")
        # Only the watchdog's period differs from the shipped units, to save time.
        for unit in (SERVER, READER):
            machine.write(f"/run/systemd/system/{unit}.d/test.conf", "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n")
        machine.must(f"systemctl daemon-reload; systemctl restart {READER} {SERVER}")
        for unit in (PORT, SERVER, READER):
            self.check(f"{unit} is active", "active", machine.property(unit, "ActiveState"))

    def engine(self):
        machine = self.machine
        machine.wait(60, lambda: machine.shell("docker info").returncode == 0, "the engine")
        machine.must(
            "cd /tmp && mkdir -p image/bin && cp /bin/busybox image/bin/ && tar -C image -c . | docker import "
            f"--change 'LABEL org.opencontainers.image.revision={SHA}' - registry.example/canvas:1")
        machine.must(
            "docker run -d --name canvas --stop-timeout 1 --network host --restart always registry.example/canvas:1 /bin/busybox sleep 100000")
        state, took = self.until_state("serving")
        self.check("a started container is detected by its event", "serving", f"{state} after {took:.1f} s", state == "serving")
        status, document = self.ask()
        self.check("GET /buildinfo over the inherited port", f"200 {SHA}", f"{status} {document.get('git_sha')}")

    def privileges(self):
        machine = self.machine
        engine = "/usr/bin/curl -sS -m 5 --unix-socket /run/docker.sock http://engine/_ping"
        loopback = "/usr/bin/curl -sS -m 5 http://127.0.0.1:9480/healthz"
        reader = "/usr/bin/curl -sS -m 5 --unix-socket /run/buildinfo-reader/reader.sock http://reader/"
        # 7 is curl's exit code for a failed connection; any other failure proves nothing.
        rows = [
            ("the reader can ask the engine", READER, engine, {0}),
            ("the server cannot ask the engine", SERVER, engine, {7}),
            ("the server has no network", SERVER, loopback, {7}),
            ("the reader has no network", READER, loopback, {7}),
            # The reader does not speak HTTP.
            ("the server can connect to the reader", SERVER, reader, {0, 1, 8, 28, 52, 56}),
        ]
        for what, unit, command, codes in rows:
            code, said = self.as_unit(unit, command)
            self.check(f"{what} (curl with its unit's properties)", f"exit {min(codes)}", f"exit {code}: {said[-60:]}",
                       code in codes)
        machine.write("/etc/buildinfo/access/token", "secret")
        machine.must("chmod 600 /etc/buildinfo/access/token")
        secret = "/bin/cat ${CREDENTIALS_DIRECTORY}/access_token"
        self.check("the server gets the token", (0, "secret"), self.as_unit(SERVER, secret))
        self.check("and other users cannot read it there", (0, "400"),
                   self.as_unit(SERVER, "/bin/stat -c %%a ${CREDENTIALS_DIRECTORY}/access_token"))
        for unit in (SERVER, READER):
            code, said = self.as_unit(unit, "/bin/cat /etc/buildinfo/access/token")
            self.check(f"{unit} cannot read the original", "exit 1", f"exit {code}: {said[-40:]}", code == 1)
        machine.must("rm /etc/buildinfo/access/token")
        server = machine.main_process(SERVER)
        done = machine.shell(f"nsenter -t {server} -m -n -- {engine}")
        self.check("root in the server's namespaces cannot ask the engine", "exit 7",
                   f"exit {done.returncode}: {done.stderr[-60:]}", done.returncode == 7)
        self.check("root in the machine's namespaces can", 0, machine.shell(engine).returncode)
        for unit in (SERVER, READER):
            number = machine.main_process(unit)
            links = machine.must(f"nsenter -t {number} -n -- cat /proc/net/dev | tail -n +3 | cut -d: -f1 | xargs")
            self.check(f"{unit}: network links", "lo", links)
            status = dict(line.split(":\t", 1) for line in machine.must(f"cat /proc/{number}/status").split("\n") if ":\t" in line)
            got = {key: status[key].strip() for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
            self.check(f"{unit}: capabilities", {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}, got)
            owner = status["Uid"].split()[0]
            self.check(f"{unit}: a dynamic user", "61184 to 65519", owner, 61184 <= int(owner) <= 65519)

    def as_unit(self, unit, command):
        """Runs a command with the sandboxing of a unit; returns its exit code and last output line."""
        lines = []
        files = f"/lib/systemd/system/{unit} $(ls /etc/systemd/system/{unit}.d/*.conf 2>/dev/null || true)"
        for line in self.machine.must(f"cat {files}").split("\n"):
            key = line.split("=", 1)[0]
            if key in ("Type", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "WatchdogSec",
                       "NotifyAccess", "RuntimeDirectory", "RuntimeDirectoryMode", "User", "Also", "WantedBy", "Requires", "Wants"):
                continue
            lines.append(f"ExecStart={command}" if key == "ExecStart" else line)
        copy = "copy-" + unit
        text = "\n".join(lines).replace("[Service]", "[Service]\nType=oneshot\nRemainAfterExit=yes", 1)
        self.machine.write(f"/run/systemd/system/{copy}", text)
        self.machine.must(f"systemctl daemon-reload; systemctl start {copy} || true")
        code = self.machine.property(copy, "ExecMainStatus") if self.machine.property(copy, "ExecMainPID") != "0" else None
        said = self.machine.shell(f"journalctl --no-pager -o cat _SYSTEMD_UNIT={copy} | tail -n 1").stdout.strip()
        self.machine.shell(f"systemctl stop {copy}; systemctl reset-failed {copy}; rm /run/systemd/system/{copy}; systemctl daemon-reload")
        return (int(code) if code is not None else None), said

    def kills(self):
        for unit in (SERVER, READER):
            client = self.client()
            time.sleep(1)
            number = self.machine.main_process(unit)
            self.machine.must(f"kill -KILL {number}")
            killed = time.monotonic()
            self.machine.wait(
                30, lambda: (self.machine.main_process(unit) or number) != number
                and self.machine.property(unit, "ActiveState") == "active", f"{unit} to be back")
            took = time.monotonic() - killed
            self.check(f"SIGKILL: {unit} is back", "within 10 s (RestartSec 1 s)", f"{took:.1f} s", took < 10)
            state, _ = self.until_state("serving")
            self.check(f"SIGKILL: {unit}: state again", "serving", state)
            time.sleep(0.5)
            self.none_lost(f"SIGKILL of {unit}", client, killed)

    def none_lost(self, what, client, until):
        """Checks that only requests in flight at the end of the process were lost, and none was refused."""
        client.stdin.close()
        client.stdin = None
        outcomes = self.outcomes(client)
        lost = [outcome for begun, outcome in outcomes
                if (begun > until or "refused" in outcome) and not outcome[:3].isdigit()]
        flying = [outcome for begun, outcome in outcomes if begun <= until and not outcome[:3].isdigit()]
        self.check(f"{what}: unanswered requests", "none of at least 20",
                   f"{len(lost)} of {len(outcomes)}, and {len(flying)} in flight {lost[:1]}", not lost and len(outcomes) >= 20)

    def hangs(self):
        for unit in (SERVER, READER):
            number = self.machine.main_process(unit)
            self.machine.must(f"kill -STOP {number}")
            begun = time.monotonic()
            try:
                self.machine.wait(
                    40, lambda: (self.machine.main_process(unit) or number) != number
                    and self.machine.property(unit, "ActiveState") == "active", "the watchdog")
                got = f"restarted after {time.monotonic() - begun:.1f} s"
            except RuntimeError:
                self.machine.must(f"kill -CONT {number}")
                got = "hangs"
            self.check(f"SIGSTOP: the watchdog restarts {unit}", "restarted", got, got != "hangs")
            said = self.machine.must("journalctl --no-pager -o cat")
            self.check(f"SIGSTOP: the journal has the reason ({unit})", "Watchdog timeout", re.search(
                f"{unit}: Watchdog timeout", said) and "Watchdog timeout", f"{unit}: Watchdog timeout" in said)
            self.check(f"SIGSTOP: {unit}: state again", "serving", self.until_state("serving")[0])

    def engine_loss(self):
        self.machine.must("systemctl stop docker.socket docker.service")
        state, took = self.until_state("unknown")
        self.check("the engine stops", "unknown", f"{state} after {took:.1f} s", state == "unknown")
        self.machine.must("systemctl start docker.socket docker.service")
        state, took = self.until_state("serving", 60)
        self.check("the engine is back", "serving", f"{state} after {took:.1f} s", state == "serving")

    def engine_stopped(self):
        """Stops the engine with its socket unit active. Any connection would start it, so the agent must not connect."""
        machine = self.machine
        self.check("the socket unit is active", "active", machine.property("docker.socket", "ActiveState"))
        # Slow to stop, like containers that ignore SIGTERM: systemd queues connections meanwhile.
        machine.must("docker run -d --name stubborn --stop-timeout 4 --network host registry.example/canvas:1 "
                     "/bin/busybox sh -c 'trap : TERM; while :; do /bin/busybox sleep 1; done'")
        client = self.client()
        begun = time.monotonic()
        machine.must("systemctl stop docker.service")
        stopping = time.monotonic() - begun
        self.check("stopping took its time", "over 2 s", f"{stopping:.1f} s", stopping > 2)
        time.sleep(8)
        self.check("requests during and after the stop: docker.service", "inactive", machine.property("docker.service", "ActiveState"))
        client.stdin.close()
        client.stdin = None
        outcomes = {outcome for _, outcome in self.outcomes(client)}
        self.check("every request was answered meanwhile", {"200"}, outcomes)
        status, document = self.ask()
        self.check("the document is unknown, with the reason", "unknown, docker.service is not running",
                   f"{document.get('state')}, {document.get('reason')}",
                   document.get("state") == "unknown" and "docker.service is not running" in document.get("reason", ""))
        done = machine.shell("buildinfo-agent check --config /etc/buildinfo/agent.yaml")
        self.check("check reports it too, and starts nothing", 69, done.returncode, done.returncode == 69
                   and "docker.service is not running" in done.stdout
                   and machine.property("docker.service", "ActiveState") == "inactive")
        unit = "buildinfo-collector@canvas.service"
        machine.write("/etc/buildinfo/fleet-canvas.yaml", f"service: canvas\nhosts:\n  - {{name: here, url: '{URL}'}}\n")
        machine.write("/etc/buildinfo/target-canvas.env", f"BUILDINFO_SHA={SHA}\nBUILDINFO_SOAK=1s\nBUILDINFO_TIMEOUT=4s\n")
        self.check("a verification finds the host unreachable (30)", ("exit-code", "30"), self.checked(unit))
        report = json.loads(machine.must("cat /var/lib/buildinfo-collector/canvas.json"))
        self.check("because of an agent_error", ["agent_error"], [host["status"] for host in report["hosts"]])
        machine.must(f"systemctl reset-failed {unit}; rm /etc/buildinfo/target-canvas.env")
        machine.must(f"systemctl restart {READER}")
        self.check("a starting reader does not start it", "inactive", machine.property("docker.service", "ActiveState"))

        begun = time.monotonic()
        machine.must("systemctl start docker.service")
        started = time.monotonic() - begun
        state, took = self.until_state("serving", 30)
        self.check("started: state, within 5 s", "serving", f"{state} {took:.1f} s after {started:.1f} s",
                   state == "serving" and took < 5)
        machine.must("systemctl restart docker.service")
        state, took = self.until_state("serving", 30)
        self.check("restarted: state, within 5 s", "serving", f"{state} after {took:.1f} s", state == "serving" and took < 5)
        machine.must("docker rm -f stubborn")
        # systemd restarts a failed service, without the agent.
        machine.must("systemctl reset-failed docker.service")
        number = machine.main_process("docker.service")
        machine.must(f"kill -KILL {number}")
        machine.wait(30, lambda: (machine.main_process("docker.service") or number) != number
                     and machine.property("docker.service", "ActiveState") == "active", "systemd to restart it")
        state, took = self.until_state("serving", 30)
        self.check("killed, and restarted by systemd: state", "serving", f"{state} after {took:.1f} s", state == "serving")

    def podman(self):
        """Adds Podman beside Docker, with its socket opened as in the example's comments. Its service starts on demand."""
        machine, examples = self.machine, "/usr/share/doc/buildinfo-agent/examples/podman"
        machine.write("/etc/containers/storage.conf", "[storage]\ndriver = \"vfs\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n")
        machine.write("/etc/containers/containers.conf",
                      "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n"
                      "[engine]\ncgroup_manager = \"cgroupfs\"\nruntime = \"runc\"\nevents_logger = \"file\"\n")
        machine.must(
            f"install -D -m 644 {examples}/podman.socket.conf /etc/systemd/system/podman.socket.d/buildinfo.conf"
            f" && install -D -m 644 {examples}/podman.tmpfiles.conf /etc/tmpfiles.d/podman.conf"
            " && systemd-tmpfiles --create /etc/tmpfiles.d/podman.conf"
            " && systemctl daemon-reload && systemctl stop podman.service && systemctl restart podman.socket")
        machine.must(
            "cd /tmp && tar -C image -c . | podman import -q "
            f"--change 'LABEL org.opencontainers.image.revision={SHA}' - registry.example/pod:1"
            " && podman run -d --name pod --network host registry.example/pod:1 /bin/busybox sleep 100000")
        text = machine.must("cat /etc/buildinfo/agent.yaml")
        machine.write("/etc/buildinfo/agent.yaml", text.replace(
            "container: canvas}", "container: canvas}\n  - {name: pod, container: pod}")
            + "\nengines: [unix:///run/docker.sock, unix:///run/podman/podman.sock]\n")
        machine.must(f"systemctl stop podman.service; systemctl restart {READER} {SERVER}")
        machine.wait(20, lambda: self.ask("/buildinfo/pod")[0] == 200, "the service of Podman")
        document = self.ask("/buildinfo/pod")[1]
        self.check("Podman's socket starts its service for the reader", ("serving", SHA),
                   (document.get("state"), document.get("git_sha")))
        machine.must("systemctl stop podman.socket podman.service")
        machine.wait(20, lambda: self.ask("/buildinfo/pod")[1].get("state") == "unknown", "Podman's service to be unknown")
        self.check("without its socket, it is not started", "inactive", machine.property("podman.service", "ActiveState"))
        machine.write("/etc/buildinfo/agent.yaml", text + "\n")
        machine.must("podman rm -f -t 0 pod; podman rmi -f registry.example/pod:1; rm -r /etc/systemd/system/podman.socket.d "
                     f"/etc/tmpfiles.d/podman.conf; systemctl daemon-reload; systemctl restart {READER} {SERVER}")
        self.check("without Podman again: state", "serving", self.until_state("serving")[0])

    def standing_check(self):
        machine, unit = self.machine, "buildinfo-collector@canvas.service"
        machine.write("/etc/buildinfo/fleet-canvas.yaml", f"service: canvas\nhosts:\n  - {{name: here, url: '{URL}'}}\n")
        self.check("a standing check without a target fails", "resources", self.checked(unit)[0])
        machine.write("/etc/buildinfo/target-canvas.env", f"BUILDINFO_SHA={SHA}\nBUILDINFO_SOAK=1s\nBUILDINFO_TIMEOUT=60s\n")
        result = self.checked(unit)
        self.check("a standing check of the served build", ("success", "0"), result)
        machine.write("/etc/buildinfo/target-canvas.env",
                      f"BUILDINFO_SHA={SHA[::-1]}\nBUILDINFO_SOAK=1s\nBUILDINFO_TIMEOUT=4s\n")
        self.check("a standing check of another build (10, stragglers)", ("exit-code", "10"), self.checked(unit))
        self.check("its ledger and reports", "canvas.html canvas.json ledger.db",
                   machine.must("ls /var/lib/buildinfo-collector | grep -vE -- '-(wal|shm|lock)$' | xargs"))
        machine.shell(f"systemctl reset-failed {unit}")
        self.environments()
        machine.must("systemctl enable --now buildinfo-collector@canvas.timer")
        self.check("its timer waits", "waiting", machine.property("buildinfo-collector@canvas.timer", "SubState"))

    def environments(self):
        """Two environments of one service, of different sizes, share the ledger; the ledger is backed up and restored."""
        machine, store = self.machine, "--store /var/lib/buildinfo-collector/ledger.db"
        for environment, hosts in (("production", ("one", "two", "three")), ("staging", ("one",))):
            name, listed = f"canvas-{environment}", "".join(f"  - {{name: {host}, url: '{URL}'}}\n" for host in hosts)
            machine.write(f"/etc/buildinfo/fleet-{name}.yaml",
                          f"service: canvas\nenvironment: {environment}\nhosts:\n{listed}")
            machine.write(f"/etc/buildinfo/target-{name}.env",
                          f"BUILDINFO_SHA={SHA}\nBUILDINFO_SOAK=1s\nBUILDINFO_TIMEOUT={'60s' if len(hosts) == 1 else '6s'}\n")
            # Three names for one host: an identity conflict (60) names the environment's own hosts, and one is proven.
            wanted = ("success", "0") if len(hosts) == 1 else ("exit-code", "60")
            self.check(f"a standing check of {name}", wanted, self.checked(f"buildinfo-collector@{name}.service"))
            report = json.loads(machine.must(f"cat /var/lib/buildinfo-collector/{name}.json"))
            self.check("its environment, promotion and hosts", (environment, 1, len(hosts)),
                       (report["target"]["environment"], report["target"]["generation"], len(report["hosts"])))
        machine.must(f"buildinfo-collector ledger backup /root/ledger.db {store}")
        self.check("a backup of the shared ledger", "0 600 root", machine.must(
            "buildinfo-collector ledger check --store /root/ledger.db >/dev/null; echo -n $?; stat -c ' %a %U' /root/ledger.db"))
        owner = machine.must("stat -L -c '%u:%g %a' /var/lib/buildinfo-collector/ledger.db")
        for what, command in (("over the ledger", "true"), ("after its loss", "rm /var/lib/buildinfo-collector/ledger.db*")):
            machine.must(f"{command}; buildinfo-collector ledger restore /root/ledger.db {store}")
            self.check(f"restored {what}: owner and mode", owner,
                       machine.must("stat -L -c '%u:%g %a' /var/lib/buildinfo-collector/ledger.db"))
            self.check("its service records in it", ("success", "0"),
                       self.checked("buildinfo-collector@canvas-staging.service"))
        machine.must("systemctl reset-failed; rm /root/ledger.db /var/lib/buildinfo-collector/ledger.db.replaced-* "
                     "/etc/buildinfo/*-canvas-*; rm /var/lib/buildinfo-collector/canvas-*")

    def service(self):
        ServiceSteps(self.machine, self.check, TREE, SHA).play()

    def checked(self, unit):
        self.machine.shell(f"systemctl start {unit}")
        return self.machine.property(unit, "Result"), self.machine.property(unit, "ExecMainStatus")

    def reload(self):
        machine = self.machine
        before = machine.main_process(SERVER), machine.main_process(READER)
        text = machine.must("cat /etc/buildinfo/agent.yaml")
        machine.write("/etc/buildinfo/agent.yaml", text.replace(
            "container: canvas}", "container: canvas}\n  - {name: second, image: registry.example/canvas}") + "\n")
        machine.must(f"systemctl reload {READER} {SERVER}")
        machine.wait(20, lambda: self.ask("/buildinfo/second")[0] == 200, "a service added by a reload")
        self.check("a reload adds a service", SHA, self.ask("/buildinfo/second")[1].get("git_sha"))
        self.check("a reload restarts no process", before, (machine.main_process(SERVER), machine.main_process(READER)))

    def mistake(self):
        """Tries an invalid configuration, with a reload and then with a restart."""
        machine = self.machine
        text = machine.must("cat /etc/buildinfo/agent.yaml")
        machine.write("/etc/buildinfo/agent.yaml", text + "\nlisten_on: nothing\n")
        machine.shell(f"systemctl reload {READER} {SERVER}")
        self.check("after a reload of an invalid configuration: state", "serving", self.until_state("serving")[0])
        machine.shell(f"systemctl restart --no-block {READER} {SERVER}")
        machine.wait(30, lambda: machine.property(READER, "ActiveState") == "failed", "the reader to give up")
        self.check("an invalid configuration ends the reader with its exit code", "64", machine.property(READER, "ExecMainStatus"))
        self.check("the journal has the problem", "listen_on", "listen_on" if "listen_on" in machine.must(
            f"journalctl --no-pager -o cat -u {READER} -n 20") else "nothing")
        machine.wait(30, lambda: int(machine.property(SERVER, "NRestarts")) >= 2, "the server to try again")
        self.check("an invalid configuration leaves the port open", "active", machine.property(PORT, "ActiveState"))
        machine.write("/etc/buildinfo/agent.yaml", text + "\n")
        machine.must(f"systemctl restart {READER}")
        self.check("fixed: state", "serving", self.until_state("serving")[0])

    def probe(self):
        """Installs the drop-in for probes as in its comment."""
        machine = self.machine
        loopback = "/usr/bin/curl -sS -m 5 http://127.0.0.1:9480/healthz"
        machine.must("ip address add 10.9.9.9/32 dev lo 2>/dev/null || true")
        machine.must(
            f"install -D -m 644 /usr/share/doc/buildinfo-agent/examples/probe.conf /etc/systemd/system/{READER}.d/probe.conf"
            f" && systemctl daemon-reload && systemctl restart {READER}")
        code, said = self.as_unit(READER, loopback)
        self.check("with the drop-in, a probe reaches loopback (curl with its unit's properties)", "exit 0",
                   f"exit {code}: {said[-60:]}", code == 0)
        machine.write("/run/systemd/system/beyond.service",
                      "[Service]\nType=exec\nExecStart=/bin/busybox httpd -f -p 10.9.9.9:8080 -h /srv\n")
        machine.must("systemctl daemon-reload; systemctl start beyond")
        beyond = "/usr/bin/curl -sS -m 3 -o /dev/null http://10.9.9.9:8080/"
        machine.wait(10, lambda: machine.shell(beyond).returncode == 0, "another address")
        code, said = self.as_unit(READER, beyond)
        self.check("and no other address", "exit 7 or 28", f"exit {code}: {said[-60:]}", code in (7, 28))
        machine.must(f"systemctl stop beyond; rm /run/systemd/system/beyond.service /etc/systemd/system/{READER}.d/probe.conf"
                     f" && rmdir /etc/systemd/system/{READER}.d && systemctl daemon-reload && systemctl restart {READER}")

    def access(self):
        """Opens the port as in the socket's comments, with TLS, client certificates and a token."""
        machine = self.machine
        address, allowed = "10.9.9.9", "10.9.9.8"
        machine.must(f"for host in 9 8 7; do ip address add 10.9.9.$host/32 dev lo 2>/dev/null || true; done")
        machine.write(f"/etc/systemd/system/{PORT}.d/override.conf",
                      f"[Socket]\nListenStream=\nListenStream=9480\nIPAddressDeny=any\nIPAddressAllow=localhost {address} {allowed}\n")
        machine.must(f"systemctl daemon-reload; systemctl restart --no-block {PORT} {SERVER}")
        machine.wait(30, lambda: "anonymous" in machine.must(f"journalctl --no-pager -o cat -u {SERVER} -n 40"),
                     "the server to refuse")
        said = machine.must(f"journalctl --no-pager -o cat -u {SERVER} -n 40")
        self.check("an open port without a token: the server does not start, and names the remedy", "allow-anonymous",
                   said[-200:], "anonymous" in said)

        with tempfile.TemporaryDirectory() as folder:
            self.certificates(pathlib.Path(folder), address)
        right, wrong = "right-" * 6, "wrong-" * 6
        machine.write("/etc/buildinfo/access/token", right + "\n")
        machine.must("chmod 600 /etc/buildinfo/access/*")
        machine.must(f"systemctl restart {SERVER}")
        self.check("with token, certificate and authority, the server starts", "active", machine.property(SERVER, "ActiveState"))
        url, files = f"https://{address}:9480/buildinfo", "--cacert /etc/buildinfo/ca.pem"
        client = "--cert /etc/buildinfo/collector.pem --key /etc/buildinfo/collector.key"
        token = f"-H 'Authorization: Bearer {right}'"
        rows = [
            ("with certificate and token", f"{files} {client} {token} {url}", (0, "200")),
            ("without a token", f"{files} {client} {url}", (0, "401")),
            ("with a wrong token", f"{files} {client} -H 'Authorization: Bearer {wrong}' {url}", (0, "401")),
            ("from a permitted address", f"--interface {allowed} {files} {client} {token} {url}", (0, "200")),
            ("from another address", f"--interface 10.9.9.7 -m 3 {files} {client} {token} {url}", (28, "000")),
        ]
        for what, arguments, wanted in rows:
            done = machine.shell(f"curl -s -m 10 -o /dev/null -w '%{{http_code}}' {arguments}")
            self.check(f"a request over TLS {what}", wanted, (done.returncode, done.stdout))
        for what, arguments in (("without a client certificate", f"{files} {token} {url}"),
                                ("over plain HTTP", f"{token} http://{address}:9480/buildinfo")):
            done = machine.shell(f"curl -s -m 10 {arguments}")
            self.check(f"a request {what}: no document", "none", f"exit {done.returncode}: {done.stdout[-80:]}",
                       "git_sha" not in done.stdout)

        right = self.renewal(address, right, url, files, client)

        unit = "buildinfo-collector@canvas.service"
        machine.write(f"/etc/systemd/system/{unit}.d/access.conf",
                      f"[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost {address}\n"
                      "LoadCredential=token:/etc/buildinfo/collector-token\nLoadCredential=key:/etc/buildinfo/collector.key\n"
                      "Environment=BUILDINFO_TOKEN_FILE=%d/token BUILDINFO_CA=/etc/buildinfo/ca.pem\n"
                      "Environment=BUILDINFO_CERT=/etc/buildinfo/collector.pem BUILDINFO_KEY=%d/key\n")
        machine.write("/etc/buildinfo/fleet-canvas.yaml", f"service: canvas\nhosts:\n  - {{name: here, url: '{url}'}}\n")
        machine.write("/etc/buildinfo/target-canvas.env", f"BUILDINFO_SHA={SHA}\nBUILDINFO_SOAK=1s\nBUILDINFO_TIMEOUT=20s\n")
        machine.write("/etc/buildinfo/collector-token", right + "\n")
        machine.must("chmod 600 /etc/buildinfo/collector-token; systemctl daemon-reload")
        self.check("a standing check with its own credentials", ("success", "0"), self.checked(unit))
        machine.write("/etc/buildinfo/collector-token", wrong + "\n")
        self.check("and with a wrong token (30, unreachable)", ("exit-code", "30"), self.checked(unit))

        machine.must(f"systemctl reset-failed {unit}; rm -r /etc/systemd/system/{PORT}.d /etc/systemd/system/{unit}.d "
                     "/etc/buildinfo/access/* /etc/buildinfo/collector[-.][tpk]* /etc/buildinfo/ca.pem; "
                     f"systemctl daemon-reload; systemctl restart {PORT} {SERVER}")
        self.check("closed again: state", "serving", self.until_state("serving")[0])
        said = machine.must("journalctl --no-pager -o cat -t buildinfo-agent -t buildinfo-collector")
        self.check("the journal has no refused system call", 0, said.count("thread priority"))

    def renewal(self, address, former, url, files, client):
        """Renews a token and a certificate, and applies them with a reload. Returns the new token."""
        machine = self.machine
        before, renewed = machine.main_process(SERVER), "renewed-" * 4

        def asked(token):
            return machine.shell(f"curl -s -m 10 -o /dev/null -w '%{{http_code}}' {files} {client} "
                                 f"-H 'Authorization: Bearer {token}' {url}").stdout

        def expiry():
            page = machine.shell(f"curl -s -m 10 {files} {client} -H 'Authorization: Bearer {renewed}' "
                                 f"https://{address}:9480/metrics").stdout
            found = re.search(r'buildinfo_certificate_expiry_timestamp_seconds{certificate="server"} (\d+)', page)
            return int(found[1]) if found else 0

        machine.write("/etc/buildinfo/access/token", renewed + "\n")
        machine.must(f"chmod 600 /etc/buildinfo/access/token; systemctl reload {SERVER}")
        machine.wait(10, lambda: asked(renewed) == "200", "the renewed token to apply")
        self.check("a reload applies a renewed token, and the former one is refused", ("200", "401"),
                   (asked(renewed), asked(former)))
        self.check("metrics have the certificate's expiry", "in 2 days", f"in {(expiry() - time.time()) / 86400:.1f} days",
                   1.9 < (expiry() - time.time()) / 86400 <= 2)
        said = machine.must(f"journalctl --no-pager -o cat -u {SERVER} -n 60")
        self.check("the journal warns of a certificate that expires soon", "expires on", said[-100:], "expires on" in said)
        self.check("the journal has the refusal and its reason, once", 1, said.count('reason="401: wrong token"'))
        self.check("and no token", 0, said.count(former))
        with tempfile.TemporaryDirectory() as folder:
            self.certificates(pathlib.Path(folder), address, days=30)
        machine.must(f"chmod 600 /etc/buildinfo/access/*; systemctl reload {SERVER}")
        machine.wait(10, lambda: expiry() - time.time() > 29 * 86400, "the renewed certificate to apply")
        self.check("a reload applies a renewed certificate", "200", asked(renewed))
        machine.must("mv /etc/buildinfo/access/tls.key /etc/buildinfo/key; echo nonsense >/etc/buildinfo/access/tls.key")
        self.check("the reload refuses a broken one", 1, int(machine.shell(f"systemctl reload {SERVER}").returncode != 0))
        self.check("and the previous one stays in use", "200", asked(renewed))
        machine.must(f"mv /etc/buildinfo/key /etc/buildinfo/access/tls.key; systemctl reload {SERVER}")
        self.check("no process was restarted", before, machine.main_process(SERVER))
        return renewed

    def certificates(self, folder, address, days=2):
        """Creates an authority and the certificates of agent and collector, and installs them."""
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
        run("openssl", "req", "-x509", *key, "-days", str(days), "-subj", "/CN=fleet", "-keyout", "ca.key", "-out", "ca.pem", cwd=folder)
        for name, more in (("agent", f"IP:{address}"), ("collector", "DNS:collector")):
            (folder / "names").write_text(f"subjectAltName={more}\n")
            run("openssl", "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=folder)
            run("openssl", "x509", "-req", "-days", str(days), "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "names", "-out", f"{name}.pem", cwd=folder)
        for source, target in (("ca.pem", "ca.pem"), ("ca.pem", "access/clients.crt"), ("agent.pem", "access/tls.crt"),
                               ("agent.key", "access/tls.key"), ("collector.pem", "collector.pem"),
                               ("collector.key", "collector.key")):
            self.machine.write(f"/etc/buildinfo/{target}", (folder / source).read_text())
        self.machine.must("chmod 600 /etc/buildinfo/collector.key")

    def upgrade(self):
        machine = self.machine
        before = machine.main_process(SERVER), machine.main_process(READER)
        collector = machine.main_process(SERVICE)
        opened = machine.property(PORT, "ActiveEnterTimestampMonotonic")
        client = self.client()
        time.sleep(0.5)
        done = machine.shell("apt-get install -y -q --no-install-recommends /srv/2/*.deb")
        self.check("apt upgrades both packages", 0, done.returncode)
        if done.returncode != 0:
            print(done.stdout + done.stderr, file=sys.stderr)
        after = machine.main_process(SERVER), machine.main_process(READER)
        self.check("an upgrade restarts both processes", "new processes", f"{before} {after}",
                   None not in after and before[0] != after[0] and before[1] != after[1])
        machine.wait(30, lambda: machine.property(SERVICE, "ActiveState") == "active", "the collector's service")
        self.check("an upgrade restarts the collector's service", "a new process", machine.main_process(SERVICE),
                   machine.main_process(SERVICE) not in (None, collector))
        self.check("an upgrade keeps the port open", opened, machine.property(PORT, "ActiveEnterTimestampMonotonic"))
        self.check("an upgrade keeps edits", "# edited by hand", machine.must("tail -n 1 /etc/buildinfo/agent.yaml"))
        self.check("the version is the new one", "99.0.0-1", machine.must("dpkg-query -W -f '${Version}' buildinfo-agent"))
        self.check("after an upgrade: state", "serving", self.until_state("serving")[0])
        self.none_lost("an upgrade", client, int(machine.property(SERVER, "InactiveEnterTimestampMonotonic")) / 1e6)

    def remove(self, before):
        machine = self.machine
        machine.write("/etc/buildinfo/access/token", "secret\n")
        done = machine.shell("apt-get remove -y -q buildinfo-agent buildinfo-collector")
        self.check("apt removes both packages", 0, done.returncode)
        self.check("no process of them is running", "", machine.shell("pgrep -a buildinfo").stdout.strip())
        self.check("the port is closed", "refused", "refused" if self.ask()[0] == 0 else "open")
        self.check("configuration stays until a purge", "edited by hand",
                   machine.shell("grep -o 'edited by hand' /etc/buildinfo/agent.yaml").stdout.strip())
        done = machine.shell("apt-get purge -y -q buildinfo-agent buildinfo-collector")
        self.check("apt purges both packages", 0, done.returncode)
        left = sorted(machine.files(VOLATILE) - before)
        self.check("a purge leaves no file", [], left[:20])
        known = machine.shell("systemctl list-unit-files --no-legend 'buildinfo*'; ls -d /run/buildinfo*").stdout.strip()
        self.check("a purge leaves no unit", "", known)


def runtime_folders(binary):
    """The library folders of a debug binary."""
    said = run("readelf", "--dynamic", str(binary)).stdout
    return {path for paths in re.findall(r"R(?:UN)?PATH.*\[(.*)\]", said) for path in paths.split(":") if path.startswith("/")}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path, required=True)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, default=TREE / ".build-system")
    parser.add_argument("--journal", type=pathlib.Path, help="where to write the machine's journal")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("run.py: run it as root, because it boots a system")
    os.umask(0o022)
    root = prepared_root(options.cache)
    check = Checks()
    folders = runtime_folders(options.agent) | runtime_folders(options.collector)
    with tempfile.TemporaryDirectory() as packed:
        for number, version in (("1", []), ("2", ["--version", "99.0.0"])):
            run(sys.executable, str(TREE / "packaging/build.py"), "--debug", "--agent", str(options.agent),
                "--collector", str(options.collector), "--out", f"{packed}/{number}", *version)
        with Machine(root, sorted(folders)) as machine:
            run("cp", "-r", f"{packed}/1", f"{packed}/2", str(machine.folder / "srv"))
            play(Scenario(machine, check), options.journal)
    return check.finish()


def play(scenario, journal):
    machine = scenario.machine
    try:
        before = machine.files(VOLATILE)
        for step in (scenario.install, scenario.configure, scenario.engine, scenario.privileges, scenario.kills,
                     scenario.hangs, scenario.engine_loss, scenario.engine_stopped, scenario.podman, scenario.standing_check,
                     scenario.service, scenario.reload, scenario.mistake,
                     scenario.probe, scenario.access, scenario.upgrade):
            step()
        scenario.remove(before)
    except RuntimeError as error:
        scenario.check("the scenario ends", "its end", error, False)
    finally:
        if journal:
            journal.write_text(machine.shell("journalctl --no-pager").stdout)


if __name__ == "__main__":
    sys.exit(main())
