#!/usr/bin/env bash
# Packs a second time, with another umask, time zone, language and folder, and compares every byte.
# Usage: reproduce.sh FOLDER --build | --agent FILE --collector FILE. With --build, a clone of the last commit is built in
# another folder first: that takes as long as two releases.
set -euo pipefail
folder=$(realpath "$1")
shift
tree=$(cd "$(dirname "$0")/.." && pwd)
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT

programs=("$@")
if [ "$1" = --build ]; then
    git clone -q "$tree" "$again/another-folder"
    cp "$tree/Package.resolved" "$again/another-folder/"
    tree="$again/another-folder"
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
