#!/bin/bash
# One cold request to each of HOSTS hosts: the raw epoll loop, `curl --parallel`, and the collector (or $CONTENDER).
# Prints the median of RUNS runs each, in one interleaved series, and the ratio to the raw loop: on a shared machine
# only ratios of one series mean anything.
#
#   HOSTS=10000 RUNS=5 PORT=18480 bench/poll/run.sh
#   CONTENDER='my-program --fleet FILE'     FILE is replaced by a list of one URL a line
#   SKIP_CURL=1                             leaves out curl, which takes seconds
#
# Needs nginx, gcc, curl. Loopback only. Everything is written under one temporary folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hosts=${HOSTS:-10000} runs=${RUNS:-5} port=${PORT:-18480}
contender=${CONTENDER:-buildinfo-collector status --fleet FILE --store none --report text=/dev/null}
[ "$hosts" -le 60000 ] || { echo "at most 60000 hosts: 127.1.0.1 and on" >&2; exit 64; }

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

for ((i = 1; i <= hosts; i++)); do
    url="http://127.1.$((i >> 8)).$((i & 255)):$port/buildinfo"
    echo "$url" >&3
    printf 'url = "%s?nonce=0123456789abcdef"\noutput = "/dev/null"\n' "$url" >&4
done 3>"$root/urls" 4>"$root/curl.conf"
command=${contender//FILE/$root/urls}

# Seconds of one command, which may fail as long as it is not the bench that fails.
seconds() {
    local from=$EPOCHREALTIME
    "$@" >"$root/out" 2>"$root/err" || { echo "failed ($?): $*" >&2; tail -3 "$root/err" >&2; }
    local to=$EPOCHREALTIME
    awk -v a="$from" -v b="$to" 'BEGIN { printf "%.3f\n", b - a }'
}
median() { sort -n "$1" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

for ((run = 0; run < runs; run++)); do
    "$root/epoll_loop" "$hosts" "$port" | cut -d' ' -f1 >>"$root/raw"
    # shellcheck disable=SC2086 # a command with its arguments
    seconds $command >>"$root/collector"
    [ -n "${SKIP_CURL:-}" ] || seconds curl -s --parallel --parallel-max 300 -K "$root/curl.conf" >>"$root/curl"
done

raw=$(median "$root/raw")
printf '%-22s %8s %8s\n' "$hosts hosts, cold" seconds ratio
for name in raw collector curl; do
    [ -f "$root/$name" ] || continue
    value=$(median "$root/$name")
    printf '%-22s %8s %8s\n' "$name" "$value" "$(awk -v a="$value" -v b="$raw" 'BEGIN { printf "%.2f", a / b }')"
done
