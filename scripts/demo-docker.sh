# shellcheck shell=bash
# The deployment of scripts/demo.sh under DOCKER=1: five containers on a real engine. Sourced by demo.sh.
#
# Uses a running engine if the user has access to one. Otherwise it starts its own on scratch paths and in its own namespaces,
# which end with everything in them. Existing containers and images are not touched: names and tags are the demo's own.

tag="buildinfo-demo-$$"
# The images have no registry digest, so only the commit is verified. Containers take longer than files.
limit=30s

usable_engine() { # Sets `socket` to the socket of a running engine that the user has access to.
    local docker_host=${DOCKER_HOST:-}
    for socket in "${docker_host#unix://}" /run/docker.sock /var/run/docker.sock \
        "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock"; do
        if [ -S "$socket" ] && on_engine version > /dev/null 2>&1; then return 0; fi
    done
    return 1
}
own_engine() {
    [ "$(id -u)" = 0 ] || fail "no accessible Docker engine is running, and only root can start one: " \
        "start Docker, or run 'sudo make demo DOCKER=1'"
    say "No Docker engine is running: starting one for the demo."
    start_engine
}

create() { # HOST: a container of the current :latest, as 'docker compose up -d' creates it
    on_engine rm --force "$tag-$1" > /dev/null 2>&1
    on_engine run --detach --network host --name "$tag-$1" "$tag:latest" > /dev/null
}

prepare() {
    command -v docker > /dev/null || fail "docker not found: apt-get install docker.io"
    usable_engine || own_engine
    make_service || fail "cannot write in $temp"
    make_image "$tag:$old" "$old" && make_image "$tag:$new" "$new" && on_engine tag "$tag:$old" "$tag:latest" ||
        fail "the engine at $socket could not import the demo's images"
    for ((number = 1; number <= hosts; number++)); do
        create "host-$number" || fail "the engine at $socket could not run the demo's containers"
    done
    say "Five containers serve the old build ${old:0:12}; a buildinfo-agent for each reports it, from the engine's answers."
}
agent_flags() { printf '%s\n' --engine "unix://$socket" --service "canvas=container:$tag-$1"; }
deploy() { create "$1"; }
# The tag moves for all five, as a pull moves it; the last container is not recreated.
stay_behind() { on_engine tag "$tag:$new" "$tag:latest" || fail "could not move the tag"; }

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
