#!/usr/bin/env python3
"""Prints the notes of a release: the section of CHANGELOG.md with the version of the programs. Usage: release-notes.py [VERSION]

Fails with 65 if the changelog has no such section, or one that is empty or without a date, if entries are left under
"Unreleased", or if VERSION, or a program given by --program, is of another version.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?"


def fail(message):
    print(f"release-notes.py: {message}", file=sys.stderr)
    sys.exit(65)


def sections(text):
    """The title and the text of each section of the second level, in order. A heading inside a code block is none."""
    found, fence = [], False
    for line in text.split("\n"):
        fence ^= line.startswith("```")
        if line.startswith("## ") and not fence:
            found.append((line[3:].strip(), []))
        elif found:
            found[-1][1].append(line)
    return [(title, "\n".join(lines).strip()) for title, lines in found]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("version", nargs="?", help="the version to release, with or without a v: of a tag, for example")
    parser.add_argument("--program", action="append", default=[], help="a built program, which must be of that version; repeatable")
    parser.add_argument("--tree", type=Path, default=ROOT, help="the source tree")
    options = parser.parse_args()
    source = options.tree / "Sources/Shared/Protocol.swift"
    current = re.search(rf'static let current = "({VERSION})"', source.read_text())
    if not current:
        fail(f"no version in {source}: expected static let current = \"1.2.3\"")
    current = current[1]
    if options.version and options.version.removeprefix("v") != current:
        fail(f"version {options.version} is not that of the programs, {current}: change Sources/Shared/Protocol.swift or the tag")
    for program in options.program:
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()
        if said[:1] != [current]:
            fail(f"{program} is of version {' '.join(said) or 'none'}, the source of {current}: build it again")

    notes, titles = None, []
    for title, text in sections((options.tree / "CHANGELOG.md").read_text()):
        if title == "Unreleased":
            if text:
                fail(f"CHANGELOG.md has entries under Unreleased: move them to '## {current} - YYYY-MM-DD'")
            continue
        heading = re.fullmatch(rf"({VERSION}) - (\d{{4}}-\d\d-\d\d)", title)
        if not heading:
            fail(f"invalid heading in CHANGELOG.md '## {title}': expected '## 1.2.3 - YYYY-MM-DD'")
        if heading[1] in titles:
            fail(f"CHANGELOG.md has two sections of {heading[1]}: join them")
        titles.append(heading[1])
        if heading[1] == current:
            notes = text
    if notes is None:
        fail(f"CHANGELOG.md has no section of {current}: add '## {current} - YYYY-MM-DD'")
    if titles[0] != current:
        fail(f"CHANGELOG.md begins with {titles[0]}, and the programs are of version {current}: change Sources/Shared/Protocol.swift")
    if not re.search(r"^- ", notes, re.MULTILINE):
        fail(f"the section of {current} in CHANGELOG.md has no entry: describe the release")
    print(notes)


if __name__ == "__main__":
    main()
