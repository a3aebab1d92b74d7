#!/bin/sh
# Updates a host after a promotion, or every minute from a timer: pulls the image that the compose file names, and recreates
# the container if the image has changed. A pull alone does not change a running container.
#
#   sh host-update.sh [FOLDER]      FOLDER holds compose.yaml, and .env if a build is pinned (default: /srv/canvas)
set -eu

cd "${1:-/srv/canvas}"
# One update at a time: a second one leaves the work to the first, or to the next minute.
exec 9>.update.lock
flock --nonblock 9 || exit 0

docker compose pull --quiet canvas
# Fails if the container does not become healthy. The collector detects that on its own.
docker compose up --detach --no-build --wait --wait-timeout 120 canvas
