#!/usr/bin/python3
"""Prepares a booted Debian system in the ways of examples/ansible, packaging/install.sh and examples/cloud-init.yaml, and
checks what they promise: a second run changes nothing, a wrong file is never installed, and the collector proves the host.

Usage: hosts.py --agent FILE --collector FILE [--cache FOLDER]. As root. Debug binaries work, as for run.py. Exit code 0, or 1
if a check failed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

# Do not write compiled modules into the tree.
sys.dont_write_bytecode = True

from checks import Checks
from machine import Machine, prepared_root, run
from run import SHA, TREE, runtime_folders

ROLE = TREE / "examples/ansible"
TOKEN, SECOND = "first-token-0123456789abcdef", "second-token-0123456789abcdef"
SERVER = "http://127.0.0.1:8000"


class Ansible:
    """Runs of the playbook in examples/ansible against the machine."""

    def __init__(self, machine, work):
        self.machine, self.work = machine, work

    def __call__(self, variables, *flags, playbook=None):
        """Runs a playbook with the role alone, or the given one, which brings its group_vars. Returns the exit code, the numbers of the recap, and what Ansible said."""
        (self.work / "hosts.ini").write_text(
            f"[canvas]\ncanvas-01 ansible_connection=machine ansible_host={self.machine.leader} "
            "ansible_python_interpreter=/usr/bin/python3 ansible_become=false\n")
        (self.work / "ansible.cfg").write_text("[defaults]\n")
        (self.work / "role.yml").write_text("[{hosts: canvas, gather_facts: false, roles: [buildinfo_agent]}]\n")
        (self.work / "variables.json").write_text(json.dumps(variables))
        environment = {
            **os.environ, "ANSIBLE_CONNECTION_PLUGINS": str(TREE / "Tests/System/ansible"), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1", "ANSIBLE_ROLES_PATH": str(ROLE / "roles"),
            "ANSIBLE_LOCAL_TEMP": str(self.work / "local"), "ANSIBLE_HOME": str(self.work / "home"), "ANSIBLE_CONFIG": str(self.work / "ansible.cfg"),
            "ANSIBLE_DEPRECATION_WARNINGS": "0", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        done = run("ansible-playbook", "--inventory", str(self.work / "hosts.ini"), "--extra-vars",
                   f"@{self.work}/variables.json", "--diff", *flags, str(playbook or self.work / "role.yml"), check=False, env=environment)
        said = done.stdout + done.stderr
        numbers = {name: int(number) for name, number in re.findall(r"(ok|changed|unreachable|failed)=(\d+)", said)}
        return done.returncode, numbers, said


class Scenario:
    def __init__(self, machine, check, packages, collector, work):
        self.machine, self.check, self.packages, self.collector = machine, check, packages, collector
        self.ansible = Ansible(machine, work)
        self.variables = {
            "buildinfo_agent_package_file": str(packages["1"]),
            "buildinfo_agent_services": [{"name": "canvas", "container": "canvas"}],
            "buildinfo_agent_token": TOKEN, "buildinfo_agent_listen": ["9480"], "buildinfo_agent_allowed": ["127.0.0.0/8"],
        }

    # Helpers

    def status(self, token=None, path="/buildinfo"):
        header = f"-H 'Authorization: Bearer {token}'" if token else ""
        return self.machine.shell(f"curl -s -m 20 -o /dev/null -w '%{{http_code}}' {header} http://127.0.0.1:9480{path}").stdout

    def verdict(self, token, sha=SHA):
        """The collector's exit code, for this host alone."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(token)
            file.flush()
            return run(*self.machine.entering("-n"), str(self.collector), "verify", "--service", "canvas", "--host",
                       "http://127.0.0.1:9480/buildinfo/canvas", "--sha", sha, "--soak", "1s", "--timeout", "20s", "--store", "none", "--progress", "none",
                       "--token-file", file.name, check=False).returncode

    def version(self):
        return self.machine.shell("dpkg-query -W -f '${Version}' buildinfo-agent").stdout

    def container(self):
        machine = self.machine
        machine.wait(60, lambda: machine.shell("docker info").returncode == 0, "the engine")
        machine.must("cd /tmp && mkdir -p image/bin && cp /bin/busybox image/bin/ && tar -C image -c . | docker import "
                     f"--change 'LABEL org.opencontainers.image.revision={SHA}' - registry.example/canvas:1")
        machine.must("docker run -d --name canvas --stop-timeout 1 --network host --restart always registry.example/canvas:1 "
                     "/bin/busybox sleep 100000")

    # The role

    def applies(self, what, variables, *flags, changes, playbook=None):
        code, numbers, said = self.ansible(variables, *flags, playbook=playbook)
        self.check(f"role: {what}: Ansible succeeds", 0, code)
        expected = "some" if changes else 0
        self.check(f"role: {what}: changes", expected, numbers.get("changed"), (numbers.get("changed", -1) > 0) == changes
                   and numbers.get("changed", -1) >= 0)
        if code != 0 or (not changes and numbers.get("changed")):
            print(said[-3000:], file=sys.stderr)
        return said

    def role(self):
        machine, variables = self.machine, self.variables
        said = self.applies("first run", variables, changes=True)
        self.check("role: the token is in no output, although differences are shown", False, TOKEN in said)
        self.check("role: a second run changes nothing", *self.second(variables))
        self.check("role: files of access", "600 root:root token", machine.must("cd /etc/buildinfo/access && stat -c '%a %U:%G %n' *"))
        self.check("role: units are enabled", "enabled enabled enabled", machine.must(
            "systemctl is-enabled buildinfo-agent.socket buildinfo-reader buildinfo-agent | xargs"))
        self.check("role: the port is open beyond loopback", "*:9480", machine.must(
            "ss -Hltn 'sport = 9480' | awk '{ print $4 }'"))
        self.check("role: without the token", "401", self.status())
        self.check("role: with the token", "200", self.status(TOKEN))
        self.check("role: the collector proves the host", 0, self.verdict(TOKEN))
        self.check("role: and no other build (10)", 10, self.verdict(TOKEN, SHA[::-1]))

        before = machine.must("sha256sum /etc/buildinfo/access/token")
        rotated = {**variables, "buildinfo_agent_token": f"{SECOND}\n{TOKEN}"}
        self.applies("--check with another token", rotated, "--check", changes=True)
        self.check("role: --check changed nothing", before, machine.must("sha256sum /etc/buildinfo/access/token"))
        self.applies("two tokens during a rotation", rotated, changes=True)
        self.check("role: both tokens are taken", ("200", "200"), (self.status(SECOND), self.status(TOKEN)))
        rotated["buildinfo_agent_token"] = SECOND
        self.applies("the new token alone", rotated, changes=True)
        self.check("role: the old one is refused", ("200", "401"), (self.status(SECOND), self.status(TOKEN)))

        two = {**rotated, "buildinfo_agent_services": [*variables["buildinfo_agent_services"], {"name": "worker", "container": "none"}],
               "buildinfo_agent_settings": {"log": {"level": "notice"}}}
        self.applies("another service", two, changes=True)
        self.check("role: it is known", "200", self.status(SECOND, "/buildinfo/worker"))
        self.check("role: again, nothing changes", *self.second(two))

        wrong = {**two, "buildinfo_agent_services": [{"name": "canvas", "kontainer": "canvas"}]}
        code, _, said = self.ansible(wrong)
        self.check("role: a mistake in the services stops it, with the reason", "2, kontainer", f"{code}, {said[-900:]}",
                   code == 2 and "kontainer" in said)
        code, _, said = self.ansible({**two, "buildinfo_agent_token": "short"})
        self.check("role: so does a token that the agent would refuse", 2, code)
        self.check("role: and shows no token", False, "short" in said)
        machine.must("systemctl restart buildinfo-reader buildinfo-agent")
        self.check("role: and the agent goes on, even after a restart", ("200", "200"), (
            self.status(SECOND), self.status(SECOND, "/buildinfo/worker")))
        self.check("role: corrected, nothing changes", *self.second(two))
        for what, variable, value in (("no token on an open port", "buildinfo_agent_token", ""),
                                      ("no services", "buildinfo_agent_services", []),
                                      ("two packages", "buildinfo_agent_package_url", SERVER),
                                      ("a certificate without a key", "buildinfo_agent_tls_certificate", "x")):
            code, numbers, said = self.ansible({**two, variable: value})
            self.check(f"role: {what} is refused before any change, with the reason", "2, changed=0, set either",
                       f"{code}, changed={numbers.get('changed')}, {said[-600:]}", code == 2 and numbers.get("changed") == 0
                       and "buildinfo_agent: set either" in said and SECOND not in said)

        upgraded = {**two, "buildinfo_agent_package_file": str(self.packages["2"])}
        self.applies("a newer package", upgraded, changes=True)
        self.check("role: it is installed", "99.0.0-1", self.version())
        self.check("role: the collector proves the host again", 0, self.verdict(SECOND))
        self.check("role: after the upgrade, nothing changes", *self.second(upgraded))

        closed = {**upgraded, "buildinfo_agent_listen": [], "buildinfo_agent_token": ""}
        self.applies("the port closed again", closed, changes=True)
        self.check("role: loopback only, without a token", ("127.0.0.1:9480", "200"), (
            machine.must("ss -Hltn 'sport = 9480' | awk '{ print $4 }'"), self.status()))
        self.check("role: closed, nothing changes", *self.second(closed))
        machine.must("apt-get purge -y -q buildinfo-agent; rm -rf /var/cache/buildinfo /etc/buildinfo")

    def second(self, variables, playbook=None):
        """What the recap of another run should say, and says."""
        code, numbers, said = self.ansible(variables, playbook=playbook)
        if numbers.get("changed"):
            print("\n".join(line for line in said.split("\n") if "changed:" in line or line.startswith("TASK")), file=sys.stderr)
        return "0, changed=0", f"{code}, changed={numbers.get('changed')}"

    def role_from_a_server(self):
        name = self.packages["1"].name
        sum_of = hashlib.sha256(self.packages["1"].read_bytes()).hexdigest()
        # With what examples/ansible/group_vars says of the rest.
        url = {"buildinfo_agent_services": self.variables["buildinfo_agent_services"],
               "buildinfo_agent_package_url": f"{SERVER}/{name}", "buildinfo_agent_package_sha256": sum_of[::-1]}
        playbook = ROLE / "playbook.yml"
        code, _, said = self.ansible(url, playbook=playbook)
        self.check("role: a package with another checksum is refused", "2, checksum", f"{code}", code == 2 and "checksum" in said)
        self.check("role: and not installed", "", self.version())
        url["buildinfo_agent_package_sha256"] = sum_of
        self.applies("a package from a server", url, changes=True, playbook=playbook)
        self.check("role: from a server, the collector proves the host", 0, self.verdict("replace-this-token"))
        self.check("role: from a server, nothing changes", *self.second(url, playbook=playbook))
        self.machine.must("apt-get purge -y -q buildinfo-agent; rm -rf /var/cache/buildinfo /etc/buildinfo")

    # install.sh

    def script(self):
        machine, command = self.machine, f"sh /srv/release/install.sh --from {SERVER}"
        done = machine.shell(f"{command} --dry-run agent")
        self.check("install.sh --dry-run shows the command", "apt-get install", done.stdout[-200:],
                   done.returncode == 0 and "+ env DEBIAN_FRONTEND=noninteractive apt-get install" in done.stdout)
        self.check("install.sh --dry-run installs nothing", "", self.version())
        done = machine.shell(f"curl -fsS {SERVER}/install.sh | sh -s -- --from {SERVER} agent")
        self.check("install.sh from a pipe installs the package", (0, self.packages["1"].name.split("_")[1]), (done.returncode, self.version()))
        self.check("apt had nothing to object", False, "unsandboxed" in done.stdout + done.stderr)
        machine.write("/etc/buildinfo/agent.yaml", "services: [{name: canvas, container: canvas}]\n")
        machine.must("systemctl enable --now buildinfo-agent.socket buildinfo-reader buildinfo-agent; "
                     "systemctl restart buildinfo-reader buildinfo-agent")
        self.check("install.sh: the collector proves the host", 0, self.verdict("unused"))
        machine.must("apt-get purge -y -q buildinfo-agent; rm -rf /etc/buildinfo")

    # README

    def first_proof(self):
        """The commands of the README, as they are there, on a host without either program."""
        machine, begin = self.machine, time.monotonic()
        text = re.search(r"## Your first proof\n\n```\n(.*?)```", (TREE / "README.md").read_text(), re.S)[1]
        packed, *commands = [line.split("  #")[0].strip() for line in text.splitlines()]
        self.check("first proof: the packages are built first", "make dist", packed)
        machine.must("mkdir /srv/first && ln -s /srv/release /srv/first/dist")
        said = ""
        for command in commands:
            done = machine.shell(f"export HOME=/root; cd /srv/first && {command}")
            self.check(f"first proof: {command[:60]}", 0, f"{done.returncode} {done.stderr[-300:]}", done.returncode == 0)
            said += done.stderr
        proof = re.findall(r"buildinfo-collector verify .*", said)
        self.check("first proof: the next command is named once", 1, len(proof))
        done = machine.shell(f"cd /srv/first && {proof[0]} --store none" if proof else "false")
        self.check("first proof: it proves the host", 0, f"{done.returncode} {done.stdout[-300:]}", done.returncode == 0)
        took = time.monotonic() - begin
        self.check("first proof: within five minutes", "at most 300 s", f"{took:.0f} s", took <= 300)
        machine.must("apt-get purge -y -q buildinfo-agent buildinfo-collector; rm -rf /etc/buildinfo")

    # cloud-init

    def cloud_init(self):
        """Plays the user data: its files, then its commands, as cloud-init does on the first boot."""
        import yaml
        machine = self.machine
        text = (TREE / "examples/cloud-init.yaml").read_text()
        data = yaml.safe_load(text.replace("https://releases.example.com/buildinfo/0.2.0", SERVER))
        self.check("cloud-init: the user data has its first line, files and commands", "#cloud-config runcmd write_files",
                   f"{text.split(chr(10))[0]} {' '.join(sorted(set(data) & {'write_files', 'runcmd'}))}")
        for file in data["write_files"]:
            machine.write(file["path"], file["content"])
            machine.must(f"chmod {file['permissions']} '{file['path']}'")
        for command in data["runcmd"]:
            quoted = command if isinstance(command, str) else " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
            done = machine.shell(quoted)
            self.check(f"cloud-init: {quoted[:60]}", 0, f"{done.returncode} {done.stderr[-200:]}", done.returncode == 0)
        token = data["write_files"][0]["content"].strip()
        self.check("cloud-init: the configuration is the one that was given", "canvas", machine.must(
            "grep -o canvas /etc/buildinfo/agent.yaml | head -n 1"))
        self.check("cloud-init: without the token", "401", self.status())
        self.check("cloud-init: the collector proves the host", 0, self.verdict(token))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path, required=True)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, default=TREE / ".build-system")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("hosts.py: run it as root, because it boots a system")
    if not shutil.which("ansible-playbook"):
        sys.exit("hosts.py: ansible-playbook not found: apt-get install ansible-core")
    os.umask(0o022)
    root = prepared_root(options.cache)
    check = Checks()
    folders = runtime_folders(options.agent) | runtime_folders(options.collector)
    with tempfile.TemporaryDirectory() as work:
        work, packages = pathlib.Path(work), {}
        for number, version in (("1", []), ("2", ["--version", "99.0.0"])):
            run(sys.executable, str(TREE / "packaging/build.py"), "--debug", "--agent", str(options.agent),
                "--collector", str(options.collector), "--out", f"{work}/{number}", *version)
            [packages[number]] = (work / number).glob("buildinfo-agent_*.deb")
        with Machine(root, sorted(folders)) as machine:
            run("cp", "-r", f"{work}/1", str(machine.folder / "srv/release"))
            run("cp", str(TREE / "packaging/install.sh"), str(machine.folder / "srv/release/install.sh"))
            scenario = Scenario(machine, check, packages, options.collector.resolve(), work)
            server = subprocess.Popen([*machine.entering(), "/usr/bin/python3", "-m", "http.server", "8000", "--bind", "127.0.0.1",
                                       "--directory", "/srv/release"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            try:
                scenario.container()
                for step in (scenario.role, scenario.role_from_a_server, scenario.script, scenario.first_proof,
                             scenario.cloud_init):
                    step()
            except RuntimeError as error:
                check("the scenario ends", "its end", error, False)
            finally:
                server.kill()
                server.wait()
    return check.finish()


if __name__ == "__main__":
    sys.exit(main())
