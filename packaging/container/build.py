#!/usr/bin/python3
"""Builds a container image of each program as an OCI layout, without an engine. The same programs, libraries and commit result
in the same bytes.

Usage: build.py --agent FILE --collector FILE --out FOLDER [--version V]
       build.py --join FOLDER FOLDER... --out FOLDER

FOLDER/agent and FOLDER/collector are OCI layouts with an index of one platform and an attestation that lists the contents (SPDX
2.3, where `docker buildx imagetools inspect` finds it). An image holds the program, the shared libraries that it needs, as this
system has them, Mozilla's certificates, and the list of Debian packages that scanners read. Push one with:

  skopeo copy --all oci:FOLDER/agent docker://REGISTRY/buildinfo-agent:VERSION

An image is for the machine that it was built on. --join makes one index of the layouts that machines of several architectures
built from the same commit.
"""

import argparse
import gzip
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
USER = 65532
INDEX = "application/vnd.oci.image.index.v1+json"
# Mozilla's certificates, as Debian's package has them. The system's bundle would add those that this machine alone trusts.
CERTIFICATES = pathlib.Path("/usr/share/ca-certificates/mozilla")
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
# The Swift packages that the agent links: what Package.swift gives it, and what SwiftNIO needs. The collector links all.
OF_AGENT = {"swift-argument-parser", "swift-atomics", "swift-collections", "swift-log", "swift-nio", "swift-nio-ssl", "swift-system"}
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


def settled(binary):
    """The program as packaging/build.py packs it."""
    place = importlib.util.spec_from_file_location("packages", TREE / "packaging/build.py")
    packages = importlib.util.module_from_spec(place)
    place.loader.exec_module(packages)
    return packages.settled(binary)


