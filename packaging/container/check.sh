#!/usr/bin/env bash
# Checks the images in a folder that build.py wrote: their form; that the same programs make the same bytes; and that they prove
# a container on a real engine, pulled from a registry, without a right that they do not need. As root. Starts an engine and a
# registry of its own. Usage: check.sh FOLDER --agent FILE --collector FILE
set -euo pipefail
folder=$(realpath "$1")
shift
programs=()
for argument in "$@"; do
    [[ $argument == --* ]] || argument=$(realpath "$argument")
    programs+=("$argument")
done
tree=$(cd "$(dirname "$0")/../.." && pwd)
temp=$(mktemp -d /tmp/buildinfo-images.XXXXXX)
# shellcheck source=scripts/demo-parts.bash
. "$tree/scripts/demo-parts.bash"
tag=${temp##*/}
registry='' proxy='' status=0 sha=3f2a90be11d2c4a5968778695a4b3c2d1e0f9a8b
fail() { say "check.sh: $*"; exit 1; }
clean() {
    [ -z "$engine" ] || on_engine ps -aq 2>/dev/null | xargs -r docker --host "unix://$socket" rm -f >/dev/null 2>&1
    stop_engine
    [ -z "$registry" ] || stop_group "$registry"
    [ -z "$proxy" ] || stop_group "$proxy"
    rm -rf "$temp"
}
trap 'status=$?; set +e; clean; exit "$status"' EXIT
passed() { echo "ok  $*"; }
until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.2; done
}

"$tree/packaging/container/check-layout.py" "$folder" "$(git -C "$tree" rev-parse HEAD)" || fail "the layouts are wrong"
passed "form of the layouts, bills of materials, certificates"

(umask 077 && cd / && TZ=Pacific/Kiritimati LC_ALL=C "$tree/packaging/container/build.py" "${programs[@]}" --out "$temp/again" >/dev/null)
diff -r "$folder" "$temp/again" || fail "built a second time, the images differ"
passed "a second build makes the same bytes"

