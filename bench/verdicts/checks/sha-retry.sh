#!/usr/bin/env bash
# Waits for each host in turn to report the promoted commit. FLEET, SHA, DEADLINE and PAUSE in seconds.
set -uo pipefail
end=$((SECONDS + DEADLINE))
for url in $(jq -r '.hosts[].url' "$FLEET"); do
    until [ "$(curl -fsS --max-time 1 "$url" | jq -r .git_sha)" = "$SHA" ]; do
        if ((SECONDS >= end)); then
            echo "$url does not serve $SHA after $DEADLINE s"
            exit 1
        fi
        sleep "$PAUSE"
    done
done
echo "all hosts serve $SHA"
