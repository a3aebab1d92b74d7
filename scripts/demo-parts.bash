# shellcheck shell=bash
# What the demos share: to say something, to end what was started, and a Docker engine of the demo's own. Read by them, not
# run by itself.
#
# Whoever reads it sets `temp`, a folder of the demo's own, and `tag`, a name that nobody else has, before it starts an engine.

engine='' socket=''

say() { printf '%s\n' "$*" >&2; }
fail() { say "demo: $*"; exit 1; }

# `set -m` around a start in the background gives the program a process group of its own, to be ended as a whole.
stop_group() { # PID...: asks, waits up to 3 seconds, insists
    local pid tries
    for pid in "$@"; do kill -TERM -- "-$pid" 2> /dev/null; done
    for pid in "$@"; do
        tries=30
        while kill -0 -- "-$pid" 2> /dev/null && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
        kill -KILL -- "-$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
}

on_engine() { docker --host "unix://$socket" "$@"; }

# Starts an engine on scratch paths, in namespaces of its own, so that it ends with everything in it. Needs root.
start_engine() {
    local tries=300
    PATH=$PATH:/usr/sbin:/sbin
    command -v dockerd > /dev/null || fail "there is no dockerd to start a Docker engine: apt-get install docker.io"
    socket=$temp/docker.sock
    set -m
    unshare --mount --pid --fork --mount-proc --kill-child dockerd --iptables=false --ip6tables=false --bridge=none \
        --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$tag" --data-root "$temp/data" --exec-root "$temp/exec" \
        --pidfile "$temp/docker.pid" --host "unix://$socket" < /dev/null > "$temp/dockerd.log" 2>&1 &
    engine=$!
    set +m
    echo "$engine" > "$temp/engine"
    until on_engine version > /dev/null 2>&1; do
        kill -0 "$engine" 2> /dev/null && [ "$tries" -gt 0 ] ||
            fail "dockerd did not start: $(tail -n 3 "$temp/dockerd.log")"
        sleep 0.1
        tries=$((tries - 1))
    done
}
stop_engine() {
    [ -n "$engine" ] || return 0
    stop_group "$engine"
    find /sys/fs/cgroup -depth -type d -path "*/$tag*" -exec rmdir {} + 2> /dev/null
}

# A static program for an image that holds nothing else: it does nothing until it is told to stop, or ends at once with the
# number that it is given.
make_service() {
    local compiler
    mkdir "$temp/root" || return 1
    printf '%s\n' '#include <signal.h>' '#include <stdlib.h>' '#include <unistd.h>' \
        'static void stop(int s) { (void)s; _exit(0); }' \
        'int main(int n, char **a) { if (n > 1) return atoi(a[1]); signal(SIGTERM, stop); for (;;) pause(); }' \
        > "$temp/service.c"
    for compiler in cc gcc clang; do
        command -v "$compiler" > /dev/null || continue
        "$compiler" -static -Os -o "$temp/root/service" "$temp/service.c" 2> "$temp/compiler.log" && return 0
    done
    fail "no C compiler that makes static programs, for the demo's image: apt-get install gcc libc6-dev"
}
make_image() { # REFERENCE COMMIT [CHANGE...]: further lines as a Dockerfile has them
    local reference=$1 changes=(--change 'CMD ["/service"]' --change "LABEL org.opencontainers.image.revision=$2") change
    shift 2
    for change in "$@"; do changes+=(--change "$change"); done
    tar -C "$temp/root" -cf - service | on_engine import "${changes[@]}" - "$reference" > /dev/null
}
