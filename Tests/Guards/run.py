#!/usr/bin/env python3
"""Removes the guards of the project's promises one after the other, and sees whether a test goes red.

For every row of guards.py, this program removes the guard in a copy of the tree (never in the tree itself), builds the
tests, runs the ones that should fail, and lists those that did. The run fails if a guard can be removed without a red test,
or if its removal does not compile. It also fails if the text of a row does not occur exactly once in the source, so that
the table stays up to date.

    make guards                                   all guards; the first build of the copy takes some minutes
    Tests/Guards/run.py --only 'nonce*'           some guards, by name (repeatable, * and ? as in a shell)
    Tests/Guards/run.py --list                    lists the guards
    Tests/Guards/run.py --check                   only checks that each text occurs exactly once, and docs/guards.md: 0.1 s
    Tests/Guards/run.py --document                only writes docs/guards.md from the table
    Tests/Guards/run.py --markdown guards.md      writes the table, too

Exit codes: 0 every guard is watched by a test; 1 one is not; 2 the table is wrong, or tests fail before any removal.
"""

import argparse
import ast
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from guards import GUARDS, NOT_BUILT, PROMISES, Guard  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
WORK = SOURCE / ".build-guards"  # ignored by git, like everything with this prefix
TREE = WORK / "tree"
LOGS = WORK / "logs"
DOCUMENT = SOURCE / "docs/guards.md"

# Modules in the order of their dependencies. Guards are grouped by module, so that each build compiles one module and its
# tests, and the modules that are cheap to rebuild come last.
MODULES = ["Sources/Shared/", "Sources/Agent/", "Sources/Collector/"]

FAILED_TEST = re.compile(r'Test (?:"(?P<name>.*)"|(?P<function>\S+\(.*?\)))(?: with \d+ test cases?)? failed after')
RUN_OF = re.compile(r"Test run with (\d+) tests?")


class TableError(Exception):
    """The table does not match the tree, or tests fail before any removal."""


@dataclass
class Result:
    guard: Guard
    ok: bool
    # The tests that went red; without any, `problem` has the reason.
    tests: list = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0


def main() -> int:
    options = parse()
    guards = chosen(options.only)
    if options.list:
        for guard in guards:
            print(f"{guard.promise:>2}  {guard.name:<28} {guard.what}")
        return 0
    check(guards)
    if options.document:
        DOCUMENT.write_text(document())
        return 0
    if options.check:
        if DOCUMENT.read_text() != document():
            raise TableError("docs/guards.md differs from the table: run Tests/Guards/run.py --document")
        print(f"{len(guards)} guards are where the table says")
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    copy_tree()
    baseline(guards, options)
    results = []
    for number, guard in enumerate(guards, start=1):
        say(f"[{number:>2}/{len(guards)}] {guard.name}: {guard.what}")
        result = try_without(guard, options)
        results.append(result)
        verdict = f"red: {shown(result.tests)}" if result.ok else f"NOT WATCHED: {result.problem}"
        say(f"        {verdict}  ({result.seconds:.0f} s)")
    table = render(results, options)
    print()
    print(table)
    if options.markdown:
        Path(options.markdown).write_text(table)
    lost = [result for result in results if not result.ok]
    for result in lost:
        print(f"guards: {result.guard.name} ({result.guard.file}): {result.problem}", file=sys.stderr)
    return 1 if lost else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], epilog="See the top of guards.py for how to add a row.")
    parser.add_argument("--only", action="append", metavar="NAME", help="only these guards; a shell pattern; repeatable")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--check", action="store_true", help="only check that each text is there exactly once")
    parser.add_argument("--document", action="store_true", help="only write docs/guards.md from the table")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there, too")
    parser.add_argument("--jobs", default=str(os.cpu_count() or 2), help="of the builds (default: all cores)")
    parser.add_argument("--build-limit", type=int, default=3600, metavar="SECONDS", help="for one build")
    parser.add_argument("--test-limit", type=int, default=300, metavar="SECONDS", help="for one run of tests")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, flush=True)


def shown(tests: list) -> str:
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    return f"{tests[0]}{more}" if tests else "-"


# The table


