#!/usr/bin/env bash
# The cost of an idle reader and server: resident memory, wake-ups and processor time of each, with a real Docker engine and
# one running container, beside node_exporter in the same run.
#
#   bench/agent-idle.sh [AGENT]      AGENT: a release build; SECONDS_IDLE=60
#
# The limits for each: 14 MB resident, one wake-up a second, and one second of processor time an hour. Exits with 1 if one is
# exceeded, with 69 if a tool is missing. Needs root.
set -euo pipefail

agent=${1:-.build-release-agent/release/buildinfo-agent}
exporter=$(command -v prometheus-node-exporter || true)
[[ -x $agent ]] || { echo "no agent at $agent: run make release first" >&2; exit 69; }
[[ -n $exporter ]] || { echo "prometheus-node-exporter is missing: run scripts/deps.sh bench" >&2; exit 69; }
. "$(dirname "$0")/engine.bash"

"$agent" read --listen "unix:$root/reader.sock" --engine "$DOCKER_HOST" --service canvas=container:canvas \
    --host-id bench-host --log-level error &
pids+=($!)
reader=$!
"$agent" serve --listen 127.0.0.1:19480 --from "unix:$root/reader.sock" --service canvas=container:canvas \
    --host-id bench-host --log-level error &
pids+=($!)
server=$!
"$exporter" --web.listen-address=127.0.0.1:19100 --log.level=error >/dev/null 2>&1 &
pids+=($!)
peer=$!
for _ in $(seq 100); do
    curl -s http://127.0.0.1:19480/metrics 2>/dev/null | grep -q '^buildinfo_engine_event_stream_up.* 1$' && break
    sleep 0.1
done
# As a collector leaves them: polled once, then idle.
for number in $(seq 200); do
    curl -sf "http://127.0.0.1:19480/buildinfo?nonce=$number" >/dev/null
    curl -sf http://127.0.0.1:19100/metrics >/dev/null
done
sleep 5

python3 - "${SECONDS_IDLE:-60}" "reader=$reader" "server=$server" "node_exporter=$peer" <<'PYTHON'
import glob, os, re, sys, time

seconds, programs = int(sys.argv[1]), [item.split("=") for item in sys.argv[2:]]


def field(path, name):
    return int(re.search(rf"^{name}:\s+(\d+)", open(path).read(), re.M)[1])


def look(pid):
    """Voluntary context switches, and processor time in nanoseconds, of all threads."""
    tasks = glob.glob(f"/proc/{pid}/task/*")
    ran = sum(int(open(f"{task}/schedstat").read().split()[0]) for task in tasks)
    return sum(field(f"{task}/status", "voluntary_ctxt_switches") for task in tasks), ran


before = {pid: look(pid) for _, pid in programs}
time.sleep(seconds)
broken, peer = [], None
for name, pid in reversed(programs):
    (sleeps, ran), (sleeps_before, ran_before) = look(pid), before[pid]
    row = {
        "MB resident": field(f"/proc/{pid}/status", "VmRSS") / 1024,
        "wake-ups a second": (sleeps - sleeps_before) / seconds,
        "s of processor an hour": (ran - ran_before) / 1e9 / seconds * 3600,
    }
    peer = peer or row
    figures = ", ".join(
        f"{value:.2f} {unit}" + ("" if peer is row or not peer[unit] else f" ({value / peer[unit]:.2f} of node_exporter's)")
        for unit, value in row.items())
    print(f"{name:14} {figures}")
    if peer is not row:
        for (unit, value), most in zip(row.items(), (14, 1, 1)):
            if value > most:
                broken.append(f"{name}: {value:.2f} {unit}, more than {most}")
if broken:
    sys.exit("the promise is broken: " + "; ".join(broken))
PYTHON
