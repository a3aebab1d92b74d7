#!/usr/bin/env bash
# The complete deploy on one machine: candidate, green CI, promotion by digest, proof on the host; and what blocks it.
#
#   scripts/demo-promotion.sh FOLDER    FOLDER holds the built buildinfo-agent and buildinfo-collector
#
# Registry and engine are real, the forge is a stand-in (demo-forge.py). Exits with 0 if and only if every step ended as
# expected. Everything is on loopback and in a temporary folder, and is removed at the end, however it ends.
set -u

readonly old=1f0e9d8c7b6a594837261504f3e2d1c0b9a89786
readonly new=c0ffee5eed1234567890abcdef1234567890abcd
readonly bad=decafbad5eed1234567890abcdef1234567890ab
readonly health='HEALTHCHECK --interval=500ms --retries=1 CMD ["/service", "0"]'
temp='' tag="buildinfo-demo-$$" running='' background=()

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/demo-parts.bash
. "$here/demo-parts.bash"

# --- Beginning and end ----------------------------------------------------------------------------------------------

clean_up() {
    trap '' INT TERM HUP
    stop_group ${running:+"$running"} ${background[@]+"${background[@]}"}
    stop_engine
    [ -z "$temp" ] || rm -rf -- "$temp"
}
# If the demo is killed, a background process cleans up, with the process ids from files.
keep() { background+=("$1"); echo "$1" >> "$temp/background"; }
watch() {
    local self=$BASHPID
    while kill -0 $$ 2> /dev/null; do sleep 1; done
    mapfile -t background < <(grep -vx "$self" "$temp/background")
    running=$(cat "$temp/running" 2> /dev/null)
    engine=$(cat "$temp/engine" 2> /dev/null)
    clean_up
}
trap clean_up EXIT
trap 'say; say "demo: interrupted"; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step() { say; say "--- $*"; }

