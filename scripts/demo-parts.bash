# shellcheck shell=bash
# Functions that the demos share: output, process groups, and a Docker engine of the demo's own. Sourced by them.
#
# Before it starts an engine, the caller sets `temp`, a folder of its own, and `tag`, a unique name.

engine='' socket=''
# Tenths of a second that processes have to end after SIGTERM.
patience=30

say() { printf '%s\n' "$*" >&2; }
fail() { say "demo: $*"; exit 1; }

# `set -m` around a background start gives the program its own process group, which can be ended as a whole.
stop_group() { # PID...: SIGTERM, and SIGKILL once the patience is over
    local pid tries=$patience
    for pid in "$@"; do kill -TERM -- "-$pid" 2> /dev/null; done
    for pid in "$@"; do
        while kill -0 -- "-$pid" 2> /dev/null && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
        kill -KILL -- "-$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
}

on_engine() { docker --host "unix://$socket" "$@"; }

# Starts an engine on scratch paths and in its own namespaces, which end with everything in them. Needs root.
start_engine() {
    local tries=300
    PATH=$PATH:/usr/sbin:/sbin
    command -v dockerd > /dev/null || fail "dockerd not found: apt-get install docker.io"
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

# A static program, the only file of the demo's images: it waits for SIGTERM, or exits at once with the code that it is given.
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
    fail "no C compiler for static programs found, needed for the demo's image: apt-get install gcc libc6-dev"
}
make_image() { # REFERENCE COMMIT [CHANGE...]: changes are Dockerfile instructions
    local reference=$1 changes=(--change 'CMD ["/service"]' --change "LABEL org.opencontainers.image.revision=$2") change
    shift 2
    for change in "$@"; do changes+=(--change "$change"); done
    tar -C "$temp/root" -cf - service | on_engine import "${changes[@]}" - "$reference" > /dev/null
}
