"""A Debian system with systemd, booted in a container with an engine and a loopback network only."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

SUITE = "bookworm"
BASE = "systemd,systemd-sysv,dbus,libpam-systemd,ca-certificates"
# The engine, the libraries of the programs, and the tools of the tests, with what Ansible needs on a host.
PACKAGES = ("docker.io podman runc curl libcurl4 libsqlite3-0 libyaml-0-2 libstdc++6 libgcc-s1 busybox-static iproute2 "
            "python3 python3-apt").split()


def run(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def mirror():
    """The Debian mirror of this machine; the default mirror on other systems."""
    said = run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", check=False).stdout.split()
    return next((site for site in said if site.rstrip("/").endswith("/debian")), "http://deb.debian.org/debian")


def prepared_root(cache):
    """The folder of an installed system, never booted; created once for each list of packages."""
    key = hashlib.sha256(repr((SUITE, BASE, PACKAGES)).encode()).hexdigest()[:12]
    root = cache / f"root-{key}"
    if root.exists():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    making = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=cache))
    # Unneeded files would take most of the time and space.
    (making / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (making / "etc/dpkg/dpkg.cfg.d/small").write_text(
        "path-exclude=/usr/share/locale/*\nforce-unsafe-io\n")
    run("debootstrap", "--variant=minbase", f"--include={BASE}", SUITE, str(making), mirror())
    # Packages must not start services here.
    policy = making / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    run("chroot", str(making), "apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    policy.unlink()
    (making / "etc/machine-id").write_text("")
    making.chmod(0o755)
    making.rename(root)
    for old in cache.glob("root-*"):
        if old != root:
            shutil.rmtree(old)
    return root


class Machine:
    """A machine that boots when its context is entered, and is deleted when the context is left."""

    def __init__(self, root, read_only=()):
        self.root, self.read_only = root, [path for path in read_only if os.path.isdir(path)]
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=root.parent))
        self.folder = self.work / "merged"
        self.console = open(self.work / "console", "wb")
        self.process = self.leader = None

    def __enter__(self):
        for name in ("upper", "work", "merged"):
            (self.work / name).mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={self.root},upperdir={self.work}/upper,workdir={self.work}/work", str(self.folder))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "-D", str(self.folder), "--boot", "--register=no",
             "--keep-unit", "--private-network", "--machine=buildinfo-test", "--quiet",
             # The engine inside creates its own keyrings and filters.
             "--system-call-filter=@keyring bpf",
             *[f"--bind-ro={path}" for path in self.read_only]],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True)
        self.wait(60, self.find_leader, "the machine to start")
        self.wait(90, lambda: self.shell("systemctl is-system-running").stdout.strip() in ("running", "degraded"),
                  "the machine to boot")
        # Podman's own units need a machine.
        self.must("systemctl reset-failed 'podman*' || true")
        # The control groups are mounted read-only, but the engine has to create some.
        self.must("""awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | while read -r group; do
            mount -o remount,bind,rw "$group"; done""")
        return self

    def __exit__(self, *_):
        if self.leader:
            # Containers would leave control groups behind.
            self.shell("docker ps -q | xargs -r docker rm -f")
            os.kill(self.leader, signal.SIGKILL)
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.console.close()
        run("umount", str(self.folder), check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def find_leader(self):
        if self.process.poll() is not None:
            raise RuntimeError("systemd-nspawn ended: " + (self.work / "console").read_text(errors="replace")[-2000:])
        for found in run("pgrep", "-P", str(self.process.pid), check=False).stdout.split():
            # Children that prepare the machine end before it starts.
            try:
                status = pathlib.Path(f"/proc/{found}/status").read_text()
            except OSError:
                continue
            # Until it is the first process of its namespace, the namespaces cannot be entered.
            if re.search(r"^NSpid:.*\t1$", status, re.M):
                self.leader = int(found)
        return self.leader

    def wait(self, seconds, condition, what):
        """Returns the condition's value once it is true; raises an error at the time limit."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        raise RuntimeError(f"waited {seconds} s for {what}")

    def entering(self, *namespaces):
        return ["nsenter", "-t", str(self.leader), *(namespaces or ["-a"]), "--"]

    def shell(self, command, check=False):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return run(*self.entering(), "/bin/sh", "-c", command, check=check, env=environment)

    def must(self, command):
        return self.shell(command, check=True).stdout.strip()

    def write(self, path, text):
        """Writes a file from inside, since some folders exist only there."""
        subprocess.run([*self.entering(), "/bin/sh", "-c", f"mkdir -p '{os.path.dirname(path)}' && cat >'{path}'"],
                       input=text, text=True, check=True)

    def property(self, unit, name):
        return self.must(f"systemctl show --value -p {name} {unit}")

    def main_process(self, unit):
        """The process id inside the machine, or None."""
        number = int(self.property(unit, "MainPID") or 0)
        return number or None

    def files(self, but):
        """All paths except the volatile ones."""
        found = self.must("find / /run -xdev -not -type d -o -xdev -type d").split("\n")
        return {path for path in found if not re.match(but, path)}
