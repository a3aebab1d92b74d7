#!/usr/bin/python3
"""Checks the form and the contents of the layouts that build.py wrote. Usage: check-layout.py FOLDER COMMIT"""

import gzip
import hashlib
import io
import json
import pathlib
import re
import sys
import tarfile

ATTESTATION = {"architecture": "unknown", "os": "unknown"}
failed = []


def check(what, holds):
    if not holds:
        failed.append(what)


def check_layout(folder, title, commit):
    def blob(descriptor):
        content = (folder / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
        check(f"{descriptor['digest']} has its size", len(content) == descriptor["size"])
        seen.add(descriptor["digest"].removeprefix("sha256:"))
        return content

    seen = set()
    for path in (folder / "blobs/sha256").iterdir():
        check(f"{path} has its hash", hashlib.sha256(path.read_bytes()).hexdigest() == path.name)
    [outer] = json.loads((folder / "index.json").read_text())["manifests"]
    manifests = json.loads(blob(outer))["manifests"]
    images = [one for one in manifests if one["platform"] != ATTESTATION]
    check("one image for each platform", len({json.dumps(one["platform"]) for one in images}) == len(images) > 0)
    for descriptor in images:
        manifest = json.loads(blob(descriptor))
        configuration = json.loads(blob(manifest["config"]))
        check("the manifest is for its configuration's platform", descriptor["platform"] == {
            "architecture": configuration["architecture"], "os": configuration["os"]})
        check("the user is a number other than root's", re.fullmatch(r"[1-9]\d*:[1-9]\d*", configuration["config"]["User"]))
        check("the label names the commit", configuration["config"]["Labels"]["org.opencontainers.image.revision"] == commit)
        [layer] = manifest["layers"]
        content = gzip.decompress(blob(layer))
        check("the layer is the configuration's", configuration["rootfs"]["diff_ids"] == [
            f"sha256:{hashlib.sha256(content).hexdigest()}"])
        check_files(title, tarfile.open(fileobj=io.BytesIO(content)))

        attestations = [one for one in manifests if one["platform"] == ATTESTATION
                        and one["annotations"]["vnd.docker.reference.digest"] == descriptor["digest"]]
        check("one attestation for each image", len(attestations) == 1)
        for one in attestations:
            check("the attestation's type", one["annotations"]["vnd.docker.reference.type"] == "attestation-manifest")
            manifest = json.loads(blob(one))
            blob(manifest["config"])
            [layer] = manifest["layers"]
            check("the statement's media type", layer["mediaType"] == "application/vnd.in-toto+json")
            statement = json.loads(blob(layer))
            check("the statement is of the image", [subject["digest"]["sha256"] for subject in statement["subject"]] == [
                descriptor["digest"].removeprefix("sha256:")])
            check("the statement says what it is", layer["annotations"]["in-toto.io/predicate-type"]
                  == statement["predicateType"] == "https://spdx.dev/Document")
            check_materials(title, statement["predicate"])
    check("no blob without a reference", {path.name for path in (folder / "blobs/sha256").iterdir()} == seen)


def check_files(title, archive):
    members = {member.name: member for member in archive}
    check("no file is setuid, writable by others, or a device", all(
        member.issym() or member.name == "tmp" or (member.mode & 0o6002 == 0 and (member.isreg() or member.isdir()))
        for member in members.values()))
    for path in (f"usr/bin/{title}", "etc/passwd", "etc/os-release", "var/lib/dpkg/status.d/libc6",
                 f"usr/share/doc/{title}/copyright", "usr/share/doc/libc6/copyright"):
        check(f"{path} is there", path in members)
    bundle = archive.extractfile("etc/ssl/certs/ca-certificates.crt").read()
    known = b"".join(path.read_bytes() for path in pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    single = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", bundle, re.S)
    check("certificates are Mozilla's alone", len(single) > 50 and all(one in known for one in single))


def check_materials(title, document):
    check("SPDX 2.3", document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0")
    names = [package["name"] for package in document["packages"]]
    ids = [package["SPDXID"] for package in document["packages"]]
    check("SPDX ids are unique and valid", len(set(ids)) == len(ids) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids))
    check("packages are listed once, with versions", len(set(names)) == len(names) and all(
        package["versionInfo"] for package in document["packages"]))
    for name in (title, "swift-nio", "libc6", "ca-certificates"):
        check(f"the bill of materials has {name}", name in names)
    related = {relation["relatedSpdxElement"] for relation in document["relationships"]}
    check("every package is related", related == set(ids))


def main(folder, commit):
    for part in ("agent", "collector"):
        check_layout(pathlib.Path(folder) / part, f"buildinfo-{part}", commit)
    for what in failed:
        print(f"check-layout.py: failed: {what}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
