#!/usr/bin/python3
"""Tests scripts/release-notes.py and scripts/stamp.py on small trees. Usage: run.py"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/release-notes.py"
GOOD = "# Changelog\n\nIntroduction.\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-11-01\n\n- First.\n"
NOTES = "### Added\n\n- A thing.\n"
CASES = [
    ("the section of the version", GOOD, [], NOTES),
    ("the tag's version, with a v", GOOD, ["v0.2.0"], NOTES),
    ("a heading in a code block is text", GOOD.replace("- A thing.", "- A thing.\n\n```\n## 9.9.9\n```"), [],
     "### Added\n\n- A thing.\n\n```\n## 9.9.9\n```\n"),
    ("no section Unreleased", GOOD.replace("## Unreleased\n\n", ""), [], NOTES),
    ("another tag", GOOD, ["v0.2.1"], "version v0.2.1 is not that of the programs, 0.2.0"),
    ("no section of the version", GOOD.replace("## 0.2.0 - 2026-12-01", "## 0.1.9 - 2026-12-01"), [], "has no section of 0.2.0"),
    ("no changelog's section at all", "# Changelog\n", [], "has no section of 0.2.0"),
    ("entries that were not released", GOOD.replace("## Unreleased\n", "## Unreleased\n\n- Another.\n"), [], "entries under Unreleased"),
    ("no date", GOOD.replace(" - 2026-12-01", ""), [], "invalid heading"),
    ("no entry", GOOD.replace("- A thing.", ""), [], "has no entry"),
    ("the version twice", GOOD + "\n## 0.2.0 - 2026-10-01\n\n- Old.\n", [], "two sections of 0.2.0"),
    ("a newer section", GOOD.replace("## 0.2.0", "## 0.3.0 - 2027-01-01\n\n- New.\n\n## 0.2.0"), [], "begins with 0.3.0"),
    ("a program of the version", GOOD, ["--program", "{0.2.0}"], NOTES),
    ("a program of the version, with its commit", GOOD, ["--program", "{0.2.0 (3f2a90be11d2)}"], NOTES),
    ("an older program", GOOD, ["--program", "{0.1.0}"], "of version 0.1.0, the source of 0.2.0"),
    ("a program without a version", GOOD, ["--program", "{}"], "of version none"),
]


PROGRAM = """#include <stdio.h>
#include "shim.h"
int main(void) { for (int i = 0; i < 40; i++) putchar(buildinfo_commit_character(i)); }
"""


def stamp():
    """A program in C that reads its commit as the programs do, in a small repository."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        (tree / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/stamp.py", tree / "scripts")
        (tree / "main.c").write_text(PROGRAM)

        def run(*command):
            return subprocess.run(command, cwd=tree, capture_output=True, text=True)

        def git(*arguments):
            return run("git", "-c", "user.name=x", "-c", "user.email=x@invalid", *arguments).stdout.strip()

        git("init", "-q")
        git("add", "-A")
        git("commit", "-q", "-m", "x")
        head = git("rev-parse", "HEAD")
        run("cc", "-O2", f"-I{ROOT}/Sources/CBuildStamp", "-Wl,--gc-sections", "-s", "-o", "program", "main.c")
        yield "a program that was just built has no commit", run("./program").stdout == "0" * 40, ""
        said = run("scripts/stamp.py", "program")
        yield "its commit is written into it", run("./program").stdout == head, said
        first = (tree / "program").read_bytes()
        run("scripts/stamp.py", "program")
        yield "twice is the same as once", (tree / "program").read_bytes() == first, ""
        (tree / "main.c").write_text(PROGRAM + "\n")
        said = run("scripts/stamp.py", "program")
        yield "a changed tree has no commit, and takes the old one away", run("./program").stdout == "0" * 40 and "has changes" in said.stderr, said
        git("commit", "-q", "-a", "-m", "y")
        run("scripts/stamp.py", "program")
        yield "another commit replaces it", run("./program").stdout == git("rev-parse", "HEAD") != head, ""
        (tree / "other.c").write_text("int main(void) {}")
        run("cc", "-o", "other", "other.c")
        said = run("scripts/stamp.py", "other")
        yield "a program without the section is refused", said.returncode == 1 and "build it again" in said.stderr, said


def main():
    failed = 0
    for what, changelog, arguments, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            (tree / "CHANGELOG.md").write_text(changelog)
            (tree / "Sources/Shared").mkdir(parents=True)
            (tree / "Sources/Shared/Protocol.swift").write_text('public enum BuildinfoVersion {\n    public static let current = "0.2.0"\n}\n')
            program = tree / "program"
            arguments = list(arguments)
            if "--program" in arguments:
                program.write_text(f"#!/bin/sh\necho '{arguments[-1].strip('{}')}'\n")
                program.chmod(0o755)
                arguments[-1] = str(program)
            done = subprocess.run([SCRIPT, "--tree", tree, *arguments], capture_output=True, text=True)
            fine = (done.returncode, done.stdout) == (0, expected) if expected.endswith("\n") else (
                done.returncode == 65 and expected in done.stderr and not done.stdout)
        failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {what}" + ("" if fine else f"\nexit {done.returncode}\n{done.stdout}{done.stderr}"))
    stamps = list(stamp())
    for what, fine, detail in stamps:
        failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {what}" + ("" if fine else f"\n{detail}"))
    print(f"{len(CASES) + len(stamps)} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
