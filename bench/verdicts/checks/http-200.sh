#!/usr/bin/env bash
# Waits for each host in turn to answer with 200. FLEET, DEADLINE and PAUSE in seconds.
set -uo pipefail
end=$((SECONDS + DEADLINE))
for url in $(jq -r '.hosts[].url' "$FLEET"); do
    until [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 1 "$url")" = 200 ]; do
        if ((SECONDS >= end)); then
            echo "$url does not answer with 200 after $DEADLINE s"
            exit 1
        fi
        sleep "$PAUSE"
    done
done
echo "all hosts answer with 200"
