#!/usr/bin/env bash
# The collector as a service, with a made-up fleet of 60 hosts, until Ctrl-C.
#
#   scripts/demo-service.sh FOLDER    FOLDER holds the built buildinfo-collector and buildinfo-fleet
#
# Two services in two environments. Every host is proven to serve the old build; then the new one is promoted in staging,
# which goes well, and in production, where three hosts stay behind. The service keeps running, to be looked at.
#
# Ctrl-C ends it within two seconds: with 0 if both promotions ended as they should, and with 130 before that. SIGTERM ends
# it with 143. A step that ends otherwise ends the demo with 1. Needs bash, curl and POSIX tools, and as root nothing else
# (buildinfo-fleet needs root before Linux 5.7). It listens on loopback only, and removes everything that it starts.
set -u

readonly old=91c07be2aa04d1f3b5e6978899aabbccddeeff00
readonly new=3f2a90be11d2c3b4a5968778695a4b3c2d1e0f90
# SERVICE ENVIRONMENT HOSTS
readonly fleets=('canvas production 32' 'canvas staging 8' 'gateway production 16' 'gateway staging 4')
# Hosts of canvas in production by number, and what became of their deploy: nothing.
readonly stranded=(7 19 28)
service='' hosts=() port='' temp='' code=130

here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd)
# shellcheck source=scripts/demo-parts.bash
. "$here/demo-parts.bash"
# shellcheck disable=SC2034
patience=10

clean_up() {
    trap '' INT TERM HUP
    # Closes the pipes to the fleets.
    for pipe in ${pipes[@]+"${pipes[@]}"}; do exec {pipe}>&-; done
    stop_group ${service:+"$service"} ${hosts[@]+"${hosts[@]}"}
    [ -z "$temp" ] || rm -rf -- "$temp"
}
trap clean_up EXIT
trap 'say; say "demo: stopped"; exit "$code"' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

digest_of() { printf 'sha256:%s000000000000000000000000' "$1"; }

# --- Fleets: one process plays the hosts of one fleet, and takes its steps from a pipe --------------------------------

declare -A pipes=()

start_fleet() { # SERVICE ENVIRONMENT HOSTS
    local name=$1-$2 descriptor
    mkfifo "$temp/$name.pipe" || fail "cannot write in $temp"
    set -m
    "$folder/buildinfo-fleet" --hosts "$3" --port 0 --service "$1" --sha "$new" --digest "$(digest_of "$new")" \
        --former-sha "$old" --former-digest "$(digest_of "$old")" --ready-file "$temp/$name.port" --script - \
        < "$temp/$name.pipe" > "$temp/$name.log" 2>&1 &
    hosts+=($!)
    set +m
    exec {descriptor}> "$temp/$name.pipe"
    pipes[$name]=$descriptor
}
play() { # SERVICE-ENVIRONMENT STEP...
    local descriptor=${pipes[$1]}
    shift
    printf '%s\n' "$@" >&"$descriptor"
}
write_inventory() { # SERVICE ENVIRONMENT HOSTS
    local number port
    wait_for "$temp/$1-$2.port" "the hosts of $1 in $2 did not start: $(head -n 3 "$temp/$1-$2.log")"
    read -r port < "$temp/$1-$2.port"
    printf 'service: %s\nhosts:\n' "$1"
    for ((number = 1; number <= $3; number++)); do
        printf '  - {name: %s-%s-%02d, url: "http://127.1.0.%d:%s/buildinfo", labels: {region: %s, group: %s}}\n' \
            "$1" "$2" "$number" "$number" "$port" "$([ $((number % 2)) = 0 ] && echo eu || echo us)" \
            "$([ "$number" -le 2 ] && echo canary || echo main)"
    done
}
wait_for() { # FILE PROBLEM: until the file has a line
    local tries=300
    until [ -s "$1" ]; do
        [ "$tries" -gt 0 ] || fail "$2"
        sleep 0.1
        tries=$((tries - 1))
    done
}

# --- The service ------------------------------------------------------------------------------------------------------

