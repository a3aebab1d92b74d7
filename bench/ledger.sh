#!/usr/bin/env bash
# Queries to a ledger with a million transitions: 500 verifications of 500 hosts, of 5 services, 4 changes each. Measures the
# whole process with a cold file cache; the peer is the sqlite3 command line with the equivalent SELECT on the same file in
# the same run.
#
#   bench/ledger.sh [COLLECTOR]      VERIFICATIONS=500 HOSTS=500 RUNS=7 DROP_CACHES=1 (drops the whole machine's, as root)
set -euo pipefail
collector=${1:-.build-release/release/buildinfo-collector}
verifications=${VERIFICATIONS:-500} hosts=${HOSTS:-500} runs=${RUNS:-7}
[[ -x $collector ]] || { echo "no collector at $collector: run make release first" >&2; exit 69; }
collector=$(realpath "$collector")

root=$(mktemp -d "${TMPDIR:-/tmp}/ledger-bench-XXXXXX")
trap 'rm -rf "$root"' EXIT
db=$root/ledger.db

# The collector creates the ledger and one verification, which is then copied.
"$collector" verify --host http://127.0.0.1:1/buildinfo --service model --sha 1f0e9d8c7b6a594837261504f3e2d1c0b9a89786 \
    --timeout 300ms --soak 0s --progress none --store "$db" || [ $? -eq 30 ]
sqlite3 "$db" >/dev/null <<SQL
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE v AS WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < $verifications + 1)
    SELECT i, 'canvas-' || (i % 5) AS service, (i - 2) / 5 + 1 AS generation, printf('%040x', i) AS git_sha,
        'sha256:' || printf('%064x', i) AS digest, 1780000000 + i * 20000 AS at FROM n;
CREATE TEMP TABLE h AS WITH RECURSIVE n(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM n WHERE j < $hosts - 1)
    SELECT j FROM n;
INSERT INTO promotions SELECT service, generation, git_sha, digest, strftime('%Y-%m-%dT%H:%M:%S.000Z', at, 'unixepoch'),
    'bench-' || i FROM v;
INSERT INTO verifications (number, id, service, generation, git_sha, digest, started_at, finished_at, state, verdict,
        exit_code, inventory_hash, listed, expected, proven, p50, p95, max, collector, timeout, target, policy, inventory,
        outcome)
    SELECT i, strftime('%Y%m%dT%H%M%S', at, 'unixepoch') || printf('-%08x', i), v.service, v.generation, v.git_sha, v.digest,
        strftime('%Y-%m-%dT%H:%M:%S.000Z', at, 'unixepoch'), strftime('%Y-%m-%dT%H:%M:%S.000Z', at + 60, 'unixepoch'),
        'finished', iif(i % 9 = 0, 'stragglers', 'converged'), iif(i % 9 = 0, 10, 0), inventory_hash, $hosts, $hosts,
        $hosts - (i % 9 = 0), 28.5, 57.25, 60.0, collector, timeout, target, policy, inventory, outcome
    FROM v, verifications WHERE number = 1;
INSERT INTO hosts SELECT i, j, j, printf('%s-eu-%04d', service, j),
        printf('https://%s-eu-%04d.internal:9480/buildinfo', service, j), '{"group":"canary","region":"eu"}', NULL,
        iif((i * 31 + j * 17) % 401 = 0, 'straggler', 'converged'), 'serves the target, healthy, on one instance since 12.5 s',
        v.git_sha, v.digest, 'ok', 'expected', 'match', 'serving', 12,
        iif((i * 31 + j * 17) % 401 = 0, NULL, (i * 7919 + j * 104729) % 60000 / 1000.0), 0.5, 0.1, NULL
    FROM v, h;
INSERT INTO transitions SELECT i, j, k, k * 10.125, label,
        'serves 0123456789ab, promoted as generation 41: pulled, not recreated yet'
    FROM v, h, (SELECT 0 AS k, 'pending' AS label UNION ALL SELECT 1, 'starting' UNION ALL SELECT 2, 'soaking'
        UNION ALL SELECT 3, 'converged') ORDER BY i, j, k;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
SQL
id=$(sqlite3 "$db" "SELECT id FROM verifications WHERE number = $verifications / 2")
number=$((verifications / 2)) last=$((verifications + 1))
rm -f "$db-shm" "$db-wal"
echo "$(sqlite3 "$db" 'SELECT count(*) FROM transitions') transitions, $(stat -c %s "$db" | numfmt --to=si)B"