def chosen(patterns) -> list:
    names = [guard.name for guard in GUARDS]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(f"guards.py has these names twice: {', '.join(twice)}")
    unknown = sorted({guard.promise for guard in GUARDS} - set(PROMISES))
    if unknown:
        raise TableError(f"guards.py has promises that it does not name: {', '.join(map(str, unknown))}")
    guards = [guard for guard in GUARDS if not patterns or any(fnmatch.fnmatch(guard.name, p) for p in patterns)]
    if not guards:
        raise TableError(f"no guard is called {' or '.join(patterns)}: see --list")
    return sorted(guards, key=lambda guard: (module(guard), guard.file))


def module(guard: Guard) -> int:
    for index, folder in enumerate(MODULES):
        if guard.file.startswith(folder):
            return index
    return len(MODULES)


def mutated(guard: Guard, text: str) -> str:
    count = text.count(guard.old)
    if count != 1:
        raise TableError(f"{guard.name}: {guard.file} holds its text {count} times, not once:\n{guard.old}")
    changed = text.replace(guard.old, guard.new)
    if changed == text:
        raise TableError(f"{guard.name}: the removal changes nothing")
    return changed


def names_set_twice(text: str) -> list:
    """The names that a module sets more than once: rows that use one of them silently get the last value."""
    seen, twice = set(), []
    for node in ast.parse(text).body:
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if isinstance(target, ast.Name):
                if target.id in seen:
                    twice.append(target.id)
                seen.add(target.id)
    return twice


def check(guards: list) -> None:
    sources = "\n".join(file.read_text() for file in (SOURCE / "Tests").rglob("*.swift"))
    suites = set(re.findall(r"\b(?:struct|class|enum) (\w+Tests)\b", sources))
    modules = {folder.name for folder in (SOURCE / "Tests").iterdir()}
    table = Path(__file__).with_name("guards.py").read_text()
    defects = [f"guards.py sets {name} twice: give one of them another name" for name in names_set_twice(table)]
    for guard in guards:
        for name in set(re.findall(r"\w+Tests", guard.tests.replace(r"\b", ""))) - suites - modules:
            defects.append(f"{guard.name}: the suite {name} does not exist")
        # Swift finds no word boundary at the dot between a target and a suite, so that such a filter selects nothing.
        if r"\b" in guard.tests:
            defects.append(f"{guard.name}: the filter {guard.tests} has \\b: write [./] before the suite's name")
        try:
            mutated(guard, (SOURCE / guard.file).read_text())
        except FileNotFoundError:
            defects.append(f"{guard.name}: {guard.file} is missing")
        except TableError as error:
            defects.append(str(error))
    if defects:
        raise TableError("\n".join(defects))


# The copy


