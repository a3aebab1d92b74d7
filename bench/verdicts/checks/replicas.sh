#!/usr/bin/env bash
# Waits until every host runs as many replicas as desired, and still does after MONITOR_MS.
# FLEET, DEADLINE and PAUSE in seconds, PAUSE_MS and MONITOR_MS in milliseconds.
set -uo pipefail
end=$((SECONDS + DEADLINE))
stable=0
while :; do
    short=
    for url in $(jq -r '.hosts[].url' "$FLEET"); do
        replicas=$(curl -fsS --max-time 1 "$url" | jq -r '"\(.running)/\(.desired)"')
        [ -n "$replicas" ] && [ "${replicas%/*}" = "${replicas#*/}" ] || short="$url has ${replicas:-unknown} replicas"
    done
    if [ -z "$short" ]; then
        ((stable++ * PAUSE_MS >= MONITOR_MS)) && break
    else
        stable=0
        if ((SECONDS >= end)); then
            echo "$short after $DEADLINE s"
            exit 1
        fi
    fi
    # Replicas that come and go must not keep the check from ending.
    ((SECONDS >= end + 1)) && { echo "not stable after $DEADLINE s"; exit 1; }
    sleep "$PAUSE"
done
echo "all hosts run all replicas"
