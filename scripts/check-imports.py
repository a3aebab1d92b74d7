#!/usr/bin/env python3
"""Checks the imports of every source file, and the dependencies in Package.swift, against a table of permitted ones.

    scripts/check-imports.py               prints FILE:LINE: problem, and exits with 1 if there is any
    scripts/check-imports.py --self-test   plants every forbidden import and dependency, and expects the check to fail

The compiler rejects an import without a dependency; this check rejects the dependency, too, and the modules that every
target can import, such as Foundation.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOTS = ("Sources",)

SUPPORT = {"CollectorSupport", "Shared"}
SYSTEM = {"FoundationEssentials", "Glibc", "Synchronization"}
AGENT_NIO = {"NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS"}
OPERATIONS = SUPPORT | {
    "Evidence", "Gate", "Inventory", "Ledger", "Registry", "Reports", "Transfer", "Verdict"}

# Target: the modules that its files may import. Foundation would add 48 MB of ICU to the agent, so Shared excludes it, too.
TABLE = {
    "Shared": {"FoundationEssentials", "CBuildStamp", "Synchronization"},
    "AgentCore": {"Shared", "FoundationEssentials"},
    "Agent": {"AgentCore", "Shared", "ArgumentParser", "CYAML", "Logging"} | AGENT_NIO | SYSTEM,
    "CollectorSupport": {"Shared", "Dispatch", "Foundation", "Logging", "UnixSignals"} | SYSTEM,
    # No clock, no I/O.
    "Verdict": {"Shared"},
    "Transfer": SUPPORT | {"CCurl", "Glibc", "Synchronization"},
    "Inventory": SUPPORT | {"Verdict", "Yams", "FoundationEssentials", "Glibc", "CResolver", "Dispatch"},
    "Registry": SUPPORT | {"Transfer", "Verdict", "Subprocess", "SystemPackage", "Dispatch"} | SYSTEM,
    "Gate": SUPPORT | {"Transfer", "FoundationEssentials", "Glibc"},
    "Reports": SUPPORT | {"Verdict", "FoundationEssentials", "Glibc"},
    "Evidence": SUPPORT | {"Reports", "Verdict", "Dispatch"} | SYSTEM,
    # The ledger stores the manifests that a rollback restores, so it needs Registry.
    "Ledger": SUPPORT | {"Registry", "Reports", "Verdict", "GRDB", "GRDBSQLite", "Logging", "Dispatch"} | SYSTEM,
    # No NIO, no argument parser.
    "Operations": OPERATIONS | {"Foundation", "HeapModule", "Logging", "UnixSignals"} | SYSTEM,
    "Drill": SUPPORT | {
        "Inventory", "Ledger", "Operations", "Reports", "Transfer", "Verdict",
        "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "UnixSignals"} | SYSTEM,
    # The only target with a web framework. Its YAML comes from Inventory.
    "Service": SUPPORT | {
        "Crypto", "Evidence", "Inventory", "Ledger", "Operations", "Registry", "Reports", "Transfer", "Verdict", "Foundation",
        "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "JWTKit", "Logging", "NIOCore", "NIOPosix", "NIOSSL",
        "ServiceLifecycle",
        "UnixSignals"} | SYSTEM,
    "Collector": OPERATIONS | {
        "Drill", "Operations", "Service", "ArgumentParser", "Foundation", "FoundationEssentials", "Glibc", "Logging"},
}

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:package|public|internal|private|fileprivate)\s+)?import\s+"
    r"(?:(?:class|enum|func|let|protocol|struct|typealias|var)\s+)?(\w+)")


def package():
    """The targets of Package.swift: their folders and dependencies. Tests and system libraries have no row."""
    swift = os.environ.get("SWIFT", "swift")
    # A scratch folder of its own, so that a build can run at the same time.
    with tempfile.TemporaryDirectory() as scratch:
        dump = subprocess.run([swift, "package", "--scratch-path", scratch, "dump-package"], cwd=ROOT, check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    targets = {}
    for target in json.loads(dump)["targets"]:
        path = target.get("path") or f"Sources/{target['name']}"
        if target["type"] in ("regular", "executable") and path.startswith("Sources/"):
            names = {next(iter(entry.values()))[0] for entry in target["dependencies"]}
            targets[target["name"]] = (path, names)
    return targets


def sources(folder):
    """The Swift files of the repository below a folder."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", "--", f"{folder}/*.swift"], cwd=ROOT,
                           check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in sorted(set(names)) if name and (ROOT / name).exists()}


def owner(file, targets):
    """The target with the innermost folder that holds the file."""
    holding = [name for name, (path, _) in targets.items() if file.startswith(path + "/")]
    return max(holding, key=lambda name: len(targets[name][0]), default=None)


def check(targets, files):
    """The problems, as FILE:LINE: text."""
    problems = []
    for name, (_, dependencies) in sorted(targets.items()):
        if name not in TABLE:
            problems.append(f"Package.swift: target {name} has no row in scripts/check-imports.py")
            continue
        for module in sorted(dependencies - TABLE[name]):
            problems.append(f"Package.swift: {name} must not depend on {module}")
    for file, text in files.items():
        target = owner(file, targets)
        if target is None:
            problems.append(f"{file}:1: belongs to no target")
            continue
        for number, line in enumerate(text.split("\n"), 1):
            found = IMPORT.match(line)
            if found and found.group(1) not in TABLE.get(target, set()):
                problems.append(f"{file}:{number}: {target} must not import {found.group(1)}")
    return problems


def self_test(targets, files):
    """Plants each forbidden import into a copy of one file of each target, in every form, and each forbidden dependency.

    The tree on the disk stays as it is: the copies are in memory.
    """
    modules = set().union(*TABLE.values()) | set(TABLE) | {"Foundation", "FoundationNetworking", "Dispatch"}
    forms = ["import {}", "package import {}", "public import {}", "@testable import {}", "@preconcurrency import {}",
             "import struct {}.Value", "    import {}"]
    missed, planted = [], 0
    for name, (path, dependencies) in sorted(targets.items()):
        file = next(file for file in files if owner(file, targets) == name)
        for module in sorted(modules - TABLE[name] - {name}):
            for form in forms:
                planted += 1
                text = form.format(module) + "\n" + files[file]
                if f"{file}:1: {name} must not import {module}" not in check(targets, {file: text}):
                    missed.append(f"{file}: '{form.format(module)}' was not found")
            planted += 1
            other = {**targets, name: (path, dependencies | {module})}
            if f"Package.swift: {name} must not depend on {module}" not in check(other, {}):
                missed.append(f"Package.swift: the dependency of {name} on {module} was not found")
    print(f"check-imports: {planted} forbidden imports and dependencies planted, {planted - len(missed)} found")
    return missed


def main():
    targets = package()
    files = {}
    for folder in ROOTS:
        files.update(sources(folder))
    problems = check(targets, files)
    if not problems and "--self-test" in sys.argv[1:]:
        problems = self_test(targets, files)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
