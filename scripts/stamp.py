#!/usr/bin/env python3
"""Writes the commit of the source tree into programs that were just built from it. Usage: stamp.py PROGRAM…

A tree with changes has no commit: its programs get none. The section .buildinfo_commit holds the commit; see Sources/CBuildStamp.
"""

import pathlib
import re
import subprocess
import sys

LENGTH = 40


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(programs):
    tree = str(pathlib.Path(__file__).resolve().parents[1])
    commit = run("git", "-C", tree, "rev-parse", "HEAD").strip()
    if run("git", "-C", tree, "status", "--porcelain", "--untracked-files=no"):
        print("stamp.py: the tree has changes: the programs get no commit", file=sys.stderr)
        commit = "0" * LENGTH
    if not re.fullmatch(rf"[0-9a-f]{{{LENGTH}}}", commit):
        sys.exit(f"stamp.py: commit '{commit}' does not have {LENGTH} hexadecimal digits: SHA-256 repositories are not supported")
    for program in programs:
        sections = run("readelf", "--sections", "--wide", program)
        found = re.search(r"\] \.buildinfo_commit +\S+ +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", sections)
        if not found:
            sys.exit(f"stamp.py: {program} has no section .buildinfo_commit: build it again")
        offset, size = int(found[1], 16), int(found[2], 16)
        with open(program, "r+b") as file:
            file.seek(offset)
            held = file.read(size)
            # One copy for each module that reads it.
            if size % LENGTH or not re.fullmatch(rb"[0-9a-f]+", held):
                sys.exit(f"stamp.py: {program} does not hold a commit in .buildinfo_commit: build it again")
            file.seek(offset)
            file.write(commit.encode() * (size // LENGTH))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("stamp.py: no program given: expected PROGRAM…")
    main(sys.argv[1:])