# The same image as of another machine's architecture, to join with.
other_machine() { # PART
    python3 - "$temp/again/$1" <<'END'
import hashlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
blobs = folder / "blobs/sha256"
def write(content):
    content = json.dumps(content, sort_keys=True).encode()
    (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
    return {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
layout = json.loads((folder / "index.json").read_text())
place = blobs / layout["manifests"][0]["digest"].split(":")[1]
index = json.loads(place.read_text())
place.unlink()
index["manifests"][0]["platform"]["architecture"] = "riscv64"
layout["manifests"][0].update(write(index))
(folder / "index.json").write_text(json.dumps(layout))
END
}
other_machine agent
other_machine collector
build=$tree/packaging/container/build.py
"$build" --join "$folder" "$temp/again" --out "$temp/joined" >/dev/null
"$build" --join "$temp/again" "$folder" --out "$temp/joined-too" >/dev/null
diff -r "$temp/joined" "$temp/joined-too" || fail "the order of --join's folders changes the result"
[ "$(skopeo inspect --raw "oci:$temp/joined/agent" | grep -o '"architecture": "[a-z0-9]*"' | xargs)" = \
    "architecture: $(dpkg --print-architecture) architecture: riscv64 architecture: unknown architecture: unknown" ] ||
    fail "--join: $(skopeo inspect --raw "oci:$temp/joined/agent")"
if "$build" --join "$folder" "$folder" --out "$temp/joined-twice" 2>"$temp/join.log"; then fail "--join took one platform twice"; fi
grep -q 'as another one is' "$temp/join.log" || fail "--join, the same platform twice: no reason"
passed "layouts of two architectures join into one index, in any order"

for ((tries = 0; tries < 20; tries++)); do
    authority=127.0.0.1:$((20000 + RANDOM % 12000))
    printf '%s\n' 'version: 0.1' 'log: {level: warn, accesslog: {disabled: true}}' \
        "storage: {filesystem: {rootdirectory: $temp/storage}}" "http: {addr: '$authority'}" >"$temp/registry.yml"
    set -m
    docker-registry serve "$temp/registry.yml" </dev/null >"$temp/registry.log" 2>&1 &
    registry=$!
    set +m
    until_true 10 curl -fsS "http://$authority/v2/" && kill -0 "$registry" 2>/dev/null && break
    stop_group "$registry"
    registry=''
done
[ -n "$registry" ] || fail "the registry did not start"
version=$(skopeo inspect --raw "oci:$folder/agent" | python3 -c '
import json, sys; print(json.load(sys.stdin)["annotations"]["org.opencontainers.image.version"])')
for part in agent collector; do
    skopeo copy -q --all --dest-tls-verify=false "oci:$folder/$part" "docker://$authority/buildinfo-$part:$version"
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$authority/buildinfo-$part:$version" | sha256sum)" = \
        "$(skopeo inspect --raw "oci:$folder/$part" | sha256sum)" ] || fail "the registry has another index of $part"
done
passed "skopeo copies both, with their attestations, and the registry has the same indexes"

start_engine
# As on hosts, where it belongs to the group docker. This one is in no file.
group=42042
chgrp "$group" "$socket"
chmod 660 "$socket"
make_service
make_image canvas:1 "$sha"
on_engine run --detach --network host --name canvas --label com.docker.compose.service=canvas \
    --label com.docker.compose.project=shop canvas:1 >/dev/null
agent=$authority/buildinfo-agent:$version collector=$authority/buildinfo-collector:$version
for image in "$agent" "$collector"; do on_engine pull -q "$image" >/dev/null; done

confined=(--read-only --user 65532 --cap-drop ALL --security-opt no-new-privileges --network host)
machine=$temp/machine-id
tr -d - </proc/sys/kernel/random/uuid >"$machine"
token=$temp/token
echo "token-of-this-check-$RANDOM" >"$token"
chown 65532 "$token"
chmod 400 "$token"
port=$((32000 + RANDOM % 12000))
scheme=http tls_flags=()
run_agent() { # SOCKET MOUNT-TARGET [DOCKER-FLAG...]
    local source=$1 target=$2
    shift 2
    on_engine rm -f agent >/dev/null 2>&1 || true
    on_engine run --detach --name agent "${confined[@]}" --volume "$source:$target:ro" --volume "$machine:/etc/machine-id:ro" \
        "$@" "$agent" serve --listen "127.0.0.1:$port" --service canvas=compose:shop/canvas ${tls_flags[@]+"${tls_flags[@]}"} >/dev/null
    until_true 30 curl -fsSk "$scheme://127.0.0.1:$port/healthz" || fail "the agent does not answer: $(on_engine logs agent 2>&1 | tail -n 3)"
}
document_with_token() { curl -fsS -H "Authorization: Bearer $(cat "$token")" "http://127.0.0.1:$port/buildinfo?nonce=1"; }
document() { curl -fsS "http://127.0.0.1:$port/buildinfo?nonce=1"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1]))' "$1"; }
store=(--store none)
proves() { # EXPECTED-EXIT-CODE COMMIT [DOCKER-FLAG...]
    local expected=$1 commit=$2 code=0
    shift 2
    on_engine run --rm "${confined[@]}" "$@" "$collector" verify --service canvas \
        --host "$scheme://localhost:$port/buildinfo/canvas" --sha "$commit" --soak 1s --timeout 15s --progress plain --report json=- "${store[@]}" ${token_flags[@]+"${token_flags[@]}"} \
        >"$temp/verify.json" 2>"$temp/verify.log" || code=$?
    [ "$code" = "$expected" ] || fail "the collector ends with $code instead of $expected: $(tail -n 3 "$temp/verify.log")"
}
token_flags=()

