#!/usr/bin/env bash
# The ordered deploy on one machine: candidate, green CI, promoted by digest, proven on the host; and what holds it.
#
#   scripts/demo-promotion.sh FOLDER    FOLDER holds the built buildinfo-agent and buildinfo-collector
#
# Registry and engine are real, the forge is a stand-in (demo-forge.py). Ends with 0 exactly when every step ended as it
# should. Everything is on loopback and in a folder of the demo's own, and gone when it ends, however it ends.
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
# Killed, the demo cannot clean up: what waits beside it does, with what it was told.
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

# Runs a command in the background, so that a signal to the demo is heard at once. What it says is shown, and is in
# $temp/said; its exit code will be in $temp/code.
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
ends_with() { # CODE: waits for what was started
    wait "$running"
    rm "$temp/running"
    running=''
    [ "$(cat "$temp/code" 2> /dev/null)" = "$1" ] ||
        fail "that ended with $(cat "$temp/code" 2> /dev/null || echo a signal), not with $1"
    say "    (exit $1)"
}
says() { grep -qF -- "$1" "$temp/said" || fail "that did not say '$1'"; }

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
    await "the registry says its address" registry_address
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
    await "the forge says its address" forge_address
    forge=http://$(cat "$temp/forge/address")
}
# What a host's updater does: pulls the tag, and makes the container anew where it is another image.
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
        fail "the engine did not run the demo's container: $(tail -n 3 "$temp/dockerd.log")"
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

push() { # COMMIT TAG CHANGE...: as CI does it; the engine then knows the image no more, and has to pull it
    local commit=$1 reference=$image:$2
    shift 2
    { make_image "$reference" "$commit" "$@" && on_engine push --quiet "$reference" > /dev/null &&
        on_engine rmi "$reference" > /dev/null; } || fail "the image of ${commit:0:12} could not be pushed to $registry"
}
# What skopeo makes of a tag: the SHA-256 of the manifest's bytes is the digest.
digest() { skopeo inspect --tls-verify=false --raw "docker://$image:$1" | sha256sum | sed 's/ .*//; s/^/sha256:/'; }
serves() { # DIGEST: what the container was made from
    [ "$(on_engine image inspect --format '{{index .RepoDigests 0}}' \
        "$(on_engine inspect --format '{{.Image}}' canvas)" 2> /dev/null)" = "$image@$1" ]
}
commit() { # COMMIT: main goes on to it
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
print(value if isinstance(value, str) else json.dumps(value))' "$temp/report.json" "$1") || fail "there is no report"
    [ "$value" = "$2" ] || fail "the report's $1 is $value, not $2"
}

# --- The demo -------------------------------------------------------------------------------------------------------

[ $# -eq 1 ] || fail "usage: scripts/demo-promotion.sh FOLDER, where FOLDER holds buildinfo-agent and buildinfo-collector"
folder=$1
for program in buildinfo-agent buildinfo-collector; do
    [ -x "$folder/$program" ] || fail "there is no program $folder/$program: run 'swift build' first"
done
[ "$(id -u)" = 0 ] || fail "only root can start the demo's own Docker engine: run 'sudo make demo-promotion'"
for program in docker docker-registry skopeo; do
    command -v "$program" > /dev/null || fail "there is no $program: run 'scripts/deps.sh promotion'"
done
python=$(command -v /usr/bin/python3 || command -v python3) || fail "there is no python3: run 'scripts/deps.sh promotion'"
temp=$(mktemp -d "${TMPDIR:-/tmp}/buildinfo-demo.XXXXXX") || fail "cannot make a temporary folder"

# Nothing of the user's is read or written: no settings, no credentials, no proxy, no pipeline's variables.
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

say "The ordered deploy, on one machine: candidate, green CI, promoted by digest, proven on the host."
step "An old build ${old:0:12} is :latest, and runs in a container. The agent beside it reads the engine and says so."
start_engine
make_service || fail "cannot write in $temp"
start_registry
start_forge
push "$old" "staging-$old" "$health"
# How it became :latest, nobody knows any more: no ledger has it.
{ skopeo copy --quiet --src-tls-verify=false --dest-tls-verify=false --preserve-digests \
    "docker://$image:staging-$old" "docker://$image:latest" > "$temp/skopeo.log" 2>&1; } ||
    fail "skopeo could not copy an image: $(tail -n 3 "$temp/skopeo.log")"
start_host
collector=$folder/buildinfo-collector
# What is the same for every step stands in the environment, as a pipeline has it.
export BUILDINFO_FLEET=$temp/fleet.yaml BUILDINFO_STORE=$temp/ledger.db BUILDINFO_SOAK=3s BUILDINFO_INTERVAL=500ms \
    BUILDINFO_TIMEOUT=60s BUILDINFO_FORGE=gitea BUILDINFO_FORGE_URL=$forge BUILDINFO_REPOSITORY=acme/canvas \
    BUILDINFO_CONTEXT=ci BUILDINFO_BRANCH=main BUILDINFO_KILL_SWITCH=gitea-variable:DEPLOY_HOLD \
    BUILDINFO_CI_INTERVAL=500ms BUILDINFO_BY=demo
former=$(digest latest)
start "$collector" status --sha "$old" --digest "$former" --store none
ends_with 0
says "${old:0:12}"

step "main moves on to ${new:0:12}. CI builds it, pushes :staging-${new:0:12}…, and its tests still run: the gate waits."
commit "$new"
ci pending
push "$new" "staging-$new" "$health"
start "$collector" wait-ci --sha "$new"
await "wait-ci says that CI is pending" grep -q pending "$temp/said"
ci success
ends_with 0
candidate=$(digest "staging-$new")

step "What would a promotion do? A dry run reads everything and writes nothing."
start "$collector" promote --image "$image" --sha "$new" --dry-run
ends_with 0
says 'nothing was written'
[ "$(digest latest)" = "$former" ] || fail "the dry run moved $image:latest"

step "Then in earnest: the gate, the tag by digest, and every host proven. The host pulls :latest once a second."
start "$collector" promote --image "$image" --sha "$new" --report "json=$temp/report.json"
ends_with 0
says "CANVAS_IMAGE_TAG=staging-$new@$candidate"
in_report verdict converged
serves "$candidate" || fail "the host's container is not of $candidate"
say "    skopeo reads :staging-${new:0:12}… as $(digest "staging-$new")"
say "    skopeo reads :latest           as $(digest latest)"
[ "$(digest latest)" = "$candidate" ] || fail "$image:latest is not $candidate"

step "${bad:0:12} comes next. It passes its tests, and will crash at every start. Somebody holds deploys: nothing moves."
commit "$bad"
push "$bad" "staging-$bad" 'CMD ["/service", "1"]' "$health"
echo 1 > "$temp/forge/hold"
start "$collector" promote --image "$image" --sha "$bad" --rollback-on failed_deploy
ends_with 41
says 'the kill switch is on'
[ "$(digest latest)" = "$candidate" ] || fail "$image:latest was moved all the same"
serves "$candidate" || fail "the host's container is not of $candidate any more"

step "The hold is lifted. The crash loop is seen; the tag is put back, journalled, and the way back is verified, too."
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
say "What there was to be seen: ${new:0:12} was promoted by its digest once CI was green, and is proven on the host."
say "A hold stopped the next one (41). Without it, its crash loop was caught (20) and undone, and nothing drifted."
