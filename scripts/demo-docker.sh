# shellcheck shell=bash
# What scripts/demo.sh deploys with under DOCKER=1: five containers on a real engine. Read by demo.sh, not run by itself.
#
# Takes the engine that runs and may be used; else it starts one of its own on scratch paths, in namespaces of its own,
# so that it ends with everything in it. Nothing that was there before is touched: names and tags are the demo's own.

engine='' socket='' tag="buildinfo-demo-$$"
# The images come from no registry here, so that the commit alone can be asked for. Containers take longer than files.
limit=30s

on_engine() { docker --host "unix://$socket" "$@"; }

usable_engine() { # Sets `socket` to a running engine's, if there is one that may be used.
    local docker_host=${DOCKER_HOST:-}
    for socket in "${docker_host#unix://}" /run/docker.sock /var/run/docker.sock \
        "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock"; do
        if [ -S "$socket" ] && on_engine version > /dev/null 2>&1; then return 0; fi
    done
    return 1
}
own_engine() {
    local tries=300
    [ "$(id -u)" = 0 ] || fail "no Docker engine is running that you may use, and only root can start one: " \
        "start Docker, or run 'sudo make demo DOCKER=1'"
    PATH=$PATH:/usr/sbin:/sbin
    command -v dockerd > /dev/null || fail "no Docker engine is running, and there is no dockerd: apt-get install docker.io"
    say "No Docker engine is running: starting one of the demo's own."
    socket=$temp/docker.sock
    set -m
    unshare --mount --pid --fork --mount-proc --kill-child dockerd --iptables=false --ip6tables=false --bridge=none \
        --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$tag" --data-root "$temp/data" --exec-root "$temp/exec" \
        --pidfile "$temp/docker.pid" --host "unix://$socket" < /dev/null > "$temp/dockerd.log" 2>&1 &
    engine=$!
    set +m
    until on_engine version > /dev/null 2>&1; do
        kill -0 "$engine" 2> /dev/null && [ "$tries" -gt 0 ] ||
            fail "dockerd did not start: $(tail -n 3 "$temp/dockerd.log")"
        sleep 0.1
        tries=$((tries - 1))
    done
}

# A static program that does nothing until it is told to stop, for an image that holds nothing else.
make_service() {
    local compiler
    mkdir "$temp/root" || return 1
    printf '%s\n' '#include <signal.h>' '#include <unistd.h>' 'static void stop(int s) { (void)s; _exit(0); }' \
        'int main(void) { signal(SIGTERM, stop); for (;;) pause(); }' > "$temp/service.c"
    for compiler in cc gcc clang; do
        command -v "$compiler" > /dev/null || continue
        "$compiler" -static -Os -o "$temp/root/service" "$temp/service.c" 2> "$temp/compiler.log" && return 0
    done
    fail "no C compiler that makes static programs, for the demo's image: apt-get install gcc libc6-dev"
}
make_image() { # COMMIT
    tar -C "$temp/root" -cf - service |
        on_engine import --change 'CMD ["/service"]' --change "LABEL org.opencontainers.image.revision=$1" - "$tag:$1" \
            > /dev/null
}
create() { # HOST: a container of what :latest is now, as 'docker compose up -d' makes it
    on_engine rm --force "$tag-$1" > /dev/null 2>&1
    on_engine run --detach --network host --name "$tag-$1" "$tag:latest" > /dev/null
}

prepare() {
    command -v docker > /dev/null || fail "there is no docker command: apt-get install docker.io"
    usable_engine || own_engine
    make_service || fail "cannot write in $temp"
    make_image "$old" && make_image "$new" && on_engine tag "$tag:$old" "$tag:latest" ||
        fail "the engine at $socket did not take the demo's images"
    for ((number = 1; number <= hosts; number++)); do
        create "host-$number" || fail "the engine at $socket did not run the demo's containers"
    done
    say "Five containers serve the old build ${old:0:12}; for each, a buildinfo-agent says so, from the engine's answers."
}
agent_flags() { printf '%s\n' --engine "unix://$socket" --service "canvas=container:$tag-$1"; }
deploy() { create "$1"; }
# The tag moves for all five, as a pull moves it; the last container is not made anew.
stay_behind() { on_engine tag "$tag:$new" "$tag:latest" || fail "the tag could not be moved"; }

clean_up_deployment() {
    local number
    [ -n "$socket" ] || return 0
    if [ -n "$engine" ]; then
        stop_group "$engine"
        find /sys/fs/cgroup -depth -type d -path "*/$tag*" -exec rmdir {} + 2> /dev/null
        return 0
    fi
    for ((number = 1; number <= hosts; number++)); do
        on_engine rm --force "$tag-host-$number" > /dev/null 2>&1
    done
    on_engine rmi --force "$tag:latest" "$tag:$old" "$tag:$new" > /dev/null 2>&1
}
