#!/bin/sh
# Puts latest back to the last build that the whole fleet was proven to serve, and verifies that the fleet serves it again:
#
#   IMAGE=registry.example.com/team/canvas FLEET=fleet.yaml sh rollback.sh --dry-run
#
#   SERVER       the URL of a collector service that verifies, instead of FLEET; add --service NAME --environment NAME
#
# For a manual job on the runner that promotes, whose ledger holds the builds. Arguments are passed to rollback. The exit code
# is rollback's: 0 proven, 41 blocked by the kill switch or another promotion, 64 no build to go back to, else as verify's.
set -eu

IMAGE=${IMAGE:?set it to the repository, without a tag}
REPORTS=${REPORTS:-buildinfo-reports}

if [ -n "${SERVER:-}" ]; then set -- --server "$SERVER" "$@"; else set -- --fleet "${FLEET:-fleet.yaml}" "$@"; fi
mkdir -p "$REPORTS"
exec "${COLLECTOR:-buildinfo-collector}" rollback --image "$IMAGE" \
    --report "json=$REPORTS/report.json" --report "html=$REPORTS/report.html" "$@"