class Layer:
    """A tar archive whose bytes depend on its contents alone."""

    def __init__(self, epoch):
        self.epoch, self.entries = epoch, {}

    def add(self, path, content=b"", mode=0o644, kind=tarfile.REGTYPE, link="", owner=0, group=0):
        for folder in list(pathlib.PurePosixPath(path).parents)[:-1]:
            if str(folder) not in self.entries:
                self.add(str(folder), mode=0o755, kind=tarfile.DIRTYPE)
        member = tarfile.TarInfo(path)
        member.size, member.mode, member.type, member.linkname = len(content), mode, kind, link
        member.uid, member.gid = owner, group
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
        if folder.exists():
            fail(f"{folder} exists: remove it, or give another --out")
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, content, media_type, **fields):
        content = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
        (self.folder / "blobs/sha256" / sha256(content)).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content), **fields}

    def finish(self, manifests, labels):
        """Writes the index of the image, and the layout's own, which names it."""
        version = labels["org.opencontainers.image.version"]
        index = self.blob({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests, "annotations": labels,
        }, INDEX, annotations={"org.opencontainers.image.ref.name": version})
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [index]}, sort_keys=True))
        size = sum(path.stat().st_size for path in (self.folder / "blobs/sha256").iterdir())
        print(f"{index['digest']}  {labels['org.opencontainers.image.title']}:{version}  {size / 1e6:.1f} MB")

    @classmethod
    def join(cls, out, folders):
        """One image of several, each for other platforms."""
        layout, manifests, labels, platforms = cls(out), [], None, set()
        for folder in folders:
            outer = json.loads((folder / "index.json").read_text())["manifests"]
            content = (folder / "blobs/sha256" / outer[0]["digest"].split(":")[1]).read_bytes()
            index = json.loads(content)
            if labels not in (None, index["annotations"]):
                fail(f"{folder} is of another program, version or commit than {folders[0]}: build both from one commit")
            labels = index["annotations"]
            for manifest in index["manifests"]:
                platform = f"{manifest['platform']['os']}/{manifest['platform']['architecture']}"
                if platform in platforms and platform != "unknown/unknown":
                    fail(f"{folder} is for {platform}, as another one is: give one layout for each platform")
                platforms.add(platform)
                manifests.append(manifest)
            for path in (folder / "blobs/sha256").iterdir():
                if path.name != sha256(content):
                    shutil.copyfile(path, layout.folder / "blobs/sha256" / path.name)
        # Images first, and their attestations behind them, whatever the order of the folders.
        manifests.sort(key=lambda one: (one["platform"]["os"] == "unknown", one["platform"]["architecture"], one["digest"]))
        layout.finish(manifests, labels)


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
        layer.add(f"usr/bin/{self.program['title']}", settled(self.binary), 0o755)
        # As on a merged-usr system, so that a library's path is the same with and without /usr.
        for name in ("lib", "lib64", "bin"):
            layer.add(name, kind=tarfile.SYMTYPE, link=f"usr/{name}", mode=0o777)
        # Sockets are often mounted as /var/run/docker.sock; the agent looks in /run.
        layer.add("run", mode=0o755, kind=tarfile.DIRTYPE)
        layer.add("var/run", kind=tarfile.SYMTYPE, link="../run", mode=0o777)
        for name, path in sorted(self.libraries.items()):
            target = path.parent if name.startswith("/") else path.parent / name
            target = path if name.startswith("/") else target
            layer.add(self.below_usr(str(target)), path.resolve().read_bytes(), 0o755)
            self.note_package(path)
        certificates = [path.read_bytes().rstrip() + b"\n" for path in sorted(CERTIFICATES.glob("*.crt"))]
        layer.add(BUNDLE, b"".join(certificates) or fail(f"{CERTIFICATES} is empty: apt-get install ca-certificates"))
        self.note_package(pathlib.Path("/usr/sbin/update-ca-certificates"))
        if self.part == "agent" and not any(name.startswith("libyaml") for name in self.libraries):
            self.note_package(pathlib.Path("/usr/include/yaml.h"))
        layer.add("etc/passwd", f"root:x:0:0::/root:/sbin/nologin\nbuildinfo:x:{USER}:{USER}::/var/lib/buildinfo:/sbin/nologin\n"
                  .encode())
        layer.add("etc/group", f"root:x:0:\nbuildinfo:x:{USER}:\n".encode())
        layer.add("etc/nsswitch.conf", b"hosts: files dns\n")
        layer.add("etc/buildinfo", mode=0o755, kind=tarfile.DIRTYPE)
        if self.part == "collector":
            # Served at /api/v1/openapi.json.
            layer.add("usr/share/buildinfo-collector/openapi.json",
                      (TREE / "Sources/Collector/Service/Resources/openapi.json").read_bytes())
        layer.add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
        # For any user of group 0, too, as on OpenShift. A volume takes the owner of the folder that it is mounted on.
        for folder in ("var/lib/buildinfo", "run/buildinfo-reader"):
            layer.add(folder, mode=0o770, kind=tarfile.DIRTYPE, owner=USER, group=0)
        self.add_records(layer)
        return layer.packed()

    def add_records(self, layer):
        """Adds what scanners read to find known vulnerabilities, and the licences."""
        layer.add("etc/os-release", pathlib.Path("/usr/lib/os-release").read_bytes())
        layer.add(f"usr/share/doc/{self.program['title']}/copyright", (TREE / "packaging/copyright").read_bytes())
        for name in sorted(self.packages):
            if not self.packages[name]:
                continue
            plain = name.split(":")[0]
            fields = ("Package", "Status", "Maintainer", "Architecture", "Source", "Version", "Description")
            status = run("dpkg-query", "--show", "--showformat=" + "".join(f"{field}: ${{{field}}}\n" for field in fields), name)
            layer.add(f"var/lib/dpkg/status.d/{plain}", re.sub(r"^Source: \n", "", status, flags=re.M).encode())
            stated = pathlib.Path(f"/usr/share/doc/{plain}/copyright")
            if stated.exists():
                layer.add(f"usr/share/doc/{plain}/copyright", stated.read_bytes())

    @staticmethod
    def below_usr(path):
        return (f"/usr{path}" if path.startswith("/lib") else path)[1:]

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
            if self.part == "agent" and pin["identity"] not in OF_AGENT:
                continue
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
        layer = layout.blob(gzip.compress(archive, 6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
        configuration = {"User": f"{USER}:{USER}", "Entrypoint": [f"/usr/bin/{self.program['title']}"],
                         "Cmd": self.program["command"], "WorkingDir": "/", "Labels": self.labels(),
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
        layout.finish([manifest, attestation], self.labels())

    def manifest(self, layout, configuration, layer, **fields):
        return layout.blob({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": layout.blob(configuration, "application/vnd.oci.image.config.v1+json"), "layers": [layer],
        }, "application/vnd.oci.image.manifest.v1+json", **fields)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path)
    parser.add_argument("--collector", type=pathlib.Path)
    parser.add_argument("--join", type=pathlib.Path, nargs="+")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--version")
    options = parser.parse_args()
    if not options.join and not (options.agent and options.collector):
        parser.error("--agent and --collector are missing")
    if options.join:
        for part in PROGRAMS:
            Layout.join(options.out / part, [folder / part for folder in options.join])
        return
    if not (TREE / "Package.resolved").exists():
        fail("Package.resolved is missing: build the programs first")
    # The label must not name a commit that the image is not of.
    if run("git", "-C", str(TREE), "status", "--porcelain", "--untracked-files=no"):
        fail("the tree has changes that its commit does not have: commit them, or build from a clone")
    for part in PROGRAMS:
        Image(part, getattr(options, part).resolve(), options).write(options.out / part)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failure:
        fail(f"{failure.cmd[0]}: {failure.stderr.strip()}")