# Runs a command in the background, so that the demo reacts to signals at once. Its output is shown, and kept in $temp/said;
# its exit code goes to $temp/code.
start() {
    local words=" $*"
    words=${words// "$folder"\// }
    say "    \$${words//"$temp"\//}"
    rm -f "$temp/code"
    set -m
    (
        set +m
        { "$@" < /dev/null 2>&1; echo $? > "$temp/code"; } | tee "$temp/said" | sed -u 's/^/    | /' >&2
    ) &
    running=$!
    set +m
    echo "$running" > "$temp/running"
}
ends_with() { # CODE: waits for the command
    wait "$running"
    rm "$temp/running"
    running=''
    [ "$(cat "$temp/code" 2> /dev/null)" = "$1" ] ||
        fail "the command exited with $(cat "$temp/code" 2> /dev/null || echo a signal), not with $1"
    say "    (exit $1)"
}
says() { grep -qF -- "$1" "$temp/said" || fail "the output does not contain '$1'"; }

await() { # WHAT TEST...: up to 30 seconds
    local what=$1 tries=300
    shift
    until "$@"; do
        [ "$tries" -gt 0 ] || fail "$what: not within 30 seconds"
        sleep 0.1
        tries=$((tries - 1))
    done
}
alive() { kill -0 "${background[-1]}" 2> /dev/null || fail "$1 did not start: $(tail -n 3 "$2")"; }

# --- Registry, forge, host, agent -----------------------------------------------------------------------------------

start_registry() {
    printf '%s\n' 'version: 0.1' 'log: {level: info, accesslog: {disabled: true}}' \
        "storage: {filesystem: {rootdirectory: $temp/registry}}" 'http: {addr: "127.0.0.1:0"}' > "$temp/registry.yml"
    : > "$temp/registry.log"
    set -m
    docker-registry serve "$temp/registry.yml" < /dev/null > "$temp/registry.log" 2>&1 &
    keep $!
    set +m
    registry_address() {
        alive docker-registry "$temp/registry.log"
        registry=$(sed -n 's/.*msg="listening on \(127[0-9.]*:[0-9]*\).*/\1/p' "$temp/registry.log")
        [ -n "$registry" ]
    }
    await "the registry's address" registry_address
    image=$registry/canvas
}
start_forge() {
    mkdir "$temp/forge"
    echo "$old" > "$temp/forge/history"
    echo success > "$temp/forge/status"
    : > "$temp/forge.log"
    set -m
    "$python" "$here/demo-forge.py" "$temp/forge" < /dev/null > "$temp/forge.log" 2>&1 &
    keep $!
    set +m
    forge_address() { alive "the stand-in forge" "$temp/forge.log"; [ -s "$temp/forge/address" ]; }
    await "the forge's address" forge_address
    forge=http://$(cat "$temp/forge/address")
}
# The host's updater: pulls the tag, and recreates the container if the image has changed.
update() {
    local wanted present
    on_engine pull --quiet "$image:latest" > /dev/null 2>&1
    wanted=$(on_engine image inspect --format '{{.Id}}' "$image:latest" 2> /dev/null)
    present=$(on_engine inspect --format '{{.Image}}' canvas 2> /dev/null)
    if [ -z "$wanted" ] || [ "$wanted" = "$present" ]; then return 0; fi
    on_engine rm --force canvas > /dev/null 2>&1
    on_engine run --detach --restart always --network host --name canvas "$image:latest" > /dev/null 2>&1
}
start_host() {
    update
    [ "$(on_engine inspect --format '{{.State.Running}}' canvas 2> /dev/null)" = true ] ||
        fail "the engine could not run the demo's container: $(tail -n 3 "$temp/dockerd.log")"
    : > "$temp/agent.log"
    set -m
    while sleep 1; do update; done < /dev/null &
    keep $!
    "$folder/buildinfo-agent" serve --listen 127.0.0.1:0 --host-id demo-host-1 --host-name host-1 \
        --engine "unix://$socket" --service canvas=container:canvas < /dev/null > /dev/null 2> "$temp/agent.log" &
    keep $!
    set +m
    agent_ready() { alive buildinfo-agent "$temp/agent.log"; grep -q ' Ready' "$temp/agent.log"; }
    await "the agent is ready" agent_ready
    agent=$(sed -n 's/.* Listening address=//p' "$temp/agent.log")
    printf 'service: canvas\nhosts:\n  - {name: host-1, url: "http://%s/buildinfo/canvas", id: demo-host-1}\n' "$agent" \
        > "$temp/fleet.yaml"
}

push() { # COMMIT TAG CHANGE...: as CI does it; the engine forgets the image, and has to pull it
    local commit=$1 reference=$image:$2
    shift 2
    { make_image "$reference" "$commit" "$@" && on_engine push --quiet "$reference" > /dev/null &&
        on_engine rmi "$reference" > /dev/null; } || fail "could not push the image of ${commit:0:12} to $registry"
}
# The digest of a tag, through skopeo: the SHA-256 of the manifest's bytes.
digest() { skopeo inspect --tls-verify=false --raw "docker://$image:$1" | sha256sum | sed 's/ .*//; s/^/sha256:/'; }
serves() { # DIGEST: of the image that the container was created from
    [ "$(on_engine image inspect --format '{{index .RepoDigests 0}}' \
        "$(on_engine inspect --format '{{.Image}}' canvas)" 2> /dev/null)" = "$image@$1" ]
}
commit() { # COMMIT: becomes the head of main
    printf '%s\n' "$1" "$(cat "$temp/forge/history")" > "$temp/forge/history.new"
    mv "$temp/forge/history.new" "$temp/forge/history"
}
ci() { echo "$1" > "$temp/forge/status.new"; mv "$temp/forge/status.new" "$temp/forge/status"; }
in_report() { # PATH VALUE
    local value
    value=$("$python" -c '
import json, sys
value = json.load(open(sys.argv[1]))
for name in sys.argv[2].split("."):
    value = value.get(name) if isinstance(value, dict) else None
print(value if isinstance(value, str) else json.dumps(value))' "$temp/report.json" "$1") || fail "no report"
    [ "$value" = "$2" ] || fail "the report's $1 is $value, not $2"
}

# --- The demo -------------------------------------------------------------------------------------------------------

[ $# -eq 1 ] || fail "usage: scripts/demo-promotion.sh FOLDER, where FOLDER holds buildinfo-agent and buildinfo-collector"
folder=$1
for program in buildinfo-agent buildinfo-collector; do
    [ -x "$folder/$program" ] || fail "$folder/$program not found: run 'swift build' first"
done
[ "$(id -u)" = 0 ] || fail "only root can start the demo's own Docker engine: run 'sudo make demo-promotion'"
for program in docker docker-registry skopeo; do
    command -v "$program" > /dev/null || fail "$program not found: run 'scripts/deps.sh promotion'"
done
python=$(command -v /usr/bin/python3 || command -v python3) || fail "python3 not found: run 'scripts/deps.sh promotion'"
temp=$(mktemp -d "${TMPDIR:-/tmp}/buildinfo-demo.XXXXXX") || fail "cannot create a temporary folder"

# The demo reads and writes nothing of the user's: no settings, no credentials, no proxy, no pipeline variables.
for name in $(compgen -e); do
    case $name in
        GITHUB_* | GITEA_* | GITLAB_* | CI | CI_* | BUILDINFO_* | REGISTRY_* | DOCKER_* | XDG_* | STATE_DIRECTORY | \
            PROD_AUTO_DEPLOY_DISABLED | *_proxy | *_PROXY) unset "$name" ;;
    esac
done
mkdir "$temp/home" || fail "cannot write in $temp"
set -m
watch < /dev/null > /dev/null 2>&1 &
keep $!
set +m
export HOME=$temp/home GITEA_TOKEN=a-token-of-the-demo

say "The complete deploy, on one machine: candidate, green CI, promotion by digest, proof on the host."
step "An old build ${old:0:12} is :latest, and runs in a container. The agent reads the engine and reports it."
start_engine
make_service || fail "cannot write in $temp"
start_registry
start_forge
push "$old" "staging-$old" "$health"
# :latest was set without a promotion, so the ledger does not contain it.
{ skopeo copy --quiet --src-tls-verify=false --dest-tls-verify=false --preserve-digests \
    "docker://$image:staging-$old" "docker://$image:latest" > "$temp/skopeo.log" 2>&1; } ||
    fail "skopeo could not copy an image: $(tail -n 3 "$temp/skopeo.log")"
start_host
collector=$folder/buildinfo-collector
# Options that are the same for every step are set in the environment, as in a pipeline.
export BUILDINFO_FLEET=$temp/fleet.yaml BUILDINFO_STORE=$temp/ledger.db BUILDINFO_SOAK=3s BUILDINFO_INTERVAL=500ms \
    BUILDINFO_TIMEOUT=60s BUILDINFO_FORGE=gitea BUILDINFO_FORGE_URL=$forge BUILDINFO_REPOSITORY=acme/canvas \
    BUILDINFO_CONTEXT=ci BUILDINFO_BRANCH=main BUILDINFO_KILL_SWITCH=gitea-variable:DEPLOY_HOLD \
    BUILDINFO_CI_INTERVAL=500ms BUILDINFO_BY=demo
former=$(digest latest)
start "$collector" status --sha "$old" --digest "$former" --store none
ends_with 0
says "${old:0:12}"

step "main moves on to ${new:0:12}. CI builds it and pushes :staging-${new:0:12}…. The tests still run: the gate waits."
commit "$new"
ci pending
push "$new" "staging-$new" "$health"
start "$collector" wait-ci --sha "$new"
await "wait-ci reports that CI is pending" grep -q pending "$temp/said"
ci success
ends_with 0
candidate=$(digest "staging-$new")

step "A dry run checks everything, shows what a promotion would do, and writes nothing."
start "$collector" promote --image "$image" --sha "$new" --dry-run
ends_with 0
says 'nothing was written'
[ "$(digest latest)" = "$former" ] || fail "the dry run moved $image:latest"

step "The real promotion: the gate, the tag by digest, and the proof on every host. The host pulls :latest once a second."
start "$collector" promote --image "$image" --sha "$new" --report "json=$temp/report.json"
ends_with 0
says "CANVAS_IMAGE_TAG=staging-$new@$candidate"
in_report verdict converged
serves "$candidate" || fail "the host's container is not of $candidate"
say "    skopeo reads :staging-${new:0:12}… as $(digest "staging-$new")"
say "    skopeo reads :latest           as $(digest latest)"
[ "$(digest latest)" = "$candidate" ] || fail "$image:latest is not $candidate"

step "${bad:0:12} is next. It passes its tests, but crashes at every start. The kill switch is on: nothing moves."
commit "$bad"
push "$bad" "staging-$bad" 'CMD ["/service", "1"]' "$health"
echo 1 > "$temp/forge/hold"
start "$collector" promote --image "$image" --sha "$bad" --rollback-on failed_deploy
ends_with 41
says 'the kill switch is on'
[ "$(digest latest)" = "$candidate" ] || fail "$image:latest was moved regardless"
serves "$candidate" || fail "the host's container is not of $candidate any more"

step "The kill switch is off. The crash loop is detected; the tag is put back, journalled, and the rollback is verified."
rm "$temp/forge/hold"
start "$collector" promote --image "$image" --sha "$bad" --rollback-on failed_deploy --report "json=$temp/report.json"
ends_with 20
in_report verdict failed_deploy
in_report promotion.rollback.verdict converged
in_report promotion.rollback.digest "$candidate"
in_report promotion.rollback.generation 3
[ "$(digest latest)" = "$candidate" ] || fail "$image:latest was not put back to $candidate"
serves "$candidate" || fail "the host's container is not of $candidate again"

step "In the end the registry, the ledger and the host agree."
start "$collector" status --image "$image:latest"
ends_with 0
says 'drift      none'

say
say "Result: ${new:0:12} was promoted by its digest once CI was green, and is proven on the host."
say "The kill switch blocked the next build (41). Without it, its crash loop was detected (20) and rolled back, without drift."
