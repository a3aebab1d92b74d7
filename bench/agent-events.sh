#!/usr/bin/env bash
# The time from an engine's event to the new document: a real Docker engine, one container that is stopped, started,
# restarted, paused and unpaused. Measured from the event's time stamp to the arrival of a long poll's answer.
#
#   bench/agent-events.sh [AGENT]      AGENT: a release build; ROUNDS=20
#
# The limit is 100 ms. Exits with 1 if the median exceeds it, with 69 if a tool is missing. Needs root.
set -euo pipefail

agent=${1:-.build-release-agent/release/buildinfo-agent}
[[ -x $agent ]] || { echo "no agent at $agent: run make release first" >&2; exit 69; }
. "$(dirname "$0")/engine.bash"

"$agent" --listen "unix:$root/agent.sock" --engine "$DOCKER_HOST" --service canvas=container:canvas \
    --host-id bench-host --log-level error &
pids+=($!)
for _ in $(seq 100); do
    curl -s --unix-socket "$root/agent.sock" http://agent/metrics 2>/dev/null | grep -q '^buildinfo_engine_event_stream_up.* 1$' && break
    sleep 0.1
done

python3 - "$root" "${ROUNDS:-20}" <<'PYTHON'
import http.client, json, socket, statistics, subprocess, sys, threading, time

root, rounds = sys.argv[1], int(sys.argv[2])


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("local", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


events, documents, changed = [], [], threading.Condition()


def follow_engine():
    engine = Unix(f"{root}/docker.sock")
    engine.request("GET", "/v1.41/events")
    for line in engine.getresponse():
        event = json.loads(line)
        with changed:
            events.append((event["timeNano"] / 1e9, event["Action"]))
            changed.notify_all()


def follow_agent():
    agent, tag = Unix(f"{root}/agent.sock"), '""'
    while True:
        agent.request("GET", "/buildinfo", headers={"If-None-Match": tag, "Prefer": "wait=50"})
        answer = agent.getresponse()
        text = answer.read()
        arrived, tag = time.time(), answer.getheader("ETag")
        if answer.status != 200:
            continue
        document = json.loads(text)
        instance = (document["instances"] or [{}])[0]
        with changed:
            documents.append((arrived, document["state"], instance.get("started_at")))
            changed.notify_all()


for follow in (follow_engine, follow_agent):
    threading.Thread(target=follow, daemon=True).start()
time.sleep(4)  # Until the agent is idle: from now on it refreshes on events only.

kinds = [("stop", "die", "exited"), ("start", "start", "serving"), ("restart", "start", "serving"),
         ("pause", "pause", "paused"), ("unpause", "unpause", "serving")]
took = {verb: [] for verb, _, _ in kinds}
for _ in range(rounds):
    for verb, action, state in kinds:
        with changed:
            seen, shown, before = len(events), len(documents), documents[-1]
        subprocess.run(["docker", verb, "canvas"], check=True, stdout=subprocess.DEVNULL)
        found = lambda: next((e for e in reversed(events[seen:]) if e[1] == action), None)
        # Only a new start time shows a restart: the state is the same before and after.
        fits = lambda: next((d for d in documents[shown:] if d[1] == state and (verb != "restart" or d[2] != before[2])), None)
        with changed:
            if not changed.wait_for(lambda: found() and fits(), timeout=40):
                sys.exit(f"docker {verb}: event {found()}, documents {documents[shown:]}")
            took[verb].append((fits()[0] - found()[0]) * 1000)

for verb, times in took.items():
    print(f"docker {verb:8} median {statistics.median(times):6.1f} ms   worst {max(times):6.1f} ms   of {len(times)}")
every = [t for times in took.values() for t in times]
print(f"all             median {statistics.median(every):6.1f} ms   worst {max(every):6.1f} ms   of {len(every)}")
sys.exit(1 if statistics.median(every) > 100 else 0)
PYTHON
