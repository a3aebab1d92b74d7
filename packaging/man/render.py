#!/usr/bin/python3
"""Makes a manual page from what a program says of itself, and hand-written sections.

Usage: render.py PROGRAM SECTIONS DATE. The program is asked with --experimental-dump-help; SECTIONS is roff, put behind the
commands; DATE is YYYY-MM-DD. The page goes to standard output; the same input makes the same bytes.
"""

import json
import re
import subprocess
import sys


def escape(text):
    """Plain text, as roff shows it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def sentences(text):
    """Each sentence on a line of its own, as roff has it; backticks become bold."""
    lines = []
    for line in " ".join(text.split()).replace("e.g. ", "for example ").split("\n"):
        lines += re.split(r"(?<=[a-z0-9)'>}][.]) (?=[A-Z'\-])", line)
    return "\n".join(escape(line) for line in lines)


def names(argument):
    shown = []
    for name in sorted(argument.get("names", []), key=lambda name: name["kind"] == "long"):
        dashes = "\\-\\-" if name["kind"] == "long" else "\\-"
        shown.append("\\fB" + dashes + escape(name["name"]) + "\\fR")
    value = "\\fI" + escape(argument["valueName"]) + "\\fR" if "valueName" in argument else ""
    if argument["kind"] == "positional":
        return value
    return ", ".join(shown) + (" " + value if argument["kind"] == "option" else "")


def arguments(command):
    """Those that are shown, by the title of their section."""
    groups = {}
    for argument in command.get("arguments", []):
        plain = {name["name"] for name in argument.get("names", [])}
        if argument["shouldDisplay"] and not plain & {"help", "version"}:
            groups.setdefault(argument.get("sectionTitle") or "", []).append(argument)
    return groups


def synopsis(program, command, path):
    parts = [f"\\fB{escape(' '.join(path))}\\fR"]
    if any(a["kind"] != "positional" for group in arguments(command).values() for a in group):
        parts.append("[\\fIoptions\\fR]")
    for group in arguments(command).values():
        for argument in group:
            if argument["kind"] == "positional":
                shown = names(argument) + ("\\ ..." if argument["isRepeating"] else "")
                parts.append(f"[{shown}]" if argument["isOptional"] else shown)
    return " ".join(parts)


def options(command, seen):
    """A paragraph a flag; what an earlier command has said word for word is not said again."""
    lines = []
    repeated = []
    for title, group in arguments(command).items():
        fresh = []
        for argument in group:
            key = json.dumps(argument, sort_keys=True)
            if key in seen and argument["kind"] != "positional":
                repeated.append(names(argument).split(" ")[0])
            else:
                fresh.append(argument)
            seen.add(key)
        if fresh and title:
            lines += [".PP", f"\\fI{escape(title)}\\fR"]
        for argument in fresh:
            lines += [".TP", names(argument)]
            about = argument.get("abstract", "")
            if argument.get("defaultValue") and "efault" not in about:
                about = (about + " " if about else "") + f"(default: {argument['defaultValue']})"
            if about.strip():
                lines.append(sentences(about))
    if repeated:
        lines += [".PP", "And as above: " + ",\n".join(sorted(repeated)) + "."]
    return lines


def leaves(command, path):
    path = path + [command["commandName"]]
    if command["commandName"] == "help":
        return
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    if not children:
        yield path, command
    for child in children:
        yield from leaves(child, path)


def page(program, sections, date):
    said = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    root = json.loads(said)["command"]
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    name = root["commandName"]
    abstract = root["abstract"].rstrip(".")
    commands = list(leaves(root, []))
    lines = [
        '.\\" Made by packaging/man/render.py from the program itself.',
        f'.TH {name.upper().replace("-", chr(92) + "-")} 1 "{date}" "buildinfo {version}" "User Commands"',
        ".SH NAME",
        f"{escape(name)} \\- {escape(abstract[0].lower() + abstract[1:])}",
        ".SH SYNOPSIS",
        ".nf",
        *[synopsis(program, command, path) for path, command in commands],
        f"\\fB{escape(name)}\\fR \\fB\\-\\-help\\fR | \\fB\\-\\-version\\fR",
        ".fi",
        ".SH COMMANDS",
    ]
    seen = set()
    for path, command in commands:
        lines += [f".SS {escape(' '.join(path[1:]))}", sentences(command.get("abstract", ""))]
        if command.get("discussion"):
            lines += [".PP", sentences(command["discussion"])]
        lines += options(command, seen)
    with open(sections, encoding="utf-8") as file:
        lines += file.read().rstrip("\n").split("\n")
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(page(*sys.argv[1:]))
