#!/bin/sh
# Promotes an image by its digest, and proves that the whole fleet serves it. Needs skopeo and buildinfo-collector.
#
#   IMAGE=registry.example.com/team/canvas SHA=$(git rev-parse HEAD) FLEET=fleet.yaml sh verify.sh --timeout 10m
#
#   IMAGE      the repository, without a tag
#   SHA        the promoted commit, full (default: what GitHub, Gitea or GitLab says)
#   FLEET      the inventory (default: fleet.yaml)
#   FROM       the tag that CI pushed (default: staging-$SHA)
#   TO         the moving tag that hosts pull (default: latest)
#   REPORTS    the folder for the reports (default: buildinfo-reports)
#   COLLECTOR  the program (default: buildinfo-collector)
#
# Arguments are passed on to verify. It ends with verify's exit code; where nothing could be promoted, with 69 before it.
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

# The manifest or index of a tag, byte for byte: its SHA-256 is the digest, whatever a tool makes of it.
raw() { skopeo inspect --raw "docker://$IMAGE:$1"; }
digest_of() { printf 'sha256:%s\n' "$(sha256sum <"$1" | cut -d ' ' -f 1)"; }

mkdir -p "$REPORTS"
raw "$FROM" >"$REPORTS/promoted.json" || fail "$IMAGE:$FROM cannot be read: was it built and pushed?"
digest=$(digest_of "$REPORTS/promoted.json")

# By digest, so that what was read is what is promoted; all platforms of an index, or its digest would change.
echo "Promoting $IMAGE@$digest ($FROM) to $TO"
skopeo copy --quiet --all --preserve-digests "docker://$IMAGE@$digest" "docker://$IMAGE:$TO" ||
    fail "$IMAGE:$TO was not moved to $digest"
raw "$TO" >"$REPORTS/promoted.json" || fail "$IMAGE:$TO cannot be read back"
[ "$(digest_of "$REPORTS/promoted.json")" = "$digest" ] ||
    fail "$IMAGE:$TO is $(digest_of "$REPORTS/promoted.json"), not $digest: somebody else moved it"

# In place of this shell, so that a pipeline that is cancelled interrupts verify itself, which still writes its reports.
exec "${COLLECTOR:-buildinfo-collector}" verify --fleet "${FLEET:-fleet.yaml}" \
    --sha "$SHA" --digest "$digest" --index "$REPORTS/promoted.json" \
    --report "json=$REPORTS/report.json" --report "junit=$REPORTS/junit.xml" \
    --report "markdown=$REPORTS/report.md" --report "html=$REPORTS/report.html" \
    --report "evidence=$REPORTS/evidence.ndjson" "$@"
