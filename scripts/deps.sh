#!/usr/bin/env bash
# Installs the missing Debian (or Ubuntu) packages for the given purposes.
# Usage: deps.sh build|demo|test|promotion|system|dist|images|lint|bench|browser …
set -euo pipefail

declare -A build=(
    [/usr/include/x86_64-linux-gnu/curl/curl.h:/usr/include/aarch64-linux-gnu/curl/curl.h:/usr/include/curl/curl.h]=libcurl4-openssl-dev
    [/usr/include/sqlite3.h]=libsqlite3-dev
    [/usr/include/yaml.h]=libyaml-dev
)
declare -A demo=(
    [/usr/bin/curl]=curl
)
declare -A test=(
    [/usr/sbin/dockerd:/usr/bin/dockerd]=docker.io
    [/usr/bin/docker:/usr/local/bin/docker]=docker.io
    [/usr/bin/podman]=podman
    [/usr/sbin/runc:/usr/bin/runc]=runc
    [/usr/bin/docker-registry]=docker-registry
    [/bin/busybox:/usr/bin/busybox]=busybox-static
    [/usr/bin/cc]=gcc
    [/usr/lib/x86_64-linux-gnu/libc.a:/usr/lib/aarch64-linux-gnu/libc.a:/usr/lib/libc.a]=libc6-dev
    [/usr/bin/unshare]=util-linux
    [/usr/bin/skopeo]=skopeo
    [/usr/bin/openssl]=openssl
    [/usr/bin/curl]=curl
    [/usr/bin/jq]=jq
    [/usr/bin/sqlite3]=sqlite3
    [/usr/lib/python3/dist-packages/jsonschema/__init__.py]=python3-jsonschema
    [/usr/lib/python3/dist-packages/yaml/__init__.py]=python3-yaml
    [/usr/bin/node]=nodejs
    [/usr/bin/xmllint]=libxml2-utils
    [/usr/bin/cmark-gfm]=cmark-gfm
    [/usr/bin/shellcheck]=shellcheck
    [/usr/bin/ansible-inventory]=ansible-core
    [/usr/sbin/dnsmasq]=dnsmasq-base
    [/usr/bin/promtool]=prometheus
    [/usr/share/doc/python3-venv]=python3-venv
)
declare -A bench=(
    [/usr/sbin/nginx]=nginx-light
    [/usr/bin/curl]=curl
    [/usr/bin/jq]=jq
    [/usr/bin/cc]=gcc
    [/usr/bin/go]=golang-go
    [/usr/bin/openssl]=openssl
    [/usr/bin/time]=time
    [/usr/bin/unshare]=util-linux
    [/usr/share/doc/python3-venv]=python3-venv
    [/usr/bin/sqlite3]=sqlite3
    [/usr/bin/prometheus-node-exporter]=prometheus-node-exporter
    [/usr/sbin/dockerd:/usr/bin/dockerd]=docker.io
    [/usr/bin/docker:/usr/local/bin/docker]=docker.io
    [/bin/busybox:/usr/bin/busybox]=busybox-static
    [/usr/bin/python3]=python3
)
declare -A browser=(
    [/usr/bin/chromium]=chromium
    [/usr/bin/ip:/usr/sbin/ip:/sbin/ip]=iproute2
    [/usr/bin/unshare]=util-linux
    [/usr/share/doc/python3-venv]=python3-venv
)
declare -A promotion=(
    [/usr/sbin/dockerd:/usr/bin/dockerd]=docker.io
    [/usr/bin/docker:/usr/local/bin/docker]=docker.io
    [/usr/bin/docker-registry]=docker-registry
    [/usr/bin/skopeo]=skopeo
    [/usr/bin/python3]=python3
    [/usr/bin/cc]=gcc
    [/usr/lib/x86_64-linux-gnu/libc.a:/usr/lib/aarch64-linux-gnu/libc.a:/usr/lib/libc.a]=libc6-dev
    [/usr/bin/unshare]=util-linux
)
declare -A system=(
    [/usr/sbin/debootstrap]=debootstrap
    [/usr/bin/systemd-nspawn]=systemd-container
    [/usr/bin/setpriv]=util-linux
    [/usr/bin/pgrep]=procps
    [/usr/bin/readelf]=binutils
    [/usr/bin/dpkg-deb]=dpkg
    [/usr/bin/python3]=python3
    [/usr/bin/ansible-playbook]=ansible-core
    [/usr/lib/python3/dist-packages/yaml/__init__.py]=python3-yaml
    [/usr/bin/curl]=curl
)
declare -A dist=(
    [/usr/bin/dpkg-deb]=dpkg
    [/usr/bin/readelf]=binutils
    [/usr/bin/lintian]=lintian
    [/usr/bin/man]=man-db
    [/usr/bin/mandoc]=mandoc
    [/usr/bin/python3]=python3
)
declare -A images=(
    [/usr/bin/readelf]=binutils
    [/usr/share/ca-certificates/mozilla]=ca-certificates
    [/usr/sbin/dockerd:/usr/bin/dockerd]=docker.io
    [/usr/bin/docker:/usr/local/bin/docker]=docker.io
    [/usr/bin/docker-compose]=docker-compose
    [/usr/bin/docker-registry]=docker-registry
    [/usr/bin/skopeo]=skopeo
    [/usr/bin/curl]=curl
    [/usr/bin/cc]=gcc
    [/usr/lib/x86_64-linux-gnu/libc.a:/usr/lib/aarch64-linux-gnu/libc.a:/usr/lib/libc.a]=libc6-dev
    [/usr/bin/unshare]=util-linux
    [/usr/bin/openssl]=openssl
    [/usr/bin/python3]=python3
)
declare -A lint=(
    [/usr/bin/systemd-analyze]=systemd
)

missing=()
for purpose in "$@"; do
    case "$purpose" in
        build|demo|test|promotion|system|dist|images|lint|bench|browser) declare -n wanted="$purpose" ;;
        *) echo "deps.sh: unknown purpose '$purpose': use build, demo, test, promotion, system, dist, images, lint, bench or browser" >&2; exit 64 ;;
    esac
    for places in "${!wanted[@]}"; do
        found=no
        IFS=: read -r -a candidates <<<"$places"
        for place in "${candidates[@]}"; do [ -e "$place" ] && found=yes; done
        [ "$found" = yes ] || missing+=("${wanted[$places]}")
    done
    unset -n wanted
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps.sh: missing: ${missing[*]} (Debian names); install them with this system's package manager" >&2
    exit 69
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps.sh: run as root: apt-get install ${missing[*]}" >&2; exit 69; }
    as_root=(sudo)
fi
# Each name once: several files of one package may be missing.
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
echo "Missing packages; running: ${as_root[*]:+${as_root[*]} }apt-get install --no-install-recommends ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Packages must not start their services: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
