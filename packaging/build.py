#!/usr/bin/python3
"""Packs the programs into a tarball and two Debian packages. The same binaries and commit result in the same bytes.

Usage: build.py --agent FILE --collector FILE --out FOLDER [--version V] [--debug]

Everything that could differ between two runs is fixed: the time (SOURCE_DATE_EPOCH, else the last commit's), owners, modes,
order, compression and its threads. --debug is for tests: it allows binaries with symbols that link the Swift runtime
dynamically, and does not compress.
"""

import argparse
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent
MAINTAINER = "buildinfo maintainers <maintainers@buildinfo.invalid>"
# The libraries that the programs can need, and Debian's package for each. Any other library fails the build.
LIBRARIES = {
    "libc.so.6": "libc6", "libm.so.6": "libc6", "ld-linux-x86-64.so.2": "libc6", "ld-linux-aarch64.so.1": "libc6",
    "libstdc++.so.6": "libstdc++6 (>= 11)", "libgcc_s.so.1": "libgcc-s1 (>= 4.2)",
    # libcurl4t64 is Debian 13's name for builds with 64-bit times.
    "libcurl.so.4": "libcurl4 (>= 7.88) | libcurl4t64", "libsqlite3.so.0": "libsqlite3-0 (>= 3.40)",
}
UNITS = {
    "agent": ["buildinfo-agent.socket", "buildinfo-agent.service", "buildinfo-agent-access.service", "buildinfo-reader.service",
              "buildinfo-engine@.service"],
    "collector": ["buildinfo-collector.socket", "buildinfo-collector.service", "buildinfo-collector@.service",
                  "buildinfo-collector@.timer"],
}
# A folder of each program for tokens and keys, which systemd copies for its service.
SECRETS = {"agent": "etc/buildinfo/access", "collector": "etc/buildinfo/secrets"}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


def fail(message):
    sys.exit(f"build.py: {message}")


def settled(binary):
    """The program without the parts that depend on the build folder and that no program reads: the compiler's
    module hashes are cleared, and the linker's build id is computed again from the rest."""
    content = bytearray(binary.read_bytes())
    section = r"\] (\S+) +\S+ +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)"
    identity = None
    for name, offset, size in re.findall(section, run("readelf", "--sections", "--wide", str(binary), text=True)):
        start, end = int(offset, 16), int(offset, 16) + int(size, 16)
        if name == ".swift_modhash":
            content[start:end] = bytes(end - start)
        if name == ".note.gnu.build-id":
            # After the note's header and its name, "GNU".
            identity = slice(start + 16, end)
            content[identity] = bytes(end - start - 16)
    if identity:
        content[identity] = hashlib.sha1(content).digest()[:identity.stop - identity.start]
    return bytes(content)


