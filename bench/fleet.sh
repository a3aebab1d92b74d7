#!/usr/bin/env bash
# A whole verification: 2,000 hosts, 10 of them dead (5 with a closed port, 5 that accept and never answer), through a soak of 5 s. The peer is the soak
# itself, which is the lower bound: the script prints the time above it.
#
#   bench/fleet.sh [COLLECTOR]       HOSTS=2000 PORT=18480
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
collector=${1:-.build-release/release/buildinfo-collector}
hosts=${HOSTS:-2000} port=${PORT:-18480}
[[ -x $collector ]] || { echo "no collector at $collector: run make release first" >&2; exit 69; }

root=$(mktemp -d)
stop() {
    [ -f "$root/nginx.pid" ] && kill "$(cat "$root/nginx.pid")"
    [ -z "${mute:-}" ] || kill "$mute"
    rm -rf "$root"
}
trap stop EXIT
sed "s#@ROOT@#$root#g; s#@PORT@#$port#g" "$here/poll/nginx.conf" >"$root/nginx.conf"
nginx -p "$root" -c "$root/nginx.conf"
# The kernel accepts the connections, and nothing answers.
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => shift, Listen => 128) or die "$@"; sleep 600' \
    "$((port + 1))" &
mute=$!
sha=$(curl -s "http://127.1.0.1:$port/buildinfo?nonce=1" | grep -oE '"git_sha":"[0-9a-f]{40}"' | head -1 | cut -d'"' -f4)

for ((i = 1; i <= hosts - 10; i++)); do echo "http://127.1.$((i >> 8)).$((i & 255)):$port/buildinfo"; done >"$root/fleet"
for i in 1 2 3 4 5; do echo "http://127.2.0.$i:1/buildinfo"; done >>"$root/fleet"
for i in 1 2 3 4 5; do echo "http://127.2.1.$i:$((port + 1))/buildinfo"; done >>"$root/fleet"

for run in 1 2 3; do
    from=$EPOCHREALTIME
    "$collector" verify --fleet "$root/fleet" --service canvas --sha "$sha" --store none --soak 5s --max-unreachable 10 --progress none \
        --report json="$root/report.json" || { echo "verify ended with $?" >&2; exit 1; }
    to=$EPOCHREALTIME
    awk -v a="$from" -v b="$to" -v run="$run" 'BEGIN { printf "run %d: %.2f s, %.2f s above the soak\n", run, b - a, b - a - 5 }'
done
