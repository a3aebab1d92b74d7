#!/usr/bin/env bash
# The effect of thousands of slow connections on the agent: latency for other clients, peak memory, and survival. Over plain
# HTTP and TLS, from many addresses and from one.
#
#   bench/agent-hostile.sh [AGENT]      AGENT: a release build; SLOW=5000
#
# The limits: 100 ms for other clients, and 64 MB. Exits with 1 if one is exceeded, with 69 if a tool is missing. Run it on an
# idle machine: other processes delay answers.
set -euo pipefail

agent=${1:-.build-release-agent/release/buildinfo-agent} slow=${SLOW:-5000}
[[ -x $agent ]] || { echo "no agent at $agent: run make release first" >&2; exit 69; }
for part in python3 openssl; do
    command -v "$part" >/dev/null || { echo "$part is missing: run scripts/deps.sh bench" >&2; exit 69; }
done
ulimit -n "$((slow + 1500))"

folder=$(mktemp -d /var/tmp/agent-hostile-XXXXXX)
cleanup() {
    [ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
printf '%040d\n' 1 | tr 0 a >"$folder/canvas"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$folder/key" -out "$folder/certificate" 2>/dev/null

broken=0
# run TITLE PLAIN|TLS MANY|ONE [FLAG…]
run() {
    local title=$1 security=$2 addresses=$3
    shift 3
    [[ $security == PLAIN ]] || set -- "$@" --tls-certificate "$folder/certificate" --tls-key "$folder/key"
    "$agent" --listen 127.0.0.1:0 --service "canvas=file:$folder/canvas" --host-id bench-host "$@" 2>"$folder/log" &
    pid=$!
    for _ in $(seq 100); do grep -q ' Ready ' "$folder/log" && break; sleep 0.1; done
    python3 - "$pid" "$folder" "$slow" "$title" "$security" "$addresses" <<'PYTHON' || broken=1
import re, socket, ssl, sys, time

pid, folder, slow, title, security, addresses = sys.argv[1:]
match = re.search(r"Listening address=(\S+):(\d+)", open(f"{folder}/log").read())
address = (match[1], int(match[2]))


def status(field):
    return int(re.search(rf"{field}:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) / 1024


context = ssl.create_default_context(cafile=f"{folder}/certificate")


def ask(path):
    start = time.monotonic()
    connection = socket.create_connection(address, timeout=10)
    if security == "TLS":
        connection = context.wrap_socket(connection, server_hostname=address[0])
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    connection.close()
    return time.monotonic() - start, answer


before = status("VmRSS")
# Half a request; half a ClientHello, which may be as large as a record.
opening = b"GET /buildinfo HTTP/1.1\r\nHost: x\r\n" if security == "PLAIN" else b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(8000)
connections = []
for number in range(int(slow)):
    connection = socket.socket()
    source = f"127.{1 + number // 2500}.{number // 10 % 250}.2" if addresses == "MANY" else "127.0.2.1"
    connection.bind((source, 0))
    try:
        connection.connect(address)
        connection.send(opening)
    except ConnectionError:
        pass
    connections.append(connection)
    if number % 500 == 499:
        ask("/buildinfo?nonce=1")
# Before the agent closes the first slow connection.
page = ask("/metrics")[1].decode()
held = float(re.search(r"^buildinfo_http_connections (\S+)$", page, re.M)[1])
times, answers = zip(*(ask(f"/buildinfo?nonce={number}") for number in range(200)))
good = sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
peak = status("VmHWM")
print(f"{title:<34} {held:5.0f} held  others: {good}/200 answered, median {sorted(times)[100] * 1000:.1f} ms, slowest "
      f"{max(times) * 1000:.1f} ms  memory: {before:.1f} MB before, {status('VmRSS'):.1f} MB now, {peak:.1f} MB at most")
sys.exit(0 if good == 200 and max(times) < 0.1 and peak < 64 else 1)
PYTHON
    kill -0 "$pid" || { echo "the agent died: $(tail -1 "$folder/log")" >&2; broken=1; }
    kill "$pid" 2>/dev/null || true
    wait "$pid" || true
    pid=
}

run "in the clear, a place for each" PLAIN MANY --max-connections "$((slow + 1000))"
run "in the clear, places by default" PLAIN MANY
run "in the clear, one address" PLAIN ONE
run "TLS, places by default" TLS MANY
run "TLS, one address" TLS ONE
((broken == 0)) || { echo "over the limit of 100 ms or 64 MB" >&2; exit 1; }
