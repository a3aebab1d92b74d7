#!/usr/bin/env bash
# Packs the programs a second time, with another umask, time zone, locale and folder, and compares every byte.
#
# Usage: reproduce.sh FOLDER --build | --agent FILE --collector FILE. With --build, a clone of the last commit is built in
# another folder first, which takes as long as a release. The folder's path has the same length as this one's, because the
# compiler writes the length of one file's path (GRDB's Database+Dump.swift) into the program.
set -euo pipefail
folder=$(realpath "$1")
shift
tree=$(cd "$(dirname "$0")/.." && pwd)
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT

programs=("$@")
if [ "$1" = --build ]; then
    places=$((${#tree} - 5))
    [ "$places" -ge 4 ] || { echo "reproduce.sh: '$tree' is too short a path to find another of its length" >&2; exit 64; }
    twin=$(mktemp -d "/tmp/$(printf "%${places}s" | tr ' ' X)")
    trap 'rm -rf "$again" "$twin"' EXIT
    git clone -q "$tree" "$twin"
    cp "$tree/Package.resolved" "$twin/"
    tree=$twin
    make -C "$tree" release
    programs=(--agent "$tree/.build-release-agent/release/buildinfo-agent"
        --collector "$tree/.build-release/release/buildinfo-collector")
fi
cd "$tree"
(umask 077 && TZ=Pacific/Kiritimati LC_ALL=C "$tree/packaging/build.py" "${programs[@]}" --out "$again/dist" >/dev/null)
cd "$folder"
failed=0
for file in *; do
    one=$(sha256sum <"$file") two=$(sha256sum <"$again/dist/$file") || two=missing
    [ "$one" = "$two" ] && echo "same  ${one%% *}  $file" && continue
    echo "reproduce.sh: $file differs: ${one%% *} and ${two%% *}" >&2
    failed=1
done
exit "$failed"
