#!/usr/bin/python3
"""Builds a container image of each program as an OCI layout, without an engine. The same programs, libraries and commit result
in the same bytes.

Usage: build.py --agent FILE --collector FILE --out FOLDER [--version V]

FOLDER/agent and FOLDER/collector are OCI layouts with an index of one platform and an attestation that lists the contents (SPDX
2.3, where `docker buildx imagetools inspect` finds it). An image holds the program, the shared libraries that it needs, as this
system has them, and certificates. Push one with:

  skopeo copy --all oci:FOLDER/agent docker://REGISTRY/buildinfo-agent:VERSION
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
USER = 65532
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PROGRAMS = {
    "agent": {
        "title": "buildinfo-agent", "command": ["serve", "--listen", "0.0.0.0:9480"], "ports": {"9480/tcp": {}},
        "description": "Reports the commit and image digest that a host really serves",
    },
    "collector": {
        "title": "buildinfo-collector", "command": ["--help"], "ports": None,
        "description": "Proves that a fleet serves the promoted build",
    },
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def fail(message):
    sys.exit(f"build.py: {message}")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Layer:
    """A tar archive whose bytes depend on its contents alone."""

    def __init__(self, epoch):
        self.epoch, self.entries = epoch, {}

    def add(self, path, content=b"", mode=0o644, kind=tarfile.REGTYPE, link="", owner=0):
        for folder in list(pathlib.PurePosixPath(path).parents)[:-1]:
            if str(folder) not in self.entries:
                self.add(str(folder), mode=0o755, kind=tarfile.DIRTYPE)
        member = tarfile.TarInfo(path)
        member.size, member.mode, member.type, member.linkname = len(content), mode, kind, link
        member.uid = member.gid = owner
        member.mtime = self.epoch
        self.entries[path] = (member, content)

    def packed(self):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(self.entries):
                member, content = self.entries[path]
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


class Layout:
    """An OCI image layout in a folder."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, content, media_type, **fields):
        content = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
        (self.folder / "blobs/sha256" / sha256(content)).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content), **fields}


