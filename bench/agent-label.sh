#!/usr/bin/env bash
# The time from a container's start to the host's status in the collector: a real Docker engine, an agent that follows its
# events, and a verification with long polls. Measured from the engine's StartedAt to the progress line with 'soaking'.
#
#   bench/agent-label.sh [AGENT] [COLLECTOR]      release builds; ROUNDS=10
#
# The limit is 200 ms. Exits with 1 if the median exceeds it, with 69 if a tool is missing. Needs root.
set -euo pipefail

agent=${1:-.build-release-agent/release/buildinfo-agent} collector=${2:-.build-release/release/buildinfo-collector}
for program in "$agent" "$collector"; do
    [[ -x $program ]] || { echo "no program at $program: run make release first" >&2; exit 69; }
done
. "$(dirname "$0")/engine.bash"

"$agent" read --listen "unix:$root/reader.sock" --engine "$DOCKER_HOST" --service canvas=container:canvas \
    --host-id bench-host --log-level error &
pids+=($!)
"$agent" serve --listen 127.0.0.1:19480 --from "unix:$root/reader.sock" --service canvas=container:canvas \
    --host-id bench-host --log-level error &
pids+=($!)
for _ in $(seq 100); do
    curl -s http://127.0.0.1:19480/metrics 2>/dev/null | grep -q '^buildinfo_engine_event_stream_up.* 1$' && break
    sleep 0.1
done

python3 - "$collector" "$commit" "${ROUNDS:-10}" <<'PYTHON'
import datetime, re, statistics, subprocess, sys, time

collector, commit, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


took = []
for _ in range(rounds):
    docker("stop", "canvas")
    verify = subprocess.Popen(
        [collector, "verify", "--host", "http://127.0.0.1:19480/buildinfo/canvas", "--service", "canvas", "--sha", commit, "--soak", "1s",
         "--timeout", "60s", "--fail-after", "1000", "--store", "none", "--progress", "plain"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(3)  # Until the answer is held.
    docker("start", "canvas")
    said = []
    for line in verify.stderr:
        said.append(line)
        if re.search(r"\bsoaking\b", line):
            seen = time.time()
            break
    else:
        sys.exit("never soaking: " + "".join(said))
    verify.stderr.read()
    if verify.wait() != 0:
        sys.exit(f"the verification ended with {verify.returncode}")
    started = docker("inspect", "--format", "{{.State.StartedAt}}", "canvas")
    moment = datetime.datetime.strptime(started[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=datetime.timezone.utc)
    took.append((seen - moment.timestamp()) * 1000)

print(f"start to status median {statistics.median(took):6.1f} ms   worst {max(took):6.1f} ms   of {len(took)}")
sys.exit(1 if statistics.median(took) > 200 else 0)
PYTHON
