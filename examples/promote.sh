#!/bin/sh
# The ordered deploy, from a candidate that CI built to a fleet that is proven to serve it. Needs buildinfo-collector alone.
#
#   IMAGE=registry.example.com/team/canvas CONTEXTS='tests / test (push)' FLEET=fleet.yaml sh promote.sh --timeout 10m
#
#   IMAGE        the repository, without a tag; CI pushed IMAGE:staging-$SHA, and hosts pull IMAGE:latest
#   SHA          the commit, full (default: what GitHub or Gitea says)
#   CONTEXTS     what must be green at that commit, as the forge shows it, separated by commas
#   FLEET        the inventory (default: fleet.yaml)
#   ROLLBACK_ON  verdicts after which :latest is put back to what it was (default: failed_deploy)
#   REPORTS      the folder for the reports (default: buildinfo-reports)
#   COLLECTOR    the program (default: buildinfo-collector)
#
# Arguments are passed on to promote, and its exit code is the script's: 0 proven, 40 superseded, 41 refused (nothing moved),
# else why the fleet is not proven. Forge, repository, branch and tokens are those that the runner's environment names.
set -eu

IMAGE=${IMAGE:?set it to the repository, without a tag}
SHA=${SHA:-${GITHUB_SHA:-}}
SHA=${SHA:?set it to the full commit}
CONTEXTS=${CONTEXTS:?set it to what must be green at the commit, separated by commas}
REPORTS=${REPORTS:-buildinfo-reports}

mkdir -p "$REPORTS"
# In place of this shell, so that a pipeline that is cancelled interrupts promote itself, which still writes its reports.
exec "${COLLECTOR:-buildinfo-collector}" promote --image "$IMAGE" --sha "$SHA" --from "staging-$SHA" --to latest \
    --context "$CONTEXTS" --fleet "${FLEET:-fleet.yaml}" --rollback-on "${ROLLBACK_ON:-failed_deploy}" \
    --report "json=$REPORTS/report.json" --report "junit=$REPORTS/junit.xml" \
    --report "markdown=$REPORTS/report.md" --report "html=$REPORTS/report.html" \
    --report "evidence=$REPORTS/evidence.ndjson" "$@"
