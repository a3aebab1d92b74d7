#!/bin/sh
# Installs buildinfo-agent or buildinfo-collector from a release: its Debian package, or the tarball on other systems.
#
#   curl -fsSL https://releases.example.com/buildinfo/0.2.0/install.sh | sh -s -- --from https://releases.example.com/buildinfo/0.2.0 agent
#
# Usage: install.sh [--dry-run] [--root FOLDER] [--sums-sha256 SHA256] --from URL agent|collector
#
# URL is the folder of the release: the packages, the tarballs and SHA256SUMS. A file is used only if its SHA-256 is in
# SHA256SUMS, which is read over HTTPS, or from this machine. The script prints each command that changes the system before it
# runs it. It does not start the agent, which needs its services first.
#
#   --dry-run      download and verify, and print the commands only
#   --root FOLDER  install the tarball's files below FOLDER, and run nothing
#   --sums-sha256 SHA256
#                  use the release only if SHA256SUMS itself has this SHA-256
#
# Exit codes: 0 installed, 64 usage, 69 the release cannot be read, 65 a file does not have its checksum, 78 this system is not
# supported, 77 not root.
set -eu

fail() { # CODE MESSAGE
    printf 'install.sh: %s\n' "$2" >&2
    exit "$1"
}
say() { printf '%s\n' "$*"; }
run() {
    say "+ $*"
    [ -n "$dry_run" ] || "$@" || fail 1 "failed: $*"
}
has() { command -v "$1" >/dev/null 2>&1; }

download() { # NAME
    # A redirect must not leave HTTPS.
    if has curl; then
        curl --fail --silent --show-error --location --proto "$protocols" --proto-redir "$protocols" --connect-timeout 20 \
            --max-time 600 --retry 2 --output "$work/$1" "$from/$1"
    else
        wget -q -T 60 -O "$work/$1" "$from/$1"
    fi || fail 69 "cannot download $from/$1: check --from and the network"
}

pick() { # PATTERN: sets `file` to the one name in SHA256SUMS that matches, and `sum` to its checksum
    found=$(awk -v pattern="^$1\$" 'length($1) == 64 && $1 ~ /^[0-9a-f]+$/ && NF == 2 { sub(/^\*/, "", $2); if ($2 ~ pattern) print $1, $2 }' \
        "$work/SHA256SUMS")
    case $(printf '%s' "$found" | grep -c .) in
        1) sum=${found%% *} file=${found#* } ;;
        0) fail 78 "the release has no $2: choose another release, or build from source" ;;
        *) fail 64 "the release has several: $(printf '%s\n' "$found" | awk '{ printf "%s ", $2 }'): give the folder of one version as --from" ;;
    esac
}

fetch() { # Downloads `file` and compares its checksum.
    say "Downloading $from/$file"
    download "$file"
    actual=$(sha256sum "$work/$file" | cut -d ' ' -f 1)
    [ "$actual" = "$sum" ] || fail 65 "$file has SHA-256 $actual, and SHA256SUMS says $sum: download it again; if it differs again, do not use this release"
    say "SHA-256 is as in SHA256SUMS: $sum"
}

install_package() {
    architecture=$(dpkg --print-architecture)
    case $architecture in
        amd64 | arm64) ;;
        *) fail 78 "Debian architecture $architecture is not supported: amd64 and arm64 are" ;;
    esac
    pick "buildinfo-${program}_[0-9][0-9A-Za-z.+~-]*_${architecture}[.]deb" "package of buildinfo-$program for $architecture"
    fetch
    # apt reads the file as another user.
    chmod 755 "$work"
    # An agent.yaml that was there before stays, without a question.
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confdef \
        -o Dpkg::Options::=--force-confold "$work/$file" </dev/null
}