# Most hosts mount /var/run/docker.sock, and the agent looks in /run.
run_agent "$socket" /var/run/docker.sock --group-add "$group"
[ "$(document | field git_sha)" = "$sha" ] || fail "the agent does not report the container: $(document)"
proves 0 "$sha"
proves 10 "${sha//3/4}"
grep -q straggler "$temp/verify.json" || fail "the report names no straggler"
passed "read-only, without root and capabilities: the agent reports a container, the collector proves it, and no other build"
store=(--store /var/lib/buildinfo/ledger.db)
proves 64 "$sha"
grep -q 'use --store none' "$temp/verify.log" || fail "no remedy for a ledger that cannot be written: $(cat "$temp/verify.log")"
proves 0 "$sha" --volume ledger:/var/lib/buildinfo
store=(--store none)
on_engine run --rm "${confined[@]}" --volume ledger:/var/lib/buildinfo "$collector" history >"$temp/history.log" 2>&1 ||
    fail "history: $(tail -n 1 "$temp/history.log")"
grep -q converged "$temp/history.log" || fail "a named volume does not keep the ledger: $(cat "$temp/history.log")"
passed "a named volume keeps the ledger, and without one the collector asks for it"
# OpenShift and others give any user, in group 0.
on_engine run --rm "${confined[@]}" --user 1000680000:0 --volume another:/var/lib/buildinfo "$collector" \
    verify --service canvas --host "http://127.0.0.1:$port/buildinfo/canvas" --sha "$sha" --soak 1s --timeout 15s --progress none >"$temp/any.log" 2>&1 ||
    fail "under another user: $(tail -n 3 "$temp/any.log")"
passed "any user of group 0 can run the collector"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$temp/tls.key" -out "$temp/tls.crt" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
chown 65532 "$temp/tls.key"
scheme=https tls_flags=(--tls-certificate /tls.crt --tls-key /tls.key)
run_agent "$socket" /run/docker.sock --group-add "$group" --volume "$temp/tls.crt:/tls.crt:ro" --volume "$temp/tls.key:/tls.key:ro"
proves 30 "$sha"
grep -q certificate "$temp/verify.json" || fail "no word of the certificate: $(cat "$temp/verify.json")"
proves 0 "$sha" --volume "$temp/tls.crt:/etc/ssl/certs/ca-certificates.crt:ro"
passed "TLS: the collector verifies with the image's certificates, or those that are mounted over them"
scheme=http tls_flags=()

run_agent "$socket" /run/docker.sock
[ "$(document | field state)" = unknown ] || fail "without the socket's group, the state is not unknown: $(document)"
proves 30 "$sha"
passed "without the socket's group, nothing is proven: $(document | field reason | cut -c 1-120)"
on_engine rm -f agent >/dev/null

if on_engine run --rm --entrypoint /bin/sh "$agent" >"$temp/shell.log" 2>&1; then fail "the image has a shell"; fi
if on_engine run --rm "${confined[@]}" --env BUILDINFO_SERVICE=canvas=compose:canvas --volume "$machine:/etc/machine-id:ro" \
    "$agent" >"$temp/anonymous.log" 2>&1; then fail "the agent listens beyond loopback without a token"; fi
grep -q 'token' "$temp/anonymous.log" || fail "refused to listen, without a reason: $(cat "$temp/anonymous.log")"
passed "no shell; beyond loopback, the default command refuses to run without a token"