class Image:
    def __init__(self, part, binary, options):
        self.part, self.binary, self.program = part, binary, PROGRAMS[part]
        self.epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "-C", str(TREE), "log", "-1", "--format=%ct"))
        self.created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.epoch))
        self.revision = run("git", "-C", str(TREE), "rev-parse", "HEAD").strip()
        self.version = options.version or run(str(binary), "--version").split()[0]
        self.architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine) or fail(
            f"the machine {os.uname().machine} has no name in OCI: add it here")
        # The libraries by the name that the program asks for, and the packages that they come from.
        self.libraries, self.packages = {}, {}
        for line in run("ldd", str(binary)).splitlines():
            found = re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line)
            if not found and "linux-vdso" not in line:
                fail(f"{binary} needs a library that this system lacks: {line.strip()}")
            if found:
                self.libraries[found[1] or found[2]] = pathlib.Path(found[2])

    def layer(self):
        layer = Layer(self.epoch)
        layer.add(f"usr/bin/{self.program['title']}", self.binary.read_bytes(), 0o755)
        # As on a merged-usr system, so that a library's path is the same with and without /usr.
        for name in ("lib", "lib64", "bin"):
            layer.add(name, kind=tarfile.SYMTYPE, link=f"usr/{name}", mode=0o777)
        for name, path in sorted(self.libraries.items()):
            target = path.parent if name.startswith("/") else path.parent / name
            target = path if name.startswith("/") else target
            layer.add(self.below_usr(str(target)), path.resolve().read_bytes(), 0o755)
            self.note_package(path)
        layer.add(CERTIFICATES[1:], pathlib.Path(CERTIFICATES).read_bytes())
        self.note_package(pathlib.Path("/usr/sbin/update-ca-certificates"))
        layer.add("etc/passwd", f"root:x:0:0::/root:/sbin/nologin\nbuildinfo:x:{USER}:{USER}::/var/lib/buildinfo:/sbin/nologin\n"
                  .encode())
        layer.add("etc/group", f"root:x:0:\nbuildinfo:x:{USER}:\n".encode())
        layer.add("etc/nsswitch.conf", b"hosts: files dns\n")
        layer.add("etc/buildinfo", mode=0o755, kind=tarfile.DIRTYPE)
        layer.add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        layer.add("var/lib/buildinfo", mode=0o750, kind=tarfile.DIRTYPE, owner=USER)
        return layer.packed()

    @staticmethod
    def below_usr(path):
        return (path if path.startswith("/usr/") else f"/usr{path}")[1:]

    def note_package(self, path):
        """Remembers the Debian package of a file."""
        for candidate in dict.fromkeys((str(path.resolve()), str(path), str(path.resolve()).removeprefix("/usr"))):
            found = subprocess.run(["dpkg-query", "--search", candidate], capture_output=True, text=True)
            if found.returncode == 0:
                name = found.stdout.split(": ")[0].split(",")[0]
                self.packages[name] = run("dpkg-query", "--show", "--showformat=${Version}", name)
                return
        self.packages.setdefault(path.name, None)

    def bill_of_materials(self):
        """An SPDX 2.3 document of the program, its Swift packages, and the packages of the libraries."""
        items = [(self.program["title"], self.version, f"pkg:generic/{self.program['title']}@{self.version}")]
        for pin in json.loads((TREE / "Package.resolved").read_text())["pins"]:
            version = pin["state"].get("version") or pin["state"]["revision"]
            items.append((pin["identity"], version, f"pkg:swift/{pin['identity']}@{version}"))
        for name, version in sorted(self.packages.items()):
            plain = name.split(":")[0]
            items.append((plain, version, f"pkg:deb/debian/{plain}@{version}?arch={self.architecture}" if version else None))
        packages = [{
            "SPDXID": f"SPDXRef-{number}", "name": name, "versionInfo": version or "NOASSERTION",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            **({"externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]}
               if locator else {}),
        } for number, (name, version, locator) in enumerate(items)]
        return {
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": self.program["title"],
            "documentNamespace": f"https://buildinfo.invalid/spdx/{self.program['title']}/{self.revision}/{self.architecture}",
            "creationInfo": {"created": self.created, "creators": ["Tool: packaging/container/build.py"]},
            "packages": packages,
            "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                               "relatedSpdxElement": "SPDXRef-0"}] + [
                {"spdxElementId": "SPDXRef-0", "relationshipType": "CONTAINS", "relatedSpdxElement": package["SPDXID"]}
                for package in packages[1:]],
        }

    def labels(self):
        return {f"org.opencontainers.image.{key}": value for key, value in {
            "title": self.program["title"], "description": self.program["description"], "version": self.version,
            "revision": self.revision, "created": self.created, "licenses": "Apache-2.0"}.items()}

    def write(self, folder):
        layout = Layout(folder)
        archive = self.layer()
        layer = layout.blob(gzip.compress(archive, 9, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
        configuration = {"User": f"{USER}:{USER}", "Entrypoint": [f"/usr/bin/{self.program['title']}"],
                         "Cmd": self.program["command"], "WorkingDir": "/var/lib/buildinfo", "Labels": self.labels(),
                         "Env": ["PATH=/usr/bin", "STATE_DIRECTORY=/var/lib/buildinfo"]}
        if self.program["ports"]:
            configuration["ExposedPorts"] = self.program["ports"]
        manifest = self.manifest(layout, {
            "created": self.created, "architecture": self.architecture, "os": "linux", "config": configuration,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(archive)}"]},
            "history": [{"created": self.created, "created_by": "packaging/container/build.py"}],
        }, layer, platform={"architecture": self.architecture, "os": "linux"})
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
            "subject": [{"name": f"pkg:oci/{self.program['title']}", "digest": {"sha256": manifest["digest"].split(":")[1]}}],
            "predicate": self.bill_of_materials(),
        }
        content = layout.blob(statement, "application/vnd.in-toto+json",
                              annotations={"in-toto.io/predicate-type": statement["predicateType"]})
        attestation = self.manifest(layout, {
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [content["digest"]]},
        }, content, platform={"architecture": "unknown", "os": "unknown"}, annotations={
            "vnd.docker.reference.digest": manifest["digest"], "vnd.docker.reference.type": "attestation-manifest"})
        index = layout.blob({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest, attestation],
            "annotations": self.labels(),
        }, "application/vnd.oci.image.index.v1+json", annotations={"org.opencontainers.image.ref.name": self.version})
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [index]}, sort_keys=True))
        size = sum(path.stat().st_size for path in (folder / "blobs/sha256").iterdir())
        print(f"{index['digest']}  {self.program['title']}:{self.version}  {size / 1e6:.1f} MB")

    def manifest(self, layout, configuration, layer, **fields):
        return layout.blob({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": layout.blob(configuration, "application/vnd.oci.image.config.v1+json"), "layers": [layer],
        }, "application/vnd.oci.image.manifest.v1+json", **fields)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path, required=True)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--version")
    options = parser.parse_args()
    if not (TREE / "Package.resolved").exists():
        fail("Package.resolved is missing: build the programs first")
    for part in PROGRAMS:
        folder = options.out / part
        if folder.exists():
            fail(f"{folder} exists: remove it, or give another --out")
        Image(part, getattr(options, part).resolve(), options).write(folder)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failure:
        fail(f"{failure.cmd[0]}: {failure.stderr.strip()}")
