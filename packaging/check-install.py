#!/usr/bin/python3
"""Checks install.sh against a release server on loopback: what it installs, and everything that must stop it. Changes nothing on
this system: commands that would are played, and the tarball goes into a folder. Usage: check-install.py"""

import hashlib
import http.server
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

SCRIPT = pathlib.Path(__file__).with_name("install.sh")
TOOLS = "sh awk sed grep tar gzip find mktemp sha256sum cut cat chmod mkdir mv rm env curl head id uname getconf dirname".split()
PACKAGES = {f"buildinfo-{part}_0.2.0-1_{architecture}.deb": f"package of {part} for {architecture}".encode()
            for part in ("agent", "collector") for architecture in ("amd64", "arm64")}
FILES = ("usr/bin/buildinfo-agent", "usr/bin/buildinfo-collector", "usr/lib/systemd/system/buildinfo-reader.service",
         "usr/lib/systemd/system/buildinfo-collector@.service", "usr/lib/systemd/system/buildinfo-collector.service",
         "usr/lib/sysusers.d/buildinfo-agent.conf", "usr/lib/tmpfiles.d/buildinfo-collector.conf", "etc/buildinfo/agent.yaml",
         "etc/buildinfo/collector.yaml")


def tarball(machine):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in FILES:
            member = tarfile.TarInfo(f"buildinfo-0.2.0-linux-{machine}/{name}")
            member.size, member.mode = len(name), 0o755 if "/bin/" in name else 0o644
            archive.addfile(member, io.BytesIO(name.encode()))
    return buffer.getvalue()


class Release(http.server.BaseHTTPRequestHandler):
    """A release's folder. `short` is the name of a file that ends early, `redirect` the target of every request."""
    files, short, redirect = {}, None, None

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if self.redirect:
            self.send_response(302)
            self.send_header("Location", self.redirect)
            self.end_headers()
        elif name not in self.files:
            self.send_error(404)
        else:
            content = self.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:len(content) // 2] if name == self.short else content)

    def log_message(self, *_):
        pass


