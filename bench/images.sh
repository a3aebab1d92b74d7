#!/usr/bin/env bash
# The size and the start of the agent's image beside node_exporter's, which is packed here from Debian's package with the
# libraries that it needs. Size: the compressed layers, as pulled. Start: from `docker run` to the first answer, in turns.
#
#   bench/images.sh [FOLDER]      of `make images`; ROUNDS=15
#
# Exits with 69 if an image or a tool is missing. Needs root.
set -euo pipefail

folder=${1:-.build-images}
[[ -f $folder/agent/index.json ]] || { echo "no image in $folder: run make images first" >&2; exit 69; }
exporter=$(command -v prometheus-node-exporter || true)
[[ -n $exporter ]] || { echo "prometheus-node-exporter is missing: run scripts/deps.sh bench" >&2; exit 69; }
. "$(dirname "$0")/engine.bash"

tree=$root/exporter
mkdir -p "$tree/bin"
cp "$exporter" "$tree/bin/node_exporter"
{ ldd "$exporter" || true; } | grep -oE '/[^ ]+' | while read -r library; do
    mkdir -p "$tree$(dirname "$library")"
    cp -L "$library" "$tree$library"
done
tar -C "$tree" -cf - . | docker import --change 'ENTRYPOINT ["/bin/node_exporter"]' - node_exporter:bench >/dev/null
skopeo copy -q --src-daemon-host "$DOCKER_HOST" docker-daemon:node_exporter:bench "oci:$root/oci:node_exporter"
skopeo copy -q --dest-daemon-host "$DOCKER_HOST" "oci:$folder/agent" docker-daemon:agent:bench

megabytes() { # IMAGE
    rm -rf "$root/copy"
    skopeo copy -q "$1" "dir:$root/copy"
    python3 -c 'import json, sys; print(sum(layer["size"] for layer in json.load(sys.stdin)["layers"]) / 1e6)' <"$root/copy/manifest.json"
}
python3 - "${ROUNDS:-15}" "$(megabytes "oci:$folder/agent")" "$(megabytes "oci:$root/oci:node_exporter")" <<'PYTHON'
import socket, subprocess, sys, time

PORT = 19482
confined = ["--network", "host", "--user", "65532", "--read-only", "--cap-drop", "ALL"]
commands = {
    "agent": (["--tmpfs", "/run/canvas", "agent:bench", "serve", "--listen", f"127.0.0.1:{PORT}", "--service",
               "canvas=file:/run/canvas/build", "--host-id", "bench-host"], "/healthz"),
    "node_exporter": (["node_exporter:bench", f"--web.listen-address=127.0.0.1:{PORT}"], "/metrics"),
}


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def first_answer(path):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=5) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                if connection.recv(16).startswith(b"HTTP/1.1 200"):
                    return
        except ConnectionError:
            pass
        time.sleep(0.002)
    sys.exit(f"no answer at {path}")


took = {name: [] for name in commands}
for _ in range(int(sys.argv[1])):
    for name, (command, path) in commands.items():
        begin = time.perf_counter()
        container = docker("run", "--detach", *confined, *command)
        first_answer(path)
        took[name].append(round((time.perf_counter() - begin) * 1000))
        docker("rm", "--force", container)
for name, size in zip(commands, sys.argv[2:]):
    print(f"{name:13} {float(size):.1f} MB compressed, first answer after {' '.join(map(str, took[name]))} ms")
PYTHON