install_tarball() {
    machine=$(uname -m)
    case $machine in
        x86_64 | aarch64) ;;
        *) fail 78 "machine $machine is not supported: x86_64 and aarch64 are" ;;
    esac
    [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || fail 78 "this system is 32-bit: a 64-bit one is needed"
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    case $libc in
        'glibc 2.'*) [ "${libc#glibc 2.}" -ge 35 ] || fail 78 "$libc is too old: glibc 2.35 or later is needed" ;;
        *) fail 78 "this system has no glibc: run the container image instead" ;;
    esac
    if [ -z "$root" ]; then
        has systemctl || fail 78 "this system has no systemd: run the container image instead"
        systemd=$(systemctl --version | awk 'NR == 1 { print $2 + 0 }')
        [ "$systemd" -ge 252 ] || fail 78 "systemd $systemd is too old: 252 or later is needed"
    fi
    has gzip || fail 69 "gzip not found: install it first"
    pick "buildinfo-[0-9][0-9A-Za-z.+~-]*-linux-${machine}[.]tar[.]gz" "tarball for $machine"
    fetch
    mkdir "$work/files"
    tar -xzf "$work/$file" -C "$work/files"
    cd "$work/files/${file%.tar.gz}"
    # The program's own files. A configuration that exists stays.
    case $program in
        agent) other='buildinfo-collector|^etc/buildinfo/collector' ;;
        collector) other='buildinfo-agent|buildinfo-reader|buildinfo-engine|^etc/buildinfo/agent' ;;
    esac
    find usr etc ! -type d | grep -vE "$other" >"$work/list"
    if [ -e "$root/etc/buildinfo/$program.yaml" ]; then
        say "Keeping $root/etc/buildinfo/$program.yaml"
        grep -vx "etc/buildinfo/$program.yaml" "$work/list" >"$work/list.new"
        mv "$work/list.new" "$work/list"
    fi
    tar -cf "$work/install.tar" -T "$work/list"
    say "Files:"
    sed "s|^|  $root/|" "$work/list"
    run tar -xpf "$work/install.tar" --no-same-owner -C "${root:-/}"
    [ -z "$root" ] || return 0
    [ "$program" = collector ] || run systemd-sysusers buildinfo-agent.conf
    run systemd-tmpfiles --create "buildinfo-$program.conf"
    run systemctl daemon-reload
}

main() {
    dry_run='' root='' from='' program='' pin=''
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) dry_run=yes ;;
            --root | --from | --sums-sha256)
                [ $# -ge 2 ] || fail 64 "$1 needs a value"
                case $1 in --root) root=$2 ;; --from) from=${2%/} ;; *) pin=$2 ;; esac
                shift
                ;;
            agent | collector) program=$1 ;;
            *) fail 64 "unknown argument '$1': expected [--dry-run] [--root FOLDER] [--sums-sha256 SHA256] --from URL agent|collector" ;;
        esac
        shift
    done
    [ -n "$program" ] || fail 64 "no program given: expected agent or collector"
    case $from in
        https://?*) protocols='=https' ;;
        '') fail 64 "no release given: --from URL is its folder" ;;
        *)
            # A name or a user before it may begin like this machine's address.
            printf '%s\n' "$from" | grep -qE '^http://(127[.]0[.]0[.]1|localhost)(:[0-9]+)?(/[^@]*)?$' || fail 64 "invalid --from '$from': expected https://, because SHA256SUMS over plain HTTP verifies nothing"
            protocols='=http,https'
            ;;
    esac
    [ "$(uname -s)" = Linux ] || fail 78 "$(uname -s) is not supported: Linux is"
    has curl || has wget || fail 69 "neither curl nor wget found: install one first"
    for tool in sha256sum awk sed grep tar find mktemp; do
        has "$tool" || fail 69 "$tool not found: install it first"
    done
    if [ -n "$root" ]; then root=$(cd "$root" && pwd) || fail 64 "--root is not a folder"; fi
    [ -n "$dry_run" ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 77 "not root: run it with sudo, or see --dry-run"

    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    download SHA256SUMS
    # A login page or an error page is not a list.
    if [ ! -s "$work/SHA256SUMS" ] || grep -qvE '^[0-9a-f]{64} [ *][^/ ]+$' "$work/SHA256SUMS"; then
        fail 69 "$from/SHA256SUMS is not a list of checksums: check --from"
    fi
    if [ -n "$pin" ]; then
        actual=$(sha256sum "$work/SHA256SUMS" | cut -d ' ' -f 1)
        [ "$actual" = "$pin" ] || fail 65 "SHA256SUMS has SHA-256 $actual, not the given one: give the release's own, or do not use this release"
    fi
    if [ -z "$root" ] && has dpkg && has apt-get; then install_package; else install_tarball; fi
    [ -z "$dry_run" ] || { say "Nothing was changed (--dry-run)."; return 0; }
    say "Installed buildinfo-$program."
    [ "$program" != agent ] || say "Next: list this host's services in ${root}/etc/buildinfo/agent.yaml, then run: systemctl enable --now buildinfo-agent.socket buildinfo-reader buildinfo-agent"
}

# The last line: of a truncated script, nothing runs.
main "$@"
