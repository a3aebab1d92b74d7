#!/bin/sh
# What a host runs after a promotion, or every minute from a timer: pulls what the compose file names, and makes the
# container anew where that is another image. A pull alone changes nothing that runs.
#
#   sh host-update.sh [FOLDER]      FOLDER holds compose.yaml and, where a build is pinned, .env (default: /srv/canvas)
set -eu

cd "${1:-/srv/canvas}"
# One at a time: whoever comes second leaves it to the one that is at work, or to the next minute.
exec 9>.update.lock
flock --nonblock 9 || exit 0

docker compose pull --quiet canvas
# Ends with an error where the container does not become healthy; the collector finds out by itself.
docker compose up --detach --no-build --wait --wait-timeout 120 canvas
