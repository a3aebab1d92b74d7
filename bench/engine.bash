# Sourced by benchmarks that need a Docker engine of their own, with a stopped or running container `canvas` of the image `canvas:latest`.
# Sets root (a folder that is removed at the end), pids (the processes that are killed then) and DOCKER_HOST. Needs root.

for part in dockerd docker busybox python3 unshare; do
    command -v "$part" >/dev/null || { echo "$part is missing: run scripts/deps.sh test bench" >&2; exit 69; }
done

commit=c0ffee5eed1234567890abcdef1234567890abcd
root=$(mktemp -d /tmp/agent-bench-XXXXXX)
pids=()
cleanup() {
    # The first process of the namespace, which ends everything that it started.
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    sleep 0.2
    find /sys/fs/cgroup -depth -type d -path "*/${root##*/}*" -exec rmdir {} + 2>/dev/null || true
    rm -rf "$root"
}
trap cleanup EXIT

export DOCKER_HOST=unix://$root/docker.sock DOCKER_CONFIG=$root/client
unshare --mount --pid --fork --mount-proc --kill-child dockerd --iptables=false --ip6tables=false --bridge=none \
    --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "${root##*/}" --data-root "$root/data" \
    --exec-root "$root/exec" --pidfile "$root/docker.pid" --host "$DOCKER_HOST" 2>"$root/dockerd.log" &
pids+=($!)
for _ in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
docker version >/dev/null || { tail -5 "$root/dockerd.log" >&2; exit 69; }

mkdir "$root/image"
cp "$(command -v busybox)" "$root/image/busybox"
tar -C "$root/image" -c busybox | docker import --change 'CMD ["/busybox", "sleep", "86400"]' \
    --change "LABEL org.opencontainers.image.revision=$commit" - canvas:latest >/dev/null
docker run --detach --name canvas --network host --stop-timeout 0 canvas:latest >/dev/null
