#!/usr/bin/env bash
# The cost of a held request: resident memory of the agent per connection, with thousands of long polls, and the time until
# one change has reached all of them.
#
#   bench/agent-held.sh [AGENT]      AGENT: a release build; HELD=4000
#
# A few KiB each are expected. Exits with 1 above 16 KiB, with 69 if a tool is missing.
set -euo pipefail

agent=${1:-.build-release-agent/release/buildinfo-agent} held=${HELD:-4000}
[[ -x $agent ]] || { echo "no agent at $agent: run make release first" >&2; exit 69; }
command -v python3 >/dev/null || { echo "python3 is missing: run scripts/deps.sh bench" >&2; exit 69; }
ulimit -n "$((held + 1000))"

# Not in /tmp, where other programs' files would wake the agent.
folder=$(mktemp -d /var/tmp/agent-held-XXXXXX)
cleanup() {
    [ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
printf '%040d\n' 1 | tr 0 a >"$folder/canvas"
"$agent" --listen 127.0.0.1:0 --service "canvas=file:$folder/canvas" --host-id bench-host \
    --max-connections "$((held + 16))" 2>"$folder/log" &
pid=$!
for _ in $(seq 100); do grep -q ' Ready ' "$folder/log" && break; sleep 0.1; done

python3 - "$pid" "$folder" "$held" <<'PYTHON'
import http.client, os, re, resource, selectors, socket, sys, time

pid, folder, held = sys.argv[1], sys.argv[2], int(sys.argv[3])
address = re.search(r"Listening address=(\S+):(\d+)", open(f"{folder}/log").read())
address = (address[1], int(address[2]))


def resident(field="VmRSS"):
    return int(re.search(rf"{field}:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])


def ask(path):
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("GET", path, headers={"Connection": "close"})
    answer = connection.getresponse()
    return answer, answer.read().decode()


def metric(name):
    return float(re.search(rf"^{name}\S* (\S+)$", ask("/metrics")[1], re.M)[1])


for _ in range(100):
    tag = ask("/buildinfo?nonce=1")[0].getheader("ETag")
before = resident()
connections = []
for number in range(held):
    connection = socket.create_connection(address)
    connection.send((f"GET /buildinfo?nonce={number:032} HTTP/1.1\r\nHost: {address[0]}\r\nUser-Agent: bench\r\n"
                     f"Accept: application/json\r\nIf-None-Match: {tag}\r\nPrefer: wait=55\r\n\r\n").encode())
    connections.append(connection)
while metric("buildinfo_http_requests_held") < held:
    time.sleep(0.1)
after = resident()
print(f"{held} held: {before / 1024:.1f} MB before, {after / 1024:.1f} MB with them: "
      f"{(after - before) / held:.1f} KiB each")

switches = lambda: sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(f"/proc/{pid}/task/{t}/status").read(), re.M)[1])
                       for t in os.listdir(f"/proc/{pid}/task"))
time.sleep(6)  # Until the header deadlines of the requests have passed.
start = switches()
time.sleep(10)
print(f"{(switches() - start) / 10:.1f} wake-ups a second while they wait")

selector = selectors.DefaultSelector()
for connection in connections:
    selector.register(connection, selectors.EVENT_READ)
open(f"{folder}/next", "w").write("b" * 40)
start = time.time()
os.rename(f"{folder}/next", f"{folder}/canvas")
first, left = None, held
while left:
    for key, _ in selector.select(timeout=30) or sys.exit("not all requests were answered"):
        first = first or time.time()
        assert key.fileobj.recv(65536).startswith(b"HTTP/1.1 200 ")
        selector.unregister(key.fileobj)
        left -= 1
print(f"a change reached the first after {(first - start) * 1000:.1f} ms, all of them after {(time.time() - start) * 1000:.0f} ms")
sys.exit(1 if (after - before) / held > 16 else 0)
PYTHON
