#!/bin/sh
# Deploys a candidate that CI built: gate, promotion, and proof that the whole fleet serves it. Needs only buildinfo-collector.
#
#   IMAGE=registry.example.com/team/canvas CONTEXTS='tests / test (push)' FLEET=fleet.yaml sh promote.sh --timeout 10m
#
#   IMAGE        the repository, without a tag; CI pushed IMAGE:staging-$SHA, and hosts pull IMAGE:latest
#   SHA          the commit, in full (default: the runner's)
#   CONTEXTS     the CI contexts that must be green at that commit, as the forge shows them, separated by commas
#   FLEET        the inventory, which names the service; else add --service NAME (default: fleet.yaml)
#   SERVER       the URL of a collector service that verifies, instead of FLEET; add --service NAME --environment NAME
#   ROLLBACK_ON  verdicts after which :latest is put back to the last proven build (default: failed_deploy)
#   REPORTS      the folder for the reports (default: buildinfo-reports)
#   COLLECTOR    the program (default: buildinfo-collector)
#
# Arguments are passed to promote. The exit code is promote's: 0 proven, 40 superseded, 41 refused (nothing was moved), else
# the reason why the fleet is not proven. Forge, repository, branch and tokens come from the runner's environment.
set -eu

IMAGE=${IMAGE:?set it to the repository, without a tag}
SHA=${SHA:-${GITHUB_SHA:-}}
SHA=${SHA:?set it to the full commit}
CONTEXTS=${CONTEXTS:?set it to the CI contexts that must be green, separated by commas}
REPORTS=${REPORTS:-buildinfo-reports}

if [ -n "${SERVER:-}" ]; then set -- --server "$SERVER" "$@"; else set -- --fleet "${FLEET:-fleet.yaml}" "$@"; fi
mkdir -p "$REPORTS"
# Replaces this shell, so that cancelling the pipeline interrupts promote itself, which still writes its reports.
exec "${COLLECTOR:-buildinfo-collector}" promote --image "$IMAGE" --sha "$SHA" --candidate 'staging-{sha}' --to latest \
    --context "$CONTEXTS" --rollback-on "${ROLLBACK_ON:-failed_deploy}" \
    --report "json=$REPORTS/report.json" --report "junit=$REPORTS/junit.xml" \
    --report "markdown=$REPORTS/report.md" --report "html=$REPORTS/report.html" \
    --report "evidence=$REPORTS/evidence.ndjson" "$@"
