#!/bin/sh
# Promotes an image by its digest, and verifies that the whole fleet serves it. Needs skopeo and buildinfo-collector.
#
#   IMAGE=registry.example.com/team/canvas SHA=$(git rev-parse HEAD) FLEET=fleet.yaml sh verify.sh --timeout 10m
#
#   IMAGE      the repository, without a tag
#   SHA        the promoted commit, in full (default: the runner's)
#   FLEET      the inventory, which names the service; else add --service NAME (default: fleet.yaml)
#   SERVER     the URL of a collector service that verifies, instead of FLEET; add --service NAME --environment NAME
#   FROM       the tag that CI pushed (default: staging-$SHA)
#   TO         the moving tag that hosts pull (default: latest)
#   REPORTS    the folder for the reports (default: buildinfo-reports)
#   COLLECTOR  the program (default: buildinfo-collector)
#
# Arguments are passed to verify. The exit code is verify's, or 69 if the promotion failed.
set -eu

IMAGE=${IMAGE:?set it to the repository, without a tag}
SHA=${SHA:-${GITHUB_SHA:-${CI_COMMIT_SHA:-}}}
SHA=${SHA:?set it to the full commit}
FROM=${FROM:-staging-$SHA}
TO=${TO:-latest}
REPORTS=${REPORTS:-buildinfo-reports}

fail() {
    echo "verify.sh: $1" >&2
    exit 69
}

# The manifest or index of a tag, byte for byte: its SHA-256 is the digest.
raw() { skopeo inspect --raw "docker://$IMAGE:$1"; }
digest_of() { printf 'sha256:%s\n' "$(sha256sum <"$1" | cut -d ' ' -f 1)"; }

mkdir -p "$REPORTS"
raw "$FROM" >"$REPORTS/promoted.json" || fail "cannot read $IMAGE:$FROM: was it built and pushed?"
digest=$(digest_of "$REPORTS/promoted.json")

# By digest, so that exactly the manifest above is promoted; with all platforms, or the digest of an index would change.
echo "Promoting $IMAGE@$digest ($FROM) to $TO"
skopeo copy --quiet --all --preserve-digests "docker://$IMAGE@$digest" "docker://$IMAGE:$TO" ||
    fail "could not move $IMAGE:$TO to $digest"
raw "$TO" >"$REPORTS/promoted.json" || fail "could not read back $IMAGE:$TO"
[ "$(digest_of "$REPORTS/promoted.json")" = "$digest" ] ||
    fail "$IMAGE:$TO is $(digest_of "$REPORTS/promoted.json"), not $digest: another writer moved it"

if [ -n "${SERVER:-}" ]; then set -- --server "$SERVER" "$@"; else set -- --fleet "${FLEET:-fleet.yaml}" "$@"; fi
# Replaces this shell, so that cancelling the pipeline interrupts verify itself, which still writes its reports.
exec "${COLLECTOR:-buildinfo-collector}" verify \
    --sha "$SHA" --digest "$digest" --index "$REPORTS/promoted.json" \
    --report "json=$REPORTS/report.json" --report "junit=$REPORTS/junit.xml" \
    --report "markdown=$REPORTS/report.md" --report "html=$REPORTS/report.html" \
    --report "evidence=$REPORTS/evidence.ndjson" "$@"
