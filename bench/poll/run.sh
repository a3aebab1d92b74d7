#!/bin/bash
# One cold request to each of HOSTS hosts: the raw epoll loop, `curl --parallel`, and the collector's `status`.
# Prints the median of RUNS runs each, in one interleaved series, and the ratio to the raw loop: on a shared machine only
# the ratios within one series are meaningful. Twice: for answers of about 300 bytes, and for agents' documents of 1.3 KB,
# which the collector also has to decode.
#
#   HOSTS=10000 RUNS=5 PORT=18480 bench/poll/run.sh [COLLECTOR]
#   SKIP_CURL=1                             leaves out curl, which takes seconds
#
# "sweep" is the time from the first request to the last host's status, from the collector's own report (the raw loop
# measures itself in the same way); "process" is the whole command, including the inventory and the report.
# Needs nginx, gcc, curl. Loopback only. Everything is written under one temporary folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hosts=${HOSTS:-10000} runs=${RUNS:-5} port=${PORT:-18480}
collector=${1:-.build-release/release/buildinfo-collector}
[ "$hosts" -le 60000 ] || { echo "at most 60000 hosts: 127.1.0.1 and on" >&2; exit 64; }
[ -x "$collector" ] || { echo "no collector at $collector: run make release first" >&2; exit 69; }

root=$(mktemp -d)
stop() {
    [ -f "$root/nginx.pid" ] && kill "$(cat "$root/nginx.pid")"
    rm -rf "$root"
}
trap stop EXIT
ulimit -n "$(ulimit -Hn)"
sed "s#@ROOT@#$root#g; s#@PORT@#$port#g" "$here/nginx.conf" >"$root/nginx.conf"
nginx -p "$root" -c "$root/nginx.conf"
gcc -O2 -o "$root/epoll_loop" "$here/epoll_loop.c"

seconds() { # COMMAND…: its duration
    local from=$EPOCHREALTIME
    "$@" >"$root/out" 2>"$root/err" || { echo "failed ($?): $*" >&2; tail -3 "$root/err" >&2; exit 1; }
    local to=$EPOCHREALTIME
    awk -v a="$from" -v b="$to" 'BEGIN { printf "%.3f\n", b - a }'
}
median() { sort -n "$1" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

series() { # PATH TITLE
    local raw value name run
    for ((i = 1; i <= hosts; i++)); do
        url="http://127.1.$((i >> 8)).$((i & 255)):$port$1"
        echo "$url" >&3
        printf 'url = "%s?nonce=0123456789abcdef"\noutput = "/dev/null"\n' "$url" >&4
    done 3>"$root/urls" 4>"$root/curl.conf"
    rm -f "$root"/times.*
    for ((run = 0; run < runs; run++)); do
        "$root/epoll_loop" "$hosts" "$port" 1000 "$1" | cut -d' ' -f1 >>"$root/times.raw"
        seconds "$collector" status --fleet "$root/urls" --service canvas --store none --report json="$root/report.json" \
            >>"$root/times.process"
        grep -oE '"duration_seconds" : [0-9.]+' "$root/report.json" | cut -d' ' -f3 >>"$root/times.sweep"
        [ -n "${SKIP_CURL:-}" ] || seconds curl -s --parallel --parallel-max 300 -K "$root/curl.conf" >>"$root/times.curl"
    done
    raw=$(median "$root/times.raw")
    printf '%-34s %8s %8s\n' "$hosts hosts, cold, $2" seconds ratio
    for name in raw sweep process curl; do
        [ -f "$root/times.$name" ] || continue
        value=$(median "$root/times.$name")
        printf '  %-32s %8s %8s\n' "$name" "$value" "$(awk -v a="$value" -v b="$raw" 'BEGIN { printf "%.2f", a / b }')"
    done
}
series /plain "300 bytes"
series /buildinfo "documents"
