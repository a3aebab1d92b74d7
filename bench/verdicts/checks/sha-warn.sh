#!/usr/bin/env bash
# Waits for every host to report the promoted commit, and only warns of hosts without a readable answer.
# FLEET, SHA, DEADLINE and PAUSE in seconds.
set -uo pipefail
end=$((SECONDS + DEADLINE))
for url in $(jq -r '.hosts[].url' "$FLEET"); do
    while :; do
        sha=$(curl -fsS --max-time 1 "$url" | jq -r '.git_sha // empty')
        if [ -z "$sha" ]; then
            echo "warning: no commit from $url"
            break
        fi
        [ "$sha" = "$SHA" ] && break
        if ((SECONDS >= end)); then
            echo "$url serves '$sha' after $DEADLINE s"
            exit 1
        fi
        sleep "$PAUSE"
    done
done
echo "all readable hosts serve $SHA"