class Check:
    def __init__(self, work):
        self.work, self.failed, self.count = work, 0, 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Release)
        self.url = f"http://127.0.0.1:{self.server.server_port}/0.2.0"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def release(self, files=None, sums=None):
        Release.files = dict(files or {**PACKAGES, **{f"buildinfo-0.2.0-linux-{machine}.tar.gz": tarball(machine)
                                                      for machine in ("x86_64", "aarch64")}})
        Release.files["SHA256SUMS"] = sums if sums is not None else "".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in Release.files.items()).encode()
        Release.short = Release.redirect = None

    def system(self, without=(), **played):
        """A PATH with the tools of a system, and programs that print what is given instead of doing something."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        for tool in TOOLS:
            place = shutil.which(tool)
            if tool not in without and place:
                (folder / tool).symlink_to(place)
        # Whatever the script does wrong, it must not reach this system.
        tar = f'case " $* " in *" -C / "*) echo "tar into /" >&2; exit 1 ;; esac; exec {shutil.which("tar")} "$@"'
        played = {"id": "echo 0", **({} if "tar" in without else {"tar": tar}), **played}
        for name, text in played.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        return folder

    def debian(self, architecture="amd64", **played):
        return self.system(dpkg=f"echo {architecture}", **{"apt-get": f'echo "$*" >>"{self.work}/apt"', **played})

    def plain(self, without=(), **played):
        return self.system(without, **{"systemctl": '[ "$1" != --version ] || echo "systemd 255 (255.4)"', **played})

    def __call__(self, what, system, arguments, code, *words, script=None):
        (self.work / "apt").unlink(missing_ok=True)
        done = subprocess.run(["/bin/sh", "-s", "--", *arguments], input=script or SCRIPT.read_text(), text=True, capture_output=True,
                              env={"PATH": str(system), "TMPDIR": str(self.work / "tmp"), "LC_ALL": "C"}, timeout=120)
        said = done.stdout + done.stderr
        left = os.listdir(self.work / "tmp")
        fine = done.returncode == code and all(word in said for word in words) and not left
        self.report(what, fine, f"exit {done.returncode} instead of {code}, left {left}:\n{said}")
        return said, (self.work / "apt").read_text() if (self.work / "apt").exists() else ""

    def report(self, what, fine, detail=""):
        self.count += 1
        self.failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {what}" + ("" if fine else f"\n{detail}"))


def main():
    with tempfile.TemporaryDirectory() as work:
        check = Check(pathlib.Path(work))
        (check.work / "tmp").mkdir()
        packages(check)
        tarballs(check)
        print(f"{check.count} checks, {check.failed} failed")
        return 1 if check.failed else 0


def packages(check):
    url = ["--from", check.url]
    check.release()
    for architecture in ("amd64", "arm64"):
        _, apt = check(f"the package for {architecture}", check.debian(architecture), [*url, "agent"], 0, "Installed buildinfo-agent",
                       "enable --now")
        check.report("apt gets it, and no other", f"buildinfo-agent_0.2.0-1_{architecture}.deb" in apt and apt.count(".deb") == 1, apt)
    _, apt = check("a dry run shows the command", check.debian(), ["--dry-run", *url, "collector"], 0, "+ env", "Nothing was changed")
    check.report("and runs nothing", apt == "", apt)
    _, apt = check("the script without its last line", check.debian(), [*url, "agent"], 0,
                   script=SCRIPT.read_text().removesuffix('main "$@"\n'))
    check.report("of a truncated script, nothing runs", apt == "", apt)
    script = SCRIPT.read_text()
    ran = []
    for end in range(0, len(script) - len('main "$@"\n'), 97):
        done = subprocess.run(["/bin/sh", "-s", "--", *url, "agent"], input=script[:end], text=True, capture_output=True,
                              env={"PATH": str(check.debian()), "TMPDIR": str(check.work / "tmp")})
        ran += [end] if done.stdout or (check.work / "apt").exists() else []
    check.report("wherever it is cut", not ran, ran)

    for what, name, content in (("another content", "buildinfo-agent_0.2.0-1_amd64.deb", b"malicious"),
                                ("an empty file", "buildinfo-agent_0.2.0-1_amd64.deb", b"")):
        check.release()
        Release.files[name] = content
        _, apt = check(f"{what} than SHA256SUMS says", check.debian(), [*url, "agent"], 65, "SHA256SUMS says")
        check.report("is not installed", apt == "", apt)
    check.release()
    Release.short = "buildinfo-agent_0.2.0-1_amd64.deb"
    _, apt = check("a download that ends early", check.debian(), [*url, "agent"], 69, "cannot download")
    check.report("is not installed", apt == "", apt)
    wget = 'while [ $# -gt 1 ]; do [ "$1" = -O ] && out=$2; shift; done; printf half >"$out"'
    if real := shutil.which("wget"):
        check.release()
        check("wget, where there is no curl", no_curl(check, f'exec {real} "$@"'), [*url, "agent"], 0, "Installed")
    check("wget that reports success for half a list", no_curl(check, wget), [*url, "agent"], 69, "not a list of checksums")
    check.release()
    Release.short = "SHA256SUMS"
    check("a list that ends early", check.debian(), [*url, "agent"], 69, "cannot download")

    check.release(sums=b"<html>Log in to the network</html>\n")
    check("a login page instead of the list", check.debian(), [*url, "agent"], 69, "not a list of checksums")
    check.release(sums=b"")
    check("an empty list", check.debian(), [*url, "agent"], 69, "not a list of checksums")
    check.release({"buildinfo-agent_0.2.0-1_amd64.deb": b"x"})
    check("a release without this architecture", check.debian("arm64"), [*url, "agent"], 78, "has no package of buildinfo-agent for arm64")
    check.release({"buildinfo-agent_0.2.0-1_amd64.deb": b"x", "buildinfo-agent_0.1.0-1_amd64.deb": b"y"})
    check("a folder of several versions", check.debian(), [*url, "agent"], 64, "several")
    check("a 32-bit userland on a 64-bit kernel", check.debian("armhf"), [*url, "agent"], 78, "armhf is not supported")
    check.release()
    check("apt that fails", check.debian(**{"apt-get": "exit 100"}), [*url, "agent"], 1, "failed: env")
    Release.redirect = "http://192.0.2.1/elsewhere"
    check("not root", check.debian(id="echo 1000"), [*url, "agent"], 77, "sudo")
    Release.redirect = None
    check("not root, but a dry run", check.debian(id="echo 1000"), ["--dry-run", *url, "agent"], 0, "Nothing was changed")
    pin = hashlib.sha256(Release.files["SHA256SUMS"]).hexdigest()
    check("the pinned list of checksums", check.debian(), [*url, "--sums-sha256", pin, "agent"], 0, "Installed")
    _, apt = check("another list of checksums", check.debian(), [*url, "--sums-sha256", "0" * 64, "agent"], 65, "not the given one")
    check.report("installs nothing", apt == "", apt)
    check("a release that does not exist", check.debian(), ["--from", "http://127.0.0.1:9/", "agent"], 69, "cannot download")
    check("plain HTTP beyond this machine", check.debian(), ["--from", "http://releases.example.com/0.2.0", "agent"], 64, "https://")
    check("plain HTTP to a name that begins like this machine", check.debian(), ["--from", "http://127.0.0.1.example.com/", "agent"],
          64, "https://")
    check("plain HTTP to another host behind a user", check.debian(), ["--from", "http://127.0.0.1:1@example.com/", "agent"], 64, "https://")
    check("no release", check.debian(), ["agent"], 64, "--from")
    check("no program", check.debian(), url, 64, "expected agent or collector")
    check("an unknown program", check.debian(), [*url, "server"], 64, "unknown argument 'server'")
    check("another system", check.debian(uname="echo Darwin"), [*url, "agent"], 78, "Darwin is not supported")
    for tool in ("sha256sum", "awk", "tar"):
        check(f"without {tool}", check.system((tool,), dpkg="echo amd64", **{"apt-get": "exit 1"}), [*url, "agent"], 69,
              f"{tool} not found")
    check("without curl and wget", check.system(("curl",), dpkg="echo amd64", **{"apt-get": "exit 1"}), [*url, "agent"], 69,
          "neither curl nor wget")


def no_curl(check, wget):
    return check.system(("curl",), dpkg="echo amd64", wget=wget, **{"apt-get": f'echo "$*" >>"{check.work}/apt"'})


def tarballs(check):
    url = ["--from", check.url]
    check.release()
    root = check.work / "root"
    root.mkdir()
    check("the tarball, into a folder", check.plain(), [*url, "--root", str(root), "agent"], 0, "Installed")
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    check.report("has the agent's files and no other", found == sorted(name for name in FILES if "collector" not in name), found)
    check.report("with their modes", os.access(root / "usr/bin/buildinfo-agent", os.X_OK))
    (root / "etc/buildinfo/agent.yaml").write_text("mine")
    (root / "usr/bin/buildinfo-agent").write_text("old")
    check("again", check.plain(), [*url, "--root", str(root), "agent"], 0, "Keeping")
    check.report("keeps agent.yaml and replaces the program", ((root / "etc/buildinfo/agent.yaml").read_text(), (
        root / "usr/bin/buildinfo-agent").read_text()) == ("mine", "usr/bin/buildinfo-agent"))
    other = check.work / "other"
    other.mkdir()
    check("the collector's", check.plain(), [*url, "--root", str(other), "collector"], 0, "Installed")
    found = sorted(str(path.relative_to(other)) for path in other.rglob("*") if path.is_file())
    check.report("are the collector's and no other", found == sorted(name for name in FILES if "collector" in name), found)
    check("a dry run on a system without Debian's tools", check.plain(), ["--dry-run", *url, "agent"], 0, "+ tar -xpf",
          "+ systemd-sysusers", "Nothing was changed")
    check("an old systemd", check.plain(systemctl='echo "systemd 247 (247.3)"'), [*url, "agent"], 78, "systemd 247 is too old")
    check("no systemd", check.system(), [*url, "agent"], 78, "no systemd")
    check("an old glibc", check.plain(getconf='case $1 in LONG_BIT) echo 64;; *) echo "glibc 2.31";; esac'), [*url, "agent"], 78,
          "glibc 2.31 is too old")
    check("musl", check.plain(getconf='case $1 in LONG_BIT) echo 64;; *) exit 1;; esac'), [*url, "agent"], 78, "no glibc")
    check("another machine", check.plain(uname='case $1 in -m) echo riscv64;; *) echo Linux;; esac'), [*url, "agent"], 78,
          "riscv64 is not supported")
    check("32 bits", check.plain(getconf='case $1 in LONG_BIT) echo 32;; *) echo "glibc 2.36";; esac'), [*url, "agent"], 78, "32-bit")
    check("a root that does not exist", check.plain(), [*url, "--root", str(check.work / "none"), "agent"], 64, "--root")


if __name__ == "__main__":
    sys.exit(main())
