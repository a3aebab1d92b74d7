#!/usr/bin/env python3
"""Checks the documentation against itself and against the sources. Prints FILE:LINE: problem, and exits 1 if there is any.

- Every relative link in a Markdown file names a file or directory of the repository, and an anchor that exists.
- The exit codes in README.md are the exit codes in docs/troubleshooting.md.
- examples/README.md links every file and folder beside it.
- Every flag in README.md, SECURITY.md and docs/ is declared in Sources/ or bench/, or is a flag of another program.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Flags of other programs that the documentation calls.
OTHER_FLAGS = {
    "--filter", "--label", "--now", "--parallel", "--product", "--raw",
    "--force-recreate", "--new", "--scale", "--skip-push", "--user", "--with-registry-auth",  # tools that deploy containers
    "--only", "--quick",  # bench/run.py
    "--all", "--cap-drop", "--group-add", "--name", "--network", "--read-only", "--restart", "--rm", "--security-opt",  # engines, skopeo
    "--join", "--out",  # packaging/container/build.py
    "--list",  # ansible-inventory
    "--help", "--version", "--generate-completion-script",  # every program of ours has them, from the argument parser
}
# Placeholders in prose that stand for several flags.
PLACEHOLDERS = {"--max-"}

problems = []


def report(path, line, text):
    problems.append((str(path.relative_to(ROOT)), line, text))


def markdown_files():
    """Tracked and new Markdown files, without what git ignores."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", "--", "*.md"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in sorted(set(names)) if name and (ROOT / name).exists()]


def lines(path):
    """The number and text of each line, and whether it is inside a code block."""
    fence = None
    for number, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        mark = re.match(r" {0,6}(```+|~~~+)", text)
        if mark and fence is None:
            fence = mark.group(1)
            yield number, text, True
        elif fence is not None:
            if mark and mark.group(1).startswith(fence):
                fence = None
            yield number, text, True
        else:
            yield number, text, False


def anchors(path, cache={}):
    """The anchors that GitHub makes of the headings."""
    if path not in cache:
        found = set()
        for _, text, is_code in lines(path):
            heading = re.match(r"#{1,6} +(.*?)(?: +#+)? *$", text)
            if is_code or not heading:
                continue
            title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
            slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            name, count = slug, 0
            while name in found:
                count += 1
                name = f"{slug}-{count}"
            found.add(name)
        cache[path] = found
    return cache[path]


def check_links(path):
    for number, text, is_code in lines(path):
        if is_code:
            continue
        # The text of a link can be code; other code holds no links.
        prose = re.sub(r"(?<!\[)`[^`]*`(?!\])", "", text)
        for target in re.findall(r"\]\(<?([^)\s>]+)>?(?: [^)]*)?\)", prose):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            file, _, anchor = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            if not place.is_relative_to(ROOT):
                report(path, number, f"link '{target}' leaves the repository")
            elif not place.exists():
                report(path, number, f"link '{target}': no such file")
            elif anchor and place.suffix == ".md" and anchor not in anchors(place):
                report(path, number, f"link '{target}': no heading '#{anchor}' in {place.relative_to(ROOT)}")


def exit_codes(path, heading):
    """Codes in the first column of the table below a heading, with their lines."""
    found, is_inside = {}, False
    for number, text, is_code in lines(path):
        if not is_code and text.startswith("#"):
            is_inside = text.strip() == heading
        row = re.match(r"\| *([\d, ]+?) *\|", text)
        if is_inside and row:
            for code in re.findall(r"\d+", row.group(1)):
                found.setdefault(int(code), number)
    if not found:
        report(path, 1, f"no table of exit codes below '{heading}'")
    return found


def check_exit_codes(readme, troubleshooting):
    ours = exit_codes(readme, "## Exit codes")
    theirs = exit_codes(troubleshooting, "## By exit code")
    for code in sorted(set(ours) - set(theirs)):
        report(readme, ours[code], f"exit code {code} is not in {troubleshooting.relative_to(ROOT)}")
    for code in sorted(set(theirs) - set(ours)):
        report(troubleshooting, theirs[code], f"exit code {code} is not in {readme.relative_to(ROOT)}")


def check_examples(readme):
    linked = set(re.findall(r"\]\(([^)]+)\)", readme.read_text(encoding="utf-8")))
    for place in sorted(readme.parent.iterdir()):
        if place != readme and place.name not in linked:
            report(readme, 1, f"no row for '{place.name}': say what it is and which test runs it")


def declared_flags():
    """Names of options and flags in the sources: given by name, or the property's name in kebab case."""
    found = set()
    for path in [*(ROOT / "Sources").rglob("*.swift"), *(ROOT / "bench").rglob("*.swift")]:
        text = path.read_text(encoding="utf-8")
        if "@Option" not in text and "@Flag" not in text:
            continue
        for attribute, name in re.findall(r"@(?:Option|Flag)\b(.*?)\bvar (\w+)", text, re.DOTALL):
            given = re.findall(r'\.customLong\("([a-z0-9-]+)"', attribute)
            kebab = re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()
            found.update("--" + long for long in given or [kebab])
    return found


def check_flags(path, known):
    for number, text, _ in lines(path):
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text):
            if flag not in known and flag not in PLACEHOLDERS:
                report(path, number, f"unknown flag '{flag}': neither declared in Sources/ or bench/ nor listed in OTHER_FLAGS")


def main():
    files = markdown_files()
    for path in files:
        check_links(path)
    check_exit_codes(ROOT / "README.md", ROOT / "docs/troubleshooting.md")
    check_examples(ROOT / "examples/README.md")
    known = declared_flags() | OTHER_FLAGS
    for path in files:
        if path.parent == ROOT / "docs" or path.name in ("README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
            check_flags(path, known)
    for path, line, text in sorted(problems):
        print(f"{path}:{line}: {text}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