def copy_tree() -> None:
    """Updates the copy from the tree. Unchanged files keep their time stamps, so that builds stay incremental."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=SOURCE, check=True,
        capture_output=True, text=True)
    wanted = {name for name in listed.stdout.split("\0") if name and (SOURCE / name).is_file()}
    if (SOURCE / "Package.resolved").is_file():
        wanted.add("Package.resolved")
    TREE.mkdir(parents=True, exist_ok=True)
    for path in sorted(TREE.rglob("*")):
        name = path.relative_to(TREE)
        if name.parts[0] != ".build" and (path.is_file() or path.is_symlink()) and str(name) not in wanted:
            path.unlink()
    for name in sorted(wanted):
        source, copy = SOURCE / name, TREE / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


# Building and testing


def run(command: list, log: Path, limit: int):
    """Runs a command in the copy, with its output in a file. Returns the exit code (None after the limit) and the output."""
    with open(log, "w+", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=TREE, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True)
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end_session(process.pid)
            process.wait()
        output.seek(0)
        return code, output.read()


def end_session(session: int) -> None:
    """Kills all processes that a command left behind: `swift test` runs the tests in a process group of their own."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getsid(int(entry.name)) == session:
                os.kill(int(entry.name), signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # ended meanwhile, or another user's


def build(name: str, options) -> str:
    """Returns an empty string if the build succeeds, else the first error."""
    code, output = run(
        ["swift", "build", "--build-tests", "--jobs", options.jobs], LOGS / f"{name}.build.log", options.build_limit)
    if code == 0:
        return ""
    if code is None:
        return f"the build did not end within {options.build_limit} s"
    error = next((line for line in output.splitlines() if "error:" in line), "swift build failed")
    return f"does not compile: {error.replace(str(TREE) + '/', '')}"


def test(name: str, pattern: str, options):
    """Returns the exit code (None after the limit), the tests that went red, and the number of tests that ran."""
    code, output = run(
        ["swift", "test", "--skip-build", "--disable-xctest", "--filter", pattern], LOGS / f"{name}.test.log",
        options.test_limit)
    red = []
    for line in output.splitlines():
        match = FAILED_TEST.search(line)
        if match:
            test = match["name"] or match["function"]
            if test not in red:
                red.append(test)
    runs = RUN_OF.findall(output)
    return code, red, int(runs[-1]) if runs else 0


def baseline(guards: list, options) -> None:
    say("building the copy, with every guard in its place")
    problem = build("baseline", options)
    if problem:
        raise TableError(problem)
    for number, pattern in enumerate(sorted({guard.tests for guard in guards}), start=1):
        code, red, count = test(f"baseline-{number}", pattern, options)
        if code != 0:
            raise TableError(f"without any removal, the tests '{pattern}' are red: {', '.join(red) or 'see the log'}")
        if count == 0:
            raise TableError(f"no test matches '{pattern}'")
        say(f"  green: {count} tests of '{pattern}'")


def try_without(guard: Guard, options) -> Result:
    start = time.monotonic()
    # Read from the copy, because the tree may be edited meanwhile.
    copy = TREE / guard.file
    whole = copy.read_text()
    copy.write_text(mutated(guard, whole))
    try:
        problem = build(guard.name, options)
        if problem:
            return Result(guard, False, problem=problem, seconds=time.monotonic() - start)
        code, red, count = test(guard.name, guard.tests, options)
    finally:
        copy.write_text(whole)
    seconds = time.monotonic() - start
    if red:
        return Result(guard, True, red, seconds=seconds)
    if code == 0:
        return Result(guard, False, problem=f"all {count} tests stay green without it", seconds=seconds)
    if code is None:
        return Result(
            guard, False, problem=f"the tests did not end within {options.test_limit} s, and none is red",
            seconds=seconds)
    # A crash also counts as detection, but the test is unknown.
    return Result(guard, True, [f"the test process ended with {code}"], seconds=seconds)


# The result


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def document() -> str:
    """docs/guards.md: the table of all guards with the suites that have to notice their removal."""
    lines = [
        "# Guards", "",
        "Each rule below guards one of the project's promises. `make guards` removes them one at a time in a copy of the tree, and",
        "fails unless a test of the named suites goes red for each. `Tests/Guards/guards.py` holds the table; `make lint` checks that",
        "it fits the sources and this page.", "",
        "| promise | guard | where | suites |", "|---|---|---|---|"]
    for guard in sorted(GUARDS, key=lambda guard: list(PROMISES).index(guard.promise)):
        names = re.findall(r"\w+Tests", guard.tests)
        suites = ", ".join(names) if len(names) <= 3 else f"{names[0]}, {names[1]} and {len(names) - 2} more"
        place = guard.file.replace("Sources/", "")
        lines.append(f"| {guard.promise} {PROMISES[guard.promise]} | {cell(guard.what)} | `{place}` | {suites} |")
    return "\n".join(lines) + "\n"


def render(results: list, options) -> str:
    lines = ["| promise | guard removed | where | test that went red |", "|---|---|---|---|"]
    for result in sorted(results, key=lambda result: list(PROMISES).index(result.guard.promise)):
        guard = result.guard
        place = guard.file.replace("Sources/", "")
        tests = cell(shown(result.tests)) if result.ok else f"**none: {cell(result.problem)}**"
        lines.append(f"| {guard.promise} {PROMISES[guard.promise]} | {cell(guard.what)} | `{place}` | {tests} |")
    if not options.only:
        for promise, what in NOT_BUILT.items():
            lines.append(f"| {promise} {what} | not built yet | - | not built yet: not counted |")
    watched = sum(result.ok for result in results)
    lines += ["", f"{watched} of {len(results)} guards are watched: without each of them, a test goes red."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # Exit normally on SIGTERM, so that child processes are ended, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(main())
    except TableError as error:
        print(f"guards: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
