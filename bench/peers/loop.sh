#!/usr/bin/env bash
# The loop that many pipelines have: each host in turn, with curl and jq, until all of them serve the commit.
# Usage: loop.sh FILE COMMIT     FILE: one URL per line
#
# Asks hosts that served the commit once no more, and prints their URL and the time.
set -euo pipefail
mapfile -t left <"$1"
while [ "${#left[@]}" -gt 0 ]; do
    behind=()
    for url in "${left[@]}"; do
        if [ "$(curl -sf "$url?nonce=0123456789abcdef" | jq -r .git_sha)" = "$2" ]; then
            echo "$url $EPOCHREALTIME"
        else
            behind+=("$url")
        fi
    done
    left=("${behind[@]}")
done
