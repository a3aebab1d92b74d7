#!/usr/bin/env bash
# Checks the units with systemd-analyze: no warnings, and an exposure below the thresholds.
# Usage: systemd/check.sh. Exit code 0, or 1 with the problems.
set -euo pipefail
cd "$(dirname "$0")"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{usr/bin,bin,etc,usr/lib/systemd/system,usr/lib/sysusers.d}
cp -- ./*.socket ./*.service ./*.timer "$root/usr/lib/systemd/system/"
cp sysusers.d/* "$root/usr/lib/sysusers.d/"
# The programs that the units name must exist; their behaviour is tested elsewhere.
printf '#!/bin/sh\n' | tee "$root/usr/bin/buildinfo-agent" "$root/usr/bin/buildinfo-collector" "$root/bin/sh" "$root/bin/true" "$root/bin/systemctl" >/dev/null
chmod +x "$root"/usr/bin/* "$root"/bin/*
for target in sysinit basic sockets timers multi-user network network-online shutdown time-set time-sync local-fs; do
    printf '[Unit]\nDescription=%s\n' "$target" >"$root/usr/lib/systemd/system/$target.target"
done
printf '[Unit]\nDescription=none\n[Slice]\n' | tee "$root/usr/lib/systemd/system/"{system,-}.slice >/dev/null
: >"$root/usr/lib/systemd/system/system-buildinfo.slice"
printf '[Unit]\nDescription=none\n[Service]\nExecStart=/bin/true\n' >"$root/usr/lib/systemd/system/docker.service"

failed=0
report() { echo "systemd/check.sh: $*" >&2; failed=1; }

units=(buildinfo-agent.socket buildinfo-agent.service buildinfo-agent-access.service buildinfo-reader.service
    buildinfo-engine@docker.service buildinfo-collector.socket buildinfo-collector.service
    buildinfo-collector@canvas-production.service buildinfo-collector@canvas-production.timer)
output=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --root="$root" --man=no --recursive-errors=yes \
    "${units[@]/#/}" 2>&1) || report "systemd-analyze verify: exit $?"
[ -z "$output" ] || report "systemd-analyze verify: $output"

# In tenths: 5 is an exposure of 0.5. The collector needs the network.
declare -A threshold=([buildinfo-agent.service]=5 [buildinfo-agent-access.service]=5 [buildinfo-reader.service]=5
    [buildinfo-engine@docker.service]=5 [buildinfo-collector.service]=15
    [buildinfo-collector@canvas-production.service]=15)
for unit in "${!threshold[@]}"; do
    output=$(systemd-analyze security --root="$root" --offline=yes --no-pager --threshold="${threshold[$unit]}" \
        "$unit" 2>&1) || report "$unit is more exposed than its threshold of ${threshold[$unit]} tenths: $output"
    echo "${output##*$'\n'}" | sed 's/^[^O]*//'
done

output=$(systemd-sysusers --root="$root" --dry-run "$root"/usr/lib/sysusers.d/*.conf 2>&1) || report "sysusers: $output"
for file in tmpfiles.d/*.conf; do
    output=$(systemd-tmpfiles --root="$root" --create "$PWD/$file" 2>&1) || report "$file: $output"
    [ -z "$output" ] || report "$file: $output"
done
exit "$failed"