columns="number, id, service, generation, git_sha, digest, started_at, finished_at, state, verdict, exit_code, proven,
    expected, p50, p95, max"
ranked="SELECT name, count(*) OVER w AS n, row_number() OVER (w ORDER BY seconds_to_converge) AS r, seconds_to_converge AS s
    FROM hosts INDEXED BY hosts_by_outcome WHERE label IS NOT NULL AND seconds_to_converge IS NOT NULL
    WINDOW w AS (PARTITION BY name)"
whole() { echo "SELECT * FROM hosts WHERE verification = $1; SELECT * FROM transitions WHERE verification = $1"; }

# Drops the file's and the program's pages from the cache.
cool() {
    if [ -n "${DROP_CACHES:-}" ]; then sync; echo 3 >/proc/sys/vm/drop_caches; return; fi
    for file in "$db" "$1"; do dd if="$file" iflag=nocache count=0 status=none; done
}

# Runs in milliseconds, sorted; prints the median and the maximum.
measure() {
    local run from to times=()
    for ((run = 0; run < runs; run++)); do
        cool "$1"
        from=$EPOCHREALTIME
        "$@" >"$root/out"
        to=$EPOCHREALTIME
        times+=($(((${to/./} - ${from/./}) / 1000)))
    done
    mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
    echo "${times[$((runs / 2))]} ${times[$((runs - 1))]}"
}

sqlite=$(realpath "$(command -v sqlite3)")
compare() {
    local what=$1 select=$2 ours theirs
    shift 2
    read -r -a ours < <(measure "$collector" "$@" --store "$db")
    read -r -a theirs < <(measure "$sqlite" -readonly "$db" "$select")
    awk -v what="$what" -v a="${ours[0]}" -v b="${ours[1]}" -v c="${theirs[0]}" 'BEGIN {
        printf "%-24s %5d ms (longest %d), sqlite3 %5d ms, %.1f times\n", what, a, b, c, a / (c ? c : 1) }'
}

compare "history" "SELECT $columns FROM verifications ORDER BY number DESC LIMIT 20" history
compare "history --since 60 days" \
    "SELECT $columns FROM verifications WHERE started_at >= '2026-08-01' ORDER BY number DESC LIMIT 20" \
    history --since 2026-08-01
compare "history --host" \
    "SELECT * FROM hosts JOIN verifications ON number = verification WHERE name = 'canvas-3-eu-0123' ORDER BY 1 DESC LIMIT 20" \
    history --host canvas-3-eu-0123
compare "history --host --at" \
    "SELECT * FROM hosts JOIN verifications ON number = verification WHERE name = 'canvas-3-eu-0123' AND number <= (
     SELECT number FROM verifications WHERE started_at <= '2026-08-01T12:00:00' ORDER BY started_at DESC LIMIT 1)
     ORDER BY number DESC LIMIT 1" history --host canvas-3-eu-0123 --at 2026-08-01T12:00Z
compare "history --at" \
    "SELECT * FROM hosts WHERE verification = (SELECT number FROM verifications WHERE service = 'canvas-3'
     AND started_at <= '2026-08-01T12:00:00' ORDER BY number DESC LIMIT 1)" \
    history --service canvas-3 --at 2026-08-01T12:00Z
compare "history --by host" \
    "SELECT name, max(n), max(iif(r = (n + 1) / 2, s, 0)), max(iif(r = (n * 95 + 99) / 100, s, 0)) AS p95, max(s)
     FROM ($ranked) GROUP BY name ORDER BY p95 DESC LIMIT 20" history --by host
compare "history --by service" \
    "SELECT service, count(*), max(s) FROM verifications JOIN (SELECT verification AS v, seconds_to_converge AS s
     FROM hosts INDEXED BY hosts_by_outcome WHERE label IS NOT NULL) ON v = number GROUP BY service" history --by service
compare "report" "SELECT * FROM verifications WHERE number = $last; $(whole "$last")" report
compare "report ID" "SELECT * FROM verifications WHERE id = '$id'; $(whole "$number")" report "$id"
compare "report ID as JSON" "SELECT * FROM verifications WHERE id = '$id'; $(whole "$number")" \
    report "$id" --report json=-