compose=$(command -v docker-compose || true)
[ -n "$compose" ] || fail "docker-compose not found: apt-get install docker-compose"
compose_agent() { # PROFILE COMMAND...
    local profile=$1
    shift
    env DOCKER_HOST="unix://$socket" COMPOSE_PROFILES="$profile" DOCKER_GID="$group" BUILDINFO_AGENT_IMAGE="$agent" \
        BUILDINFO_SERVICE=canvas=compose:canvas BUILDINFO_HOST_NAME=canvas-01 BUILDINFO_LISTEN="127.0.0.1:$port" \
        BUILDINFO_TOKEN="$token" SOCKET_PROXY_IMAGE=socket-proxy:test \
        "$compose" -p "$tag" -f "$temp/agent.compose.yaml" "$@" >>"$temp/compose.log" 2>&1
}
# The places of this machine's engine and identity, instead of the host's.
sed -e "s|source: /run/docker.sock|source: $socket|; s|source: /etc/machine-id|source: $machine|" \
    "$tree/examples/agent.compose.yaml" >"$temp/agent.compose.yaml"
token_flags=(--token-file /token)
compose_agent direct up -d || fail "compose: $(tail -n 3 "$temp/compose.log")"
healthy() { [ "$(on_engine inspect -f '{{.State.Health.Status}}' "$(on_engine ps -aqf "label=com.docker.compose.service=agent")")" = "$1" ]; }
until_true 60 healthy healthy || fail "the agent of examples/agent.compose.yaml is not healthy: $(
    on_engine inspect -f '{{json .State.Health}}' "$(on_engine ps -aqf "label=com.docker.compose.service=agent")")"
proves 0 "$sha" --volume "$token:/token:ro"
[[ "$(document_with_token | field host)" == *canvas-01* ]] || fail "the host's name is not in the document: $(document_with_token)"
passed "examples/agent.compose.yaml: healthy, and proven with a token"
reader=$(on_engine ps -qf label=com.docker.compose.service=reader)
server=$(on_engine ps -qf label=com.docker.compose.service=agent)
[ "$(on_engine inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.Config.User}}' "$reader")" = \
    "none true 65532:65532" ] || fail "the reader has a network, or can write"
if on_engine inspect "$server" | grep -q docker.sock; then fail "the server has the engine's socket"; fi
on_engine stop "$reader" >/dev/null
stale() { document_with_token | grep -q '"state" *: *"unknown"'; }
until_true 20 stale || fail "without the reader, the agent still claims: $(document_with_token)"
proves 30 "$sha" --volume "$token:/token:ro"
on_engine start "$reader" >/dev/null
proves 0 "$sha" --volume "$token:/token:ro"
passed "without its reader the agent proves nothing, and it recovers"
compose_agent direct down -v || fail "compose down: $(tail -n 3 "$temp/compose.log")"

# The example's proxy is another project's image, so its pattern is tried in a program of ours.
set -m
"$tree/packaging/container/socket-proxy.py" "$tree/examples/agent.compose.yaml" "$socket" "$temp/proxy.sock" </dev/null >"$temp/proxy.log" &
proxy=$!
set +m
until_true 10 test -S "$temp/proxy.sock" || fail "the proxy did not start"
chown 65532 "$temp/proxy.sock"
token_flags=()
run_agent "$temp/proxy.sock" /run/docker.sock
[ "$(document | field git_sha)" = "$sha" ] || fail "behind the proxy: $(document)"
on_engine tag canvas:1 canvas:2
proves 0 "$sha"
[ ! -s "$temp/proxy.log" ] || fail "examples/agent.compose.yaml denies what the reader asks: $(cat "$temp/proxy.log")"
container=$(on_engine ps -qf name=canvas --no-trunc)
for path in containers/json/../../v1.41/volumes "containers/$container/logs" "containers/$container/archive" secrets images/canvas:1/get; do
    [ "$(curl -s --path-as-is -o /dev/null -w '%{http_code}' --unix-socket "$temp/proxy.sock" "http://engine/v1.41/$path")" = 403 ] ||
        fail "the proxy's pattern permits $path"
done
[ "$(curl -s -X POST -o /dev/null -w '%{http_code}' --unix-socket "$temp/proxy.sock" "http://engine/v1.41/containers/json")" = 403 ] ||
    fail "the proxy permits POST"
passed "behind the pattern of the example's proxy, everything that the reader asks is permitted, and nothing else"
