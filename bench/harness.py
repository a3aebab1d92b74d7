"""The parts of run.py: processes that are measured in turns, servers for them to ask, and the file of results."""

import contextlib
import datetime
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORT = 18500
TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A benchmark that gives no result: a peer is missing, or a contestant failed."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise BenchError(f"{program} is missing: run scripts/deps.sh bench")


@dataclass
class Contestant:
    name: str
    command: list
    runs: int = 1_000  # At most so many, for slow ones.
    scale: int = 1  # Asks 1/scale of the hosts; its times count scale-fold.
    exits: tuple = (0,)


class Workplace:
    """A temporary folder, the processes that run in it, and the results."""

    def __init__(self, results, agent, collector, fleet, quick):
        self.results, self.agent, self.collector, self.fleet, self.quick = results, agent, collector, fleet, quick
        self.exceeded = []
        self.root = Path(tempfile.mkdtemp(prefix="buildinfo-bench-"))
        self.exits = contextlib.ExitStack()
        self.exits.callback(shutil.rmtree, self.root, ignore_errors=True)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def measure(self, contestant):
        """Runs a command to its end: seconds of wall time, seconds of processor time, and MB of peak resident memory."""
        # A child's peak starts with the memory of the process that forks it, so a small one does.
        command = ["/usr/bin/time", "-f", "%M", "-o", self.root / "peak", *contestant.command]
        with open(self.root / "stdout", "wb") as out, open(self.root / "stderr", "wb") as err:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.root,
                                       start_new_session=True)
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in contestant.exits:
            raise BenchError(f"{contestant.name} ended with {process.returncode}: {self.tail('stderr')}")
        peak = int((self.root / "peak").read_text().split()[-1]) * 1024 / 1e6
        return wall * contestant.scale, (usage.ru_utime + usage.ru_stime) * contestant.scale, peak

    def turns(self, benchmark, case, contestants, runs, check=lambda contestant: contextlib.nullcontext(), **more):
        """Runs the contestants in turns, A B A B, and adds a result for each."""
        figures = {contestant.name: ([], [], []) for contestant in contestants}
        for turn in range(runs):
            for contestant in contestants:
                if turn >= contestant.runs:
                    continue
                with check(contestant):
                    values = self.measure(contestant)
                for kind, value in zip(figures[contestant.name], values):
                    kind.append(round(value, 4))
        for contestant in contestants:
            wall, cpu, peak = figures[contestant.name]
            self.results.add(benchmark, case, contestant.name, scale=contestant.scale, wall_s=wall, cpu_s=cpu, peak_mb=peak,
                             **more)

    def tail(self, name):
        return (self.root / name).read_text(errors="replace")[-400:].strip()

    def start(self, command, **options):
        """Starts a process that ends with this benchmark at the latest."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([str(part) for part in command], cwd=self.root, **options)
        self.exits.callback(end, process)
        return process

    def addresses(self, hosts, tls=False):
        """A file with the URLs of the hosts."""
        path = self.root / f"urls-{hosts}{'-tls' if tls else ''}"
        with open(path, "w", encoding="ascii") as file:
            for host in range(1, hosts + 1):
                origin = f"https://{address(host)}:{Nginx.tls_port(host)}" if tls else f"http://{address(host)}:{PORT}"
                file.write(f"{origin}/buildinfo\n")
        return path


def address(host):
    """The address of a host, from 1, as buildinfo-fleet has them."""
    return f"127.{1 + (host >> 16)}.{host >> 8 & 255}.{host & 255}"


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def sample(pid):
    """Seconds of processor time so far, and MB of peak resident memory, of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    peak = int(re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])
    return (int(fields[11]) + int(fields[12])) / TICK, peak * 1024 / 1e6


