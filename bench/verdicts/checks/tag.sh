#!/usr/bin/env bash
# Waits until the tag on each host, in turn, has the digest that it has in the registry. FLEET, DIGEST, DEADLINE and PAUSE
# in seconds.
set -uo pipefail
end=$((SECONDS + DEADLINE))
for url in $(jq -r '.hosts[].url' "$FLEET"); do
    until curl -fsS --max-time 1 "$url" | jq -e --arg digest "$DIGEST" '.repo_digests | index($digest)' >/dev/null; do
        if ((SECONDS >= end)); then
            echo "the tag at $url is not $DIGEST after $DEADLINE s"
            exit 1
        fi
        sleep "$PAUSE"
    done
done
echo "the tag has the registry's digest on all hosts"