class Packer:
    def __init__(self, options, work):
        self.binaries = {"agent": options.agent.resolve(), "collector": options.collector.resolve()}
        self.out, self.debug, self.work = options.out, options.debug, work
        self.epoch = int(
            os.environ.get("SOURCE_DATE_EPOCH") or run("git", "-C", str(TREE), "log", "-1", "--format=%ct"))
        self.date = time.strftime("%Y-%m-%d", time.gmtime(self.epoch))
        # The commit may follow.
        versions = {run(str(binary), "--version", text=True).split()[0] for binary in self.binaries.values()}
        if len(versions) != 1:
            fail(f"the programs are of different versions: {', '.join(sorted(versions))}; rebuild both")
        self.version = options.version or versions.pop()
        self.revision = f"{self.version}-1"
        self.architecture = run("dpkg", "--print-architecture", text=True).strip()
        self.machine = os.uname().machine

    # Installed files

    def tree(self, part, root, units, documents):
        """Writes the files of one program below root: units into the folder `units`, documents into `documents`."""
        name = f"buildinfo-{part}"
        binary = self.binaries[part]
        self.write(root / "usr/bin" / name, binary.read_bytes() if self.debug else settled(binary), 0o755)
        for unit in UNITS[part]:
            self.install(TREE / "systemd" / unit, root / units / unit)
        if part == "agent":
            # The marker starts with Docker. On a host without Docker, it has no effect.
            wants = root / units / "docker.service.wants"
            wants.mkdir(parents=True)
            (wants / "buildinfo-engine@docker.service").symlink_to("../buildinfo-engine@.service")
            for path in sorted((TREE / "systemd/examples").rglob("*.conf")):
                self.install(path, root / documents / "examples" / path.relative_to(TREE / "systemd/examples"))
        else:
            # Served at /api/v1/openapi.json.
            self.install(TREE / "Sources/Collector/Service/Resources/openapi.json", root / "usr/share" / name / "openapi.json")
            for path in sorted((TREE / "examples").rglob("*")):
                if path.is_file():
                    self.install(path, root / documents / "examples" / path.relative_to(TREE / "examples"),
                                 0o755 if path.suffix == ".sh" else 0o644)
        for kind in ("sysusers.d", "tmpfiles.d"):
            if (TREE / "systemd" / kind / f"{name}.conf").exists():
                self.install(TREE / "systemd" / kind / f"{name}.conf", root / "usr/lib" / kind / f"{name}.conf")
        self.install(HERE / f"{part}.yaml", root / f"etc/buildinfo/{part}.yaml")
        page = run(
            sys.executable, str(HERE / "man/render.py"), str(binary), str(HERE / f"man/{name}.roff"), self.date)
        self.write(root / f"usr/share/man/man1/{name}.1.gz", self.zipped(page))
        for shell, path in {
            "bash": f"bash-completion/completions/{name}", "zsh": f"zsh/vendor-completions/_{name}",
            "fish": f"fish/vendor_completions.d/{name}.fish",
        }.items():
            script = run(str(binary), "--generate-completion-script", shell)
            # A completion script is sourced, so it needs no interpreter line.
            self.write(root / "usr/share" / path, script.removeprefix(b"#!/bin/bash\n") if shell == "bash" else script)

    def install(self, source, target, mode=0o644):
        self.write(target, source.read_bytes(), mode)

    def write(self, target, content, mode=0o644):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)

    def zipped(self, content):
        return gzip.compress(content if isinstance(content, bytes) else content.encode(), 9, mtime=0)

    # Dependencies

    def dependencies(self, part):
        said = run("readelf", "--dynamic", "--version-info", "--wide", str(self.binaries[part]), text=True)
        packages = set()
        for library in re.findall(r"\(NEEDED\).*\[(.+)\]", said):
            if library in LIBRARIES:
                packages.add(LIBRARIES[library])
            elif not self.debug:
                fail(f"buildinfo-{part} needs {library}, which no package is named for: see LIBRARIES")
        versions = [tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", said)]
        packages.discard("libc6")
        return ", ".join([f"libc6 (>= {'.'.join(map(str, max(versions)))})", *sorted(packages)])

    # Debian packages

    def debian(self, part):
        name = f"buildinfo-{part}"
        root = self.work / name
        documents = f"usr/share/doc/{name}"
        self.tree(part, root, "lib/systemd/system", documents)
        self.install(HERE / "copyright", root / documents / "copyright")
        self.write(root / documents / "changelog.gz", self.zipped((TREE / "CHANGELOG.md").read_bytes()))
        self.write(root / documents / "changelog.Debian.gz", self.zipped(
            f"{name} ({self.revision}) stable; urgency=medium\n\n  * Built from the tree; see changelog.gz.\n\n"
            f" -- {MAINTAINER}  {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime(self.epoch))}\n"))
        overrides = HERE / part / "lintian-overrides"
        if overrides.exists():
            self.install(overrides, root / f"usr/share/lintian/overrides/{name}")
        (root / SECRETS[part]).mkdir()

        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        control = root / "DEBIAN"
        self.write(control / "md5sums", "".join(
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
            for path in files if path.relative_to(root).parts[0] != "etc"))
        configuration = [f"/{path.relative_to(root)}\n" for path in files if path.relative_to(root).parts[0] == "etc"]
        if configuration:
            self.write(control / "conffiles", "".join(configuration))
        for script in ("postinst", "prerm", "postrm"):
            self.install(HERE / part / script, control / script, 0o755)
        values = {
            "VERSION": self.revision, "ARCHITECTURE": self.architecture, "MAINTAINER": MAINTAINER,
            "LIBRARIES": self.dependencies(part),
            # In KiB, as deb-substvars(5) counts it: each file rounded up, and 1 for each folder.
            "INSTALLED_SIZE": str(sum((path.stat().st_size + 1023) // 1024 if path.is_file() else 1
                                      for path in root.rglob("*") if control not in [path, *path.parents])),
        }
        text = (HERE / part / "control").read_text()
        self.write(control / "control", re.sub(r"@(\w+)@", lambda found: values[found[1]], text))
        self.settle(root)
        (root / SECRETS[part]).chmod(0o700)
        target = self.out / f"{name}_{self.revision}_{self.architecture}.deb"
        compression = ["-Znone"] if self.debug else ["-Zxz", "-z6", "--threads-max=1"]
        run("dpkg-deb", "--root-owner-group", *compression, "--build", str(root), str(target),
            env={**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch)})
        return target

    def settle(self, root):
        """Sets the same time on everything and the same mode on every folder, regardless of the umask."""
        for path in sorted(root.rglob("*"), reverse=True):
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (self.epoch, self.epoch), follow_symlinks=False)
        root.chmod(0o755)
        os.utime(root, (self.epoch, self.epoch))

    # Tarball

    def tarball(self):
        name = f"buildinfo-{self.version}-linux-{self.machine}"
        root = self.work / name
        for part in UNITS:
            self.tree(part, root, "usr/lib/systemd/system", f"usr/share/doc/buildinfo-{part}")
        for file in ("README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"):
            self.install(TREE / file, root / "usr/share/doc/buildinfo" / file)
        for page in sorted((TREE / "docs").glob("*.md")):
            self.install(page, root / "usr/share/doc/buildinfo/docs" / page.name)
        self.install(HERE / "copyright", root / "usr/share/doc/buildinfo/copyright")
        self.install(HERE / "tarball.md", root / "INSTALL.md")
        self.settle(root)
        target = self.out / f"{name}.tar.gz"

        def fixed(member):
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            member.mtime = self.epoch
            return member

        with open(target, "wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed, tarfile.open(
                fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            archive.add(root, name, recursive=False, filter=fixed)
            for path in sorted(root.rglob("*")):
                archive.add(path, f"{name}/{path.relative_to(root)}", recursive=False, filter=fixed)
        return target

    def check_licences(self):
        """Checks that the copyright file names every linked package."""
        resolved = TREE / "Package.resolved"
        if not resolved.exists():
            fail("Package.resolved is missing: build the programs first")
        stated = (HERE / "copyright").read_text()
        for identity in re.findall(r'"identity" *: *"([^"]+)"', resolved.read_text()):
            if identity not in stated:
                fail(f"packaging/copyright does not name {identity}, which is linked into the programs")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path, required=True)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--version")
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as work:
        packer = Packer(options, pathlib.Path(work))
        packer.check_licences()
        made = [packer.debian(part) for part in UNITS]
        if not options.debug:
            made.append(packer.tarball())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    # What install.sh verifies.
    (options.out / "SHA256SUMS").write_text(sums)
    print(sums, end="")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failure:
        fail(f"{failure.cmd[0]}: {failure.stderr if isinstance(failure.stderr, str) else failure.stderr.decode()}")
