#!/bin/sh
# Puts latest back to the last build that the whole fleet was proven to serve, and proves that it is served again:
#
#   IMAGE=registry.example.com/team/canvas FLEET=fleet.yaml sh rollback.sh --dry-run
#
# For a job that somebody starts by hand, on the runner that promotes: its ledger knows the builds. Arguments are passed on to
# rollback, and its exit code is the script's: 0 proven, 41 held or under way, 64 nothing to go back to, else as verify's.
set -eu

IMAGE=${IMAGE:?set it to the repository, without a tag}
REPORTS=${REPORTS:-buildinfo-reports}

mkdir -p "$REPORTS"
exec "${COLLECTOR:-buildinfo-collector}" rollback --image "$IMAGE" --fleet "${FLEET:-fleet.yaml}" \
    --report "json=$REPORTS/report.json" --report "html=$REPORTS/report.html" "$@"
