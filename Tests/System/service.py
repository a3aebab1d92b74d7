"""The collector as a service on a booted system: its unit, port, secrets, sandbox, watchdog and reload."""

import json
import subprocess
import sys
import time

SERVICE, SOCKET = "buildinfo-collector.service", "buildinfo-collector.socket"
ADDRESS = "http://127.0.0.1:9490"
CONFIGURATION = """
fleets:
  - service: canvas
    inventory: /etc/buildinfo/fleet-canvas.yaml
    policy: {soak: 1s, timeout: 60s}
    check: {interval: 500ms}
access:
  tokens:
    - {file: /run/credentials/buildinfo-collector.service/secrets_ci.token, scopes: [read, verify]}
"""
TOKEN = "only-systemd-reads-this-" * 2


class ServiceSteps:
    """Steps for a scenario that has an agent and an inventory, `fleet-canvas.yaml`."""

    def __init__(self, machine, check, tree, sha):
        self.machine, self.check, self.tree, self.sha = machine, check, tree, sha

    def ask(self, path, *options, token=TOKEN):
        """Requests a path; returns the status and the body, parsed if it is JSON."""
        authorization = f"-H 'Authorization: Bearer {token}'" if token else ""
        done = self.machine.shell(f"curl -sS -m 70 {authorization} {' '.join(options)} -w '\\n%{{http_code}}' {ADDRESS}{path}")
        body, _, status = done.stdout.rpartition("\n")
        try:
            return int(status or 0), json.loads(body)
        except ValueError:
            return int(status or 0), body or done.stderr

    def play(self):
        self.start()
        self.verify()
        self.answers()
        self.privileges()
        self.reload()
        self.restart()
        self.hang()

    def start(self):
        machine = self.machine
        machine.write("/etc/buildinfo/secrets/ci.token", TOKEN + "\n")
        machine.must("chmod 600 /etc/buildinfo/secrets/ci.token")
        said = machine.shell("buildinfo-collector serve --check --config /etc/buildinfo/collector.yaml")
        self.check("the installed example is no configuration yet (64)", 64, said.returncode)
        machine.write("/etc/buildinfo/collector.yaml", CONFIGURATION)
        # Only the watchdog's period differs from the shipped unit, to save time.
        machine.write(f"/run/systemd/system/{SERVICE}.d/test.conf", "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n")
        machine.must("systemctl daemon-reload; systemctl enable --now buildinfo-collector")
        for unit in (SERVICE, SOCKET):
            self.check(f"{unit} is enabled and active", "enabled active", " ".join(
                machine.shell(f"systemctl {what} {unit}").stdout.strip() for what in ("is-enabled", "is-active")))
        machine.wait(30, lambda: self.ask("/readyz", token=None)[0] == 200, "the service to be ready")

    def verify(self):
        body = json.dumps({"service": "canvas", "environment": "default", "git_sha": self.sha})
        post = ("-H 'Content-Type: application/json'", "-H 'Idempotency-Key: one'", f"-d '{body}'")
        self.check("without a token, no verification starts", 401, self.ask("/api/v1/verifications", *post, token=None)[0])
        self.check("nor with a wrong one", 401, self.ask("/api/v1/verifications", *post, token="wrong")[0])
        status, started = self.ask("/api/v1/verifications", *post)
        self.check("with the token from /etc/buildinfo/secrets, one starts", 201, status)
        again, joined = self.ask("/api/v1/verifications", *post)
        self.check("the same request joins it", (200, started["id"]), (again, joined["id"]))
        deadline = time.monotonic() + 60
        found = {}
        while found.get("state") != "finished" and time.monotonic() < deadline:
            found = self.ask(f"/api/v1/verifications/{started['id']}", "-H 'Prefer: wait=10'")[1]
        report = found.get("report") or {}
        self.check("it proves the host", ("finished", "converged", 0),
                   (found.get("state"), report.get("verdict"), report.get("exit_code")))
        self.machine.wait(20, lambda: self.fleet()["proven"] == 1, "the fleet to be proven")
        self.check("the standing check agrees", (1, True), (self.fleet()["proven"], self.fleet()["fresh"]))

    def fleet(self):
        return self.ask("/api/v1/fleets")[1]["fleets"][0]

    def answers(self):
        text = self.ask("/metrics")[1]
        done = subprocess.run([sys.executable, self.tree / "Tests/Monitoring/run.py", "--metrics", "-"], input=text,
                              capture_output=True, text=True)
        self.check("its metrics are those of docs/monitoring.md", 0, done.returncode)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
        described = json.loads((self.tree / "Sources/Collector/Service/Resources/openapi.json").read_text())
        self.check("the API's description is installed", (200, True),
                   (lambda status, found: (status, found == described))(*self.ask("/api/v1/openapi.json")))

    def privileges(self):
        machine, number = self.machine, self.machine.main_process(SERVICE)
        status = dict(line.split(":\t", 1) for line in machine.must(f"cat /proc/{number}/status").split("\n") if ":\t" in line)
        self.check("its capabilities", {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"},
                   {key: status[key].strip() for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")})
        owner = int(status["Uid"].split()[0])
        self.check("a dynamic user", "61184 to 65519", owner, 61184 <= owner <= 65519)
        inside = f"nsenter -t {number} -m -S {owner} -G {owner} --"
        self.check("it cannot read the folder of secrets", True,
                   machine.shell(f"{inside} cat /etc/buildinfo/secrets/ci.token").returncode != 0)
        self.check("root in its namespaces cannot ask the engine", 7, machine.shell(
            f"nsenter -t {number} -m -- curl -sS -m 5 --unix-socket /run/docker.sock http://engine/_ping").returncode)
        said = machine.must("journalctl --no-pager -o cat -t buildinfo-collector; systemctl cat buildinfo-collector")
        self.check("no token is in the journal", 0, said.count(TOKEN))
        self.check("the journal has no refused system call", 0, said.count("thread priority"))

    def reload(self):
        machine, before = self.machine, self.machine.main_process(SERVICE)
        machine.write("/etc/buildinfo/collector.yaml", CONFIGURATION + "listen_on: nothing\n")
        machine.must("systemctl reload buildinfo-collector")
        machine.wait(20, lambda: "listen_on" in machine.must("journalctl --no-pager -o cat -t buildinfo-collector -n 20"),
                     "the mistake in the journal")
        self.check("a reload of an invalid configuration leaves the former in force", 1, len(self.ask("/api/v1/fleets")[1]["fleets"]))
        self.check("a check by root finds the mistake, too", 64, machine.shell(
            "buildinfo-collector serve --check --config /etc/buildinfo/collector.yaml").returncode)
        second = CONFIGURATION.replace("fleets:\n", "fleets:\n  - {service: canvas, environment: second, "
                                       "inventory: /etc/buildinfo/fleet-canvas.yaml}\n")
        machine.write("/etc/buildinfo/collector.yaml", second)
        machine.must("systemctl reload buildinfo-collector")
        machine.wait(20, lambda: len(self.ask("/api/v1/fleets")[1]["fleets"]) == 2, "the second fleet")
        machine.write("/etc/buildinfo/collector.yaml", CONFIGURATION)
        machine.must("systemctl reload buildinfo-collector")
        machine.wait(20, lambda: len(self.ask("/api/v1/fleets")[1]["fleets"]) == 1, "one fleet again")
        self.check("a reload restarts no process", before, machine.main_process(SERVICE))

    def restart(self):
        """Requests on new connections, of which a restart refuses none."""
        client = subprocess.Popen(
            [*self.machine.entering("-n"), sys.executable, str(self.tree / "Tests/System/client.py"), f"{ADDRESS}/api/v1/fleets"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        self.machine.must("systemctl restart buildinfo-collector")
        time.sleep(1)
        said, _ = client.communicate(timeout=90)
        outcomes = [line.split(" ", 2)[2] for line in said.splitlines()]
        self.check("a restart refuses no request", "only 200, of at least 20", f"{set(outcomes)} of {len(outcomes)}",
                   set(outcomes) == {"200"} and len(outcomes) >= 20)
        self.machine.wait(20, lambda: self.fleet()["proven"] == 1, "the fleet to be proven again, after a soak")

    def hang(self):
        """A process that hangs is replaced, and a request that waits meanwhile is answered by the new one."""
        machine, number = self.machine, self.machine.main_process(SERVICE)
        opened = machine.property(SOCKET, "ActiveEnterTimestampMonotonic")
        machine.must(f"kill -STOP {number}")
        machine.wait(40, lambda: (machine.main_process(SERVICE) or number) != number
                     and machine.property(SERVICE, "ActiveState") == "active", "the watchdog to replace the service")
        self.check("after a hang, the port was never closed", opened, machine.property(SOCKET, "ActiveEnterTimestampMonotonic"))
        machine.wait(30, lambda: self.ask("/readyz", token=None)[0] == 200, "the service to be ready again")
        machine.wait(20, lambda: self.fleet()["proven"] == 1, "the fleet to be proven again, after a soak")
        machine.must("buildinfo-collector ledger check --store /var/lib/buildinfo-collector/ledger.db >/dev/null")
