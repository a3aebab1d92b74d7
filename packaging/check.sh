#!/usr/bin/env bash
# Checks the packages in a folder: no errors from lintian, no warnings from the manual pages. Usage: check.sh FOLDER
set -euo pipefail
folder=$1
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT

lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs "$folder"/*.deb
for package in "$folder"/*.deb; do dpkg-deb --extract "$package" "$unpacked"; done
for page in "$unpacked"/usr/share/man/man1/*.gz; do
    output=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    output+=$(gzip -dc "$page" | mandoc -T lint -W warning)
    [ -z "$output" ] || { echo "check.sh: ${page##*/}: $output" >&2; exit 1; }
done
bash -n "$unpacked"/usr/share/bash-completion/completions/*
