#!/usr/bin/env bash
# A deploy that fails on one host of five, and the gate that detects it.
#
#   scripts/demo.sh FOLDER          FOLDER holds the built buildinfo-agent and buildinfo-collector
#   DOCKER=1 scripts/demo.sh FOLDER the same with containers on a real engine
#
# Exits with 0 if and only if the verification exited with 10 and named the one host that stayed behind.
# Needs bash and POSIX tools. It removes everything that it starts, however it ends.
set -u

readonly hosts=5 straggler=host-5
readonly old=1f0e9d8c7b6a594837261504f3e2d1c0b9a89786
readonly new=c0ffee5eed1234567890abcdef1234567890abcd
agents=() verification='' port='' temp=''
target=(--sha "$new") limit=20s

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/demo-parts.bash
. "$here/demo-parts.bash"

# --- The deployment: files, unless demo-docker.sh replaces it -------------------------------------------------------

# A digest for a simulated build: it is never pulled, and only has to differ between commits.
digest_of() { printf 'sha256:%s' "$1" | sed 's/$/000000000000000000000000/'; }
write_build() { # HOST COMMIT: atomically, as a careful deploy does it
    printf '{"git_sha": "%s", "digest": "%s", "state": "serving"}\n' "$2" "$(digest_of "$2")" > "$temp/$1.new" &&
        mv "$temp/$1.new" "$temp/$1.json"
}
prepare() {
    target+=(--digest "$(digest_of "$new")")
    for ((number = 1; number <= hosts; number++)); do write_build "host-$number" "$old" || fail "cannot write in $temp"; done
    say "Five hosts serve the old build ${old:0:12}; a buildinfo-agent on each reports it."
}
agent_flags() { printf '%s\n' --service "canvas=file:$temp/$1.json"; }
deploy() { write_build "$1" "$new"; }
stay_behind() { :; }
clean_up_deployment() { :; }

# shellcheck source=scripts/demo-docker.sh
if [ "${DOCKER:-0}" = 1 ]; then . "$here/demo-docker.sh"; fi

# --- Beginning and end ----------------------------------------------------------------------------------------------

clean_up() {
    trap '' INT TERM HUP
    stop_group ${verification:+"$verification"} ${agents[@]+"${agents[@]}"}
    clean_up_deployment
    [ -z "$temp" ] || rm -rf -- "$temp"
}
trap clean_up EXIT
trap 'say; say "demo: interrupted"; exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

start_agents() { # Tries one port after another until it is free on all five addresses.
    local number address tries pid flags
    for ((port = 9480; port < 9500; port++)); do
        agents=()
        for ((number = 1; number <= hosts; number++)); do
            address=127.0.0.$((10 + number)):$port
            mapfile -t flags < <(agent_flags "host-$number")
            set -m
            "$folder/buildinfo-agent" serve --listen "$address" --host-id "demo-host-$number" \
                --host-name "host-$number" "${flags[@]}" < /dev/null > /dev/null 2> "$temp/agent-$number.log" &
            agents+=($!)
            set +m
        done
        tries=300
        while [ "$tries" -gt 0 ]; do
            [ "$(cat "$temp"/agent-*.log | grep -c ' Ready')" -lt "$hosts" ] || return 0
            for pid in "${agents[@]}"; do kill -0 "$pid" 2> /dev/null || break 2; done
            sleep 0.1
            tries=$((tries - 1))
        done
        stop_group "${agents[@]}"
        agents=()
        grep -qi 'in use' "$temp"/agent-*.log || break
    done
    fail "the agents did not start: $(cat "$temp"/agent-*.log | head -n 3)"
}
write_fleet() {
    printf 'service: canvas\nhosts:\n'
    for ((number = 1; number <= hosts; number++)); do
        printf '  - {name: host-%s, url: "http://127.0.0.%s:%s/buildinfo/canvas", id: demo-host-%s}\n' \
            "$number" $((10 + number)) "$port" "$number"
    done
}
# On a terminal, other output would corrupt the live progress.
narrate() { [ -t 2 ] || say "        $*"; }
# Prints 'host-1 converged' and so on from the JSON report: a host's own fields are indented by six spaces, deeper ones by more.
statuses() {
    sed -n '/^  "hosts" *: *\[/,/^  \]/p' "$1" |
        sed -n -e 's/^      "status" *: *"\([a-z_]*\)".*/status \1/p' -e 's/^      "name" *: *"\([^"]*\)".*/name \1/p' |
        awk '$1 == "status" {status = $2} $1 == "name" {name = $2} status && name {print name, status; status = name = ""}' |
        sort
}

# --- The demo -------------------------------------------------------------------------------------------------------

[ $# -eq 1 ] || fail "usage: scripts/demo.sh FOLDER, where FOLDER holds buildinfo-agent and buildinfo-collector"
folder=$1
for program in buildinfo-agent buildinfo-collector; do
    [ -x "$folder/$program" ] || fail "$folder/$program not found: run 'swift build' first"
done
temp=$(mktemp -d "${TMPDIR:-/tmp}/buildinfo-demo.XXXXXX") || fail "cannot create a temporary folder"

say "A deploy that fails on one host of five, and the gate that detects it."
say
prepare
start_agents
write_fleet > "$temp/fleet.yaml"
say "The pipeline promotes ${new:0:12} and polls every host until each is proven to serve it:"
say "    buildinfo-collector verify --fleet fleet.yaml ${target[*]} --timeout $limit"
say "Meanwhile four hosts are deployed, one every two seconds. The deploy of $straggler does nothing."
say
set -m
"$folder/buildinfo-collector" verify --fleet "$temp/fleet.yaml" "${target[@]}" --timeout "$limit" --interval 500ms \
    --soak 2s --store "$temp/ledger.db" --report "json=$temp/report.json" < /dev/null >&2 &
verification=$!
set +m
stay_behind
for ((number = 1; number < hosts; number++)); do
    sleep 2
    deploy "host-$number" || fail "could not deploy to host-$number"
    narrate "(host-$number is deployed)"
done
wait "$verification"
code=$?
verification=''
say

expected=$(for ((number = 1; number < hosts; number++)); do printf 'host-%s converged\n' "$number"; done; echo "$straggler straggler")
found=$([ ! -r "$temp/report.json" ] || statuses "$temp/report.json")
if [ "$code" -ne 10 ]; then fail "verify ended with $code, not with 10"; fi
if [ "$found" != "$expected" ]; then
    fail "expected four converged hosts and $straggler as straggler in the JSON report, found:"$'\n'"$found"
fi
say "Result: the deploy claimed success, and verify exited with 10, which stops a pipeline."
say "Four hosts are proven to serve the promoted build. The report names the straggler, $straggler, and the remedy."
