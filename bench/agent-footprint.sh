#!/usr/bin/env bash
# Size, resident memory and idle wake-ups of the agent with two file services after 200 requests, beside node_exporter's in
# the same run.
#
#   bench/agent-footprint.sh [AGENT]      AGENT: a release build, default .build-release/release/buildinfo-agent
#
# The limits: 22 MB on disk (3 of them TLS), 14 MB resident, one wake-up a second when idle. Exits with 1 if a limit is
# exceeded, with 69 if a tool is missing.
set -euo pipefail

agent=${1:-.build-release/release/buildinfo-agent}
exporter=$(command -v prometheus-node-exporter || true)
[[ -x $agent ]] || { echo "no agent at $agent: build it with -c release first" >&2; exit 69; }
[[ -n $exporter ]] || { echo "prometheus-node-exporter is missing: apt-get install prometheus-node-exporter" >&2; exit 69; }

# Not in /tmp, where other programs' files would wake the agent, which watches the folders of its files.
folder=$(mktemp -d /var/tmp/agent-footprint-XXXXXX)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

printf '%040d\n' 1 | tr 0 a > "$folder/canvas"
printf '{"git_sha":"%s"}\n' "$(printf '%040d' 2 | tr 0 b)" > "$folder/web"

"$agent" --listen "unix:$folder/agent.sock" --service "canvas=file:$folder/canvas" --service "web=file:$folder/web" \
    --host-id bench-host --log-level error &
pids+=($!)
agent_pid=$!
"$exporter" --web.listen-address=127.0.0.1:19100 --log.level=error >/dev/null 2>&1 &
pids+=($!)
exporter_pid=$!

# await COMMAND…: repeats it until it succeeds, for at most 10 s.
await() {
    for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "gave up waiting for: $*" >&2
    exit 1
}
await curl -sf --unix-socket "$folder/agent.sock" http://agent/buildinfo
await curl -sf http://127.0.0.1:19100/metrics

for number in $(seq 100); do
    curl -sf --unix-socket "$folder/agent.sock" "http://agent/buildinfo?nonce=$number" "http://agent/buildinfo/web?nonce=$number" >/dev/null
    curl -sf http://127.0.0.1:19100/metrics http://127.0.0.1:19100/metrics >/dev/null
done

calculate() { awk "BEGIN { print ($1) }"; }
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
row() { # name, pid, file
    local size rss anon
    size=$(stat -Lc %s "$3") rss=$(field "$2" VmRSS) anon=$(field "$2" RssAnon)
    printf '%-16s %8.1f MB on disk %8.1f MB resident (%.1f MB of it anonymous)\n' "$1" \
        "$(calculate "$size / 1000000")" "$(calculate "$rss / 1024")" "$(calculate "$anon / 1024")"
}
row buildinfo-agent "$agent_pid" "$agent"
row node_exporter "$exporter_pid" "$exporter"

# Voluntary context switches of all threads.
switches() { cat "/proc/$1"/task/*/status | awk '$1 == "voluntary_ctxt_switches:" { sum += $2 } END { print sum }'; }
declare -A before
for pid in "$agent_pid" "$exporter_pid"; do before[$pid]=$(switches "$pid"); done
sleep 20
wakeups() { calculate "($(switches "$1") - ${before[$1]}) / 20"; }
idle=$(wakeups "$agent_pid")
printf 'idle             %8.2f wake-ups a second; node_exporter %.2f\n' "$idle" "$(wakeups "$exporter_pid")"

size=$(stat -Lc %s "$agent") rss=$(field "$agent_pid" VmRSS)
printf 'ratio            %8.2f            %8.2f\n' "$(calculate "$size / $(stat -Lc %s "$exporter")")" \
    "$(calculate "$rss / $(field "$exporter_pid" VmRSS)")"
if ((size > 22000000 || rss > 14 * 1024)) || [[ $(calculate "$idle > 1") == 1 ]]; then
    echo "over the limit of 22 MB on disk, 14 MB resident or one wake-up a second" >&2
    exit 1
fi