write_configuration() { # PORT
    printf 'listen: ["127.0.0.1:%s"]\nstore: %s\n' "$1" "$temp/ledger.db"
    printf 'access:\n  tokens: [{file: %s, scopes: [read, verify]}]\nfleets:\n' "$temp/token"
    for fleet in "${fleets[@]}"; do
        read -r name environment _ <<< "$fleet"
        printf '  - service: %s\n    environment: %s\n    inventory: %s\n' "$name" "$environment" "$temp/$name-$environment.yaml"
        printf '    policy: {timeout: 20s, soak: 2s, interval: 500ms}\n    check: {interval: 5s}\n'
    done
}
start_service() { # On the first free port: the usual one, or one after it, or any.
    local try tries
    for try in 9490 9491 9492 9493 0; do
        write_configuration "$try" > "$temp/collector.yaml"
        set -m
        "$folder/buildinfo-collector" serve --config "$temp/collector.yaml" < /dev/null > /dev/null 2> "$temp/service.log" &
        service=$!
        set +m
        tries=300
        while [ "$tries" -gt 0 ] && kill -0 "$service" 2> /dev/null; do
            port=$(sed -n 's/.* Listening .*address=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$temp/service.log")
            if [ -n "$port" ] && grep -q ' Ready' "$temp/service.log"; then return 0; fi
            sleep 0.1
            tries=$((tries - 1))
        done
        stop_group "$service"
        service=''
        grep -q 'cannot listen' "$temp/service.log" || break
    done
    fail "the service did not start: $(tail -n 3 "$temp/service.log")"
}
ask() { # PATH [CURL OPTION...]
    local path=$1
    shift
    curl -q -sS --noproxy '*' --max-time 10 -H @"$temp/authorization" "$@" "http://127.0.0.1:$port$path" 2>> "$temp/curl.log"
}
verify() { # SERVICE ENVIRONMENT COMMIT: prints the id of the verification
    ask /api/v1/verifications -H 'Content-Type: application/json' -H "Idempotency-Key: $1-$2-$3" -d "$(
        printf '{"service": "%s", "environment": "%s", "git_sha": "%s", "digest": "%s"}' "$1" "$2" "$3" "$(digest_of "$3")"
    )" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p'
}
expect() { # ID VERDICT: waits for the end of a verification
    local answer verdict tries=60
    [ -n "$1" ] || fail "the service refused a verification: $(tail -n 3 "$temp/service.log" "$temp/curl.log")"
    # Short holds: bash notices Ctrl-C between two commands.
    while answer=$(ask "/api/v1/verifications/$1" -H 'Prefer: wait=1') && [ "$tries" -gt 0 ]; do
        case $answer in *'"state":"finished"'*) break ;; esac
        sleep 0.5
        tries=$((tries - 1))
    done
    verdict=$(printf '%s\n' "$answer" | sed -n 's/^  "verdict" *: *"\([a-z_]*\)".*/\1/p')
    [ "$verdict" = "$2" ] || fail "the verdict of $1 is '$verdict', not $2"
}

# --- The demo ---------------------------------------------------------------------------------------------------------

[ $# -eq 1 ] || fail "usage: scripts/demo-service.sh FOLDER, where FOLDER holds buildinfo-collector and buildinfo-fleet"
folder=$1
for program in buildinfo-collector buildinfo-fleet; do
    [ -x "$folder/$program" ] || fail "$folder/$program not found: run 'make demo-service'"
done
command -v curl > /dev/null || fail "curl not found: apt-get install curl"
temp=$(mktemp -d "${TMPDIR:-/tmp}/buildinfo-demo.XXXXXX") || fail "cannot create a temporary folder"
od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' > "$temp/token"
chmod 600 "$temp/token"
printf 'Authorization: Bearer %s\n' "$(cat "$temp/token")" > "$temp/authorization"

for fleet in "${fleets[@]}"; do
    # shellcheck disable=SC2086
    start_fleet $fleet
done
for fleet in "${fleets[@]}"; do
    read -r name environment count <<< "$fleet"
    write_inventory "$name" "$environment" "$count" > "$temp/$name-$environment.yaml"
done
start_service
say "The collector as a service: 60 hosts of canvas and gateway, in staging and production."
say
say "    http://127.0.0.1:$port/"
say
say "1. Four verifications prove that every host serves the old build, ${old:0:7}."
ids=()
for fleet in "${fleets[@]}"; do
    read -r name environment _ <<< "$fleet"
    ids+=("$(verify "$name" "$environment" "$old")")
done
for id in "${ids[@]}"; do expect "$id" converged; done
say "   converged"
say "2. ${new:0:7} is promoted in staging. All 8 hosts of canvas are deployed."
id=$(verify canvas staging "$new")
play canvas-staging '0s all roll 4s'
say "   http://127.0.0.1:$port/verifications/$id"
expect "$id" converged
say "   converged (exit 0)"
say "3. It is promoted in production. The deploy does nothing on ${#stranded[@]} of 32 hosts."
id=$(verify canvas production "$new")
for ((number = 1, step = 0; number <= 32; number++)); do
    case " ${stranded[*]} " in *" $number "*) continue ;; esac
    play canvas-production "$((step / 4)).$((step % 4 * 25))s $number target"
    step=$((step + 1))
done
say "   http://127.0.0.1:$port/verifications/$id"
expect "$id" stragglers
say "   stragglers (exit 10): a pipeline that asked would have stopped. The page names the three hosts, and the remedy."
say
say "The service checks all hosts every 5 seconds. Ctrl-C ends it, and removes everything."
code=0
wait "$service"
fail "the service ended: $(tail -n 3 "$temp/service.log")"
