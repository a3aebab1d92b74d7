#!/usr/bin/env bash
# One pass: every host must report the promoted commit. FLEET, SHA.
set -euo pipefail
for url in $(jq -r '.hosts[].url' "$FLEET"); do
    sha=$(curl -fsS "$url" | jq -r .git_sha)
    if [ "$sha" != "$SHA" ]; then
        echo "$url serves '$sha'"
        exit 1
    fi
done
echo "all hosts serve $SHA"
