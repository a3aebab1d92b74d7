# shellcheck shell=bash
# What scripts/demo.sh deploys with under DOCKER=1: five containers on a real engine. Read by demo.sh, not run by itself.
#
# Takes the engine that runs and may be used; else it starts one of its own on scratch paths, in namespaces of its own,
# so that it ends with everything in it. Nothing that was there before is touched: names and tags are the demo's own.

tag="buildinfo-demo-$$"
# The images come from no registry here, so that the commit alone can be asked for. Containers take longer than files.
limit=30s

usable_engine() { # Sets `socket` to a running engine's, if there is one that may be used.
    local docker_host=${DOCKER_HOST:-}
    for socket in "${docker_host#unix://}" /run/docker.sock /var/run/docker.sock \
        "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock"; do
        if [ -S "$socket" ] && on_engine version > /dev/null 2>&1; then return 0; fi
    done
    return 1
}
own_engine() {
    [ "$(id -u)" = 0 ] || fail "no Docker engine is running that you may use, and only root can start one: " \
        "start Docker, or run 'sudo make demo DOCKER=1'"
    say "No Docker engine is running: starting one of the demo's own."
    start_engine
}

create() { # HOST: a container of what :latest is now, as 'docker compose up -d' makes it
    on_engine rm --force "$tag-$1" > /dev/null 2>&1
    on_engine run --detach --network host --name "$tag-$1" "$tag:latest" > /dev/null
}

prepare() {
    command -v docker > /dev/null || fail "there is no docker command: apt-get install docker.io"
    usable_engine || own_engine
    make_service || fail "cannot write in $temp"
    make_image "$tag:$old" "$old" && make_image "$tag:$new" "$new" && on_engine tag "$tag:$old" "$tag:latest" ||
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
        stop_engine
        return 0
    fi
    for ((number = 1; number <= hosts; number++)); do
        on_engine rm --force "$tag-host-$number" > /dev/null 2>&1
    done
    on_engine rmi --force "$tag:latest" "$tag:$old" "$tag:$new" > /dev/null 2>&1
}