class Nginx:
    """nginx with one document. Over TLS, a certificate holds for 50 hosts, which have a port of their own."""

    PER_CERTIFICATE = 50

    @classmethod
    def tls_port(cls, host):
        return PORT + 1 + (host - 1) // cls.PER_CERTIFICATE

    def __init__(self, place, tls_hosts=0):
        need("nginx")
        root = place.root / "nginx"
        root.mkdir()
        self.authority = root / "ca.pem"
        text = (HERE / "peers/nginx.conf").read_text()
        values = {"ROOT": root, "HERE": HERE / "peers", "PORT": PORT, "TLS": self.certificates(root, tls_hosts)}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (root / "nginx.conf").write_text(text)
        run("nginx", "-p", root, "-c", root / "nginx.conf")
        place.exits.callback(self.stop, root)

    @staticmethod
    def stop(root):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((root / "nginx.pid").read_text()), signal.SIGTERM)
        while (root / "nginx.pid").exists():
            time.sleep(0.05)

    def certificates(self, root, hosts):
        """Creates an authority and the servers' certificates; returns the servers' configuration."""
        if hosts == 0:
            return ""
        need("openssl")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
        run("openssl", "req", "-x509", *curve, "-subj", "/CN=Benchmark", "-keyout", root / "ca.key", "-out", self.authority)
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", root / "key.pem")
        servers = []
        for first in range(1, hosts + 1, self.PER_CERTIFICATE):
            port = self.tls_port(first)
            names = ",".join(f"IP:{address(host)}" for host in range(first, first + self.PER_CERTIFICATE))
            run("openssl", "req", "-x509", "-key", root / "key.pem", "-CA", self.authority, "-CAkey", root / "ca.key",
                "-days", "2", "-subj", "/CN=host", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                f"subjectAltName={names}", "-out", root / f"{port}.pem")
            servers.append(f"server {{ listen 0.0.0.0:{port} ssl backlog=4096; ssl_certificate {root}/{port}.pem; "
                           f"ssl_certificate_key {root}/key.pem; include {HERE}/peers/document.conf; }}")
        return "\n".join(servers)

    def counts(self):
        """The connections and requests so far, without those of this method."""
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/status") as answer:
            accepted, _, requests = map(int, re.search(r"\s(\d+) (\d+) (\d+) ", answer.read().decode()).groups())
        self.asked = getattr(self, "asked", 0) + 1
        return accepted - self.asked, requests - self.asked

    @contextlib.contextmanager
    def counting(self, contestant, hosts):
        """Fails if the contestant sends fewer requests than there are hosts."""
        before = self.counts()[1]
        yield
        sent = self.counts()[1] - before
        if sent < hosts // contestant.scale:
            raise BenchError(f"{contestant.name} sent {sent} requests to {hosts // contestant.scale} hosts")


class Fleet:
    """A running buildinfo-fleet. `started_at` is the time of day from which its script counts, within milliseconds."""

    TARGET = "b" * 40

    def __init__(self, place, hosts, script, *flags):
        """`script` has a time in seconds and an action per host: [(12.5, 1, "target")]."""
        (place.root / "script").write_text("".join(f"{at * 1e3:.0f}ms {host} {action}\n" for at, host, action in script))
        self.inventory = place.root / "inventory"
        self.process = place.start(
            [place.fleet, "--hosts", hosts, "--port", PORT, "--script", place.root / "script", "--inventory", self.inventory,
             *flags], stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("listening"):
            raise BenchError("buildinfo-fleet does not listen")
        self.started_at = time.time()

    def stop(self):
        """Ends the fleet; returns the numbers of requests and of connections that it got, and the seconds from its start to
        the first request."""
        self.process.terminate()
        match = re.search(
            r"requests (\d+), .* connections (\d+), .* first request after (\d+) ms", self.process.stdout.read())
        self.process.wait()
        return int(match[1]), int(match[2]), int(match[3]) / 1000


def run(*command, **options):
    """Runs a command to its end and returns its output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-600:].strip()
        raise BenchError(f"{Path(str(command[0])).name} ended with {done.returncode}: {said}")
    return done.stdout


class Results:
    """A file with a JSON object per line: the results, and the conditions of each benchmark."""

    def __init__(self, path):
        self.path = Path(path)
        self.new = []

    def add(self, benchmark, case, contestant, **figures):
        self.new.append({"benchmark": benchmark, "case": case, "contestant": contestant, **figures})
        short = {name: statistics.median(value) if isinstance(value, list) else value for name, value in figures.items()}
        print(f"  {case}, {contestant}: {short}", flush=True)

    def keep(self, benchmark, conditions):
        """Replaces the results of a benchmark in the file."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["benchmark"] != benchmark]
        new = [json.dumps(line) for line in [{"benchmark": benchmark, "conditions": conditions}, *self.new]]
        self.path.write_text("\n".join(sorted(kept + new, key=lambda line: json.loads(line)["benchmark"])) + "\n")
        self.new = []


def other_load(seconds=2):
    """How many processors others keep busy, while this program runs nothing."""
    def busy():
        user, nice, system, _, _, irq, soft, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        return user + nice + system + irq + soft + steal
    before = busy()
    time.sleep(seconds)
    return (busy() - before) / TICK / seconds


def conditions(started_at, load, quick):
    """The machine, the time and the programs of a run."""
    processor = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 1024 / 1024
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())[1]
    def version(*command):
        return re.search(r"\d[\d.]+", run(*command))[0] if shutil.which(command[0]) else "missing"
    return {
        "machine": f"{os.cpu_count()} x {processor[1] if processor else os.uname().machine}, {memory:.0f} GB, {system}, "
                   f"Linux {os.uname().release.split('-')[0]}",
        "commit": subprocess.run(["git", "describe", "--always", "--abbrev=12"], cwd=HERE, capture_output=True,
                                 text=True, check=False).stdout.strip() or "unknown",
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.time() - started_at),
        "other_load": round(load, 2),
        "quick": quick,
        "peers": {"Go": version("go", "version"), "curl": version("curl", "--version"),
                  "aiohttp": (HERE / "peers/requirements.txt").read_text().strip().split("==")[1],
                  "open files": resource.getrlimit(resource.RLIMIT_NOFILE)[0]},
    }
