#!/usr/bin/env bash
# Queries to a ledger with a million transitions: 500 verifications of 500 hosts, of 5 services, 4 changes each. Measures the
# whole process with a cold file cache; the peer is the sqlite3 command line with the equivalent SELECT on the same file in
# the same run. Statistics are compared with a SELECT on a copy that has a covering index.
#
# Then the recording of one verification of many hosts, in processor time; the peer is sqlite3 that copies the same rows to an
# empty ledger in one transaction.
#
#   bench/ledger.sh [COLLECTOR [RECORDER]]
#   VERIFICATIONS=500 HOSTS=500 LARGE=100000 RUNS=7 DROP_CACHES=1 (drops the whole machine's, as root)
set -euo pipefail
collector=${1:-.build-release/release/buildinfo-collector}
recorder=${2:-.build-release/release/buildinfo-ledger-recorder}
verifications=${VERIFICATIONS:-500} hosts=${HOSTS:-500} large=${LARGE:-100000} runs=${RUNS:-7}
[[ -x $collector ]] || { echo "no collector at $collector: run make release first" >&2; exit 69; }
[[ -x $recorder ]] || ${SWIFT:-swift} build -c release --scratch-path .build-release \
    --product buildinfo-ledger-recorder >&2
collector=$(realpath "$collector") recorder=$(realpath "$recorder")

root=$(mktemp -d "${TMPDIR:-/tmp}/ledger-bench-XXXXXX")
trap 'rm -rf "$root"' EXIT
db=$root/ledger.db peer=$root/peer.db

"$recorder" "$db" --verifications "$verifications" --hosts "$hosts" >/dev/null
id=bench-$((verifications / 2))
number=$((verifications / 2)) last=$verifications
echo "$(sqlite3 "$db" 'SELECT count(*) FROM transitions') transitions, $(stat -c %s "$db" | numfmt --to=si)B"
# The best that SQL alone can do for statistics: an index that covers them, in a copy.
cp "$db" "$peer"
sqlite3 "$peer" "CREATE INDEX hosts_by_outcome ON hosts (verification, name, label, seconds_to_converge, waived)
    WHERE label IS NOT NULL"
rm -f "$db"-* "$peer"-*

columns="number, id, service, generation, git_sha, digest, started_at, finished_at, state, verdict, exit_code, proven,
    expected, p50, p95, max"
ranked="SELECT name, count(*) OVER w AS n, row_number() OVER (w ORDER BY seconds_to_converge) AS r, seconds_to_converge AS s
    FROM hosts INDEXED BY hosts_by_outcome WHERE label IS NOT NULL AND seconds_to_converge IS NOT NULL
    WINDOW w AS (PARTITION BY name)"
whole() { echo "SELECT * FROM hosts WHERE verification = $1; SELECT * FROM transitions WHERE verification = $1"; }

# Drops the file's and the program's pages from the cache.
cool() {
    if [ -n "${DROP_CACHES:-}" ]; then sync; echo 3 >/proc/sys/vm/drop_caches; return; fi
    for file in "$db" "$peer" "$1"; do dd if="$file" iflag=nocache count=0 status=none; done
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
    read -r -a theirs < <(measure "$sqlite" -readonly "${file:-$db}" "$select")
    awk -v what="$what" -v a="${ours[0]}" -v b="${ours[1]}" -v c="${theirs[0]}" 'BEGIN {
        printf "%-24s %5d ms (longest %d), sqlite3 %5d ms, %.1f times\n", what, a, b, c, a / (c ? c : 1) }'
}

compare "history" "SELECT $columns FROM verifications ORDER BY number DESC LIMIT 20" history
compare "history --since 60 days" \
    "SELECT $columns FROM verifications WHERE started_at >= '2026-08-01' ORDER BY number DESC LIMIT 20" \
    history --since 2026-08-01
compare "history --host" \
    "SELECT * FROM hosts JOIN verifications ON number = verification WHERE name = 'canvas-3-eu-000123' ORDER BY 1 DESC LIMIT 20" \
    history --host canvas-3-eu-000123
compare "history --host --at" \
    "SELECT * FROM hosts JOIN verifications ON number = verification WHERE name = 'canvas-3-eu-000123' AND number <= (
     SELECT number FROM verifications WHERE started_at <= '2026-08-01T12:00:00' ORDER BY started_at DESC LIMIT 1)
     ORDER BY number DESC LIMIT 1" history --host canvas-3-eu-000123 --at 2026-08-01T12:00Z
compare "history --at" \
    "SELECT * FROM hosts WHERE verification = (SELECT number FROM verifications WHERE service = 'canvas-3'
     AND started_at <= '2026-08-01T12:00:00' ORDER BY number DESC LIMIT 1)" \
    history --service canvas-3 --at 2026-08-01T12:00Z
# Statistics: the peer reads the copy.
file=$peer compare "history --by host" \
    "SELECT name, max(n), max(iif(r = (n + 1) / 2, s, 0)), max(iif(r = (n * 95 + 99) / 100, s, 0)) AS p95, max(s)
     FROM ($ranked) GROUP BY name ORDER BY p95 DESC LIMIT 20" history --by host
file=$peer compare "history --by service" \
    "SELECT service, count(*), max(s) FROM verifications JOIN (SELECT verification AS v, seconds_to_converge AS s
     FROM hosts INDEXED BY hosts_by_outcome WHERE label IS NOT NULL) ON v = number GROUP BY service" history --by service
file=$peer compare "history --by week" \
    "SELECT strftime('%Y-%W', started_at), count(*), max(s) FROM verifications JOIN (SELECT verification AS v,
     seconds_to_converge AS s FROM hosts INDEXED BY hosts_by_outcome WHERE label IS NOT NULL) ON v = number GROUP BY 1" \
    history --by week
compare "history --by label" \
    "SELECT json_extract(labels, '\$.region'), count(*), max(seconds_to_converge) FROM hosts WHERE label IS NOT NULL GROUP BY 1" \
    history --by label=region
compare "report" "SELECT * FROM verifications WHERE number = $last; $(whole "$last")" report
compare "report ID" "SELECT * FROM verifications WHERE id = '$id'; $(whole "$number")" report "$id"
compare "report ID as JSON" "SELECT * FROM verifications WHERE id = '$id'; $(whole "$number")" \
    report "$id" --report json=-

# Processor time in milliseconds of the peer, which writes the same rows once.
copied() {
    rm -f "$root"/copy.db*
    "$recorder" "$root/copy.db" --verifications 1 --hosts 2 --services 1 >/dev/null
    sqlite3 "$root/copy.db" "DELETE FROM transitions; DELETE FROM hosts"
    local TIMEFORMAT='%U %S' columns
    columns=$(sqlite3 "$root/copy.db" "SELECT group_concat(name) FROM pragma_table_info('$1')")
    { time sqlite3 "$root/copy.db" "ATTACH '$root/large.db' AS large; PRAGMA synchronous = FULL;
        INSERT INTO $1 ($columns) SELECT $columns FROM large.$1" >/dev/null; } 2>&1 |
        awk '{ printf "%d\n", ($1 + $2) * 1000 }'
}

"$recorder" "$root/large.db" --verifications 1 --hosts "$large" --services 1 >"$root/steps"
rows=$(copied hosts) changes=$(copied transitions)
awk -v hosts="$large" -v rows="$rows" -v changes="$changes" '
    $1 == "close" { next }
    { peer = $1 == "append" ? changes : rows
      printf "%-24s %5d ms of processor time for %d hosts, sqlite3 %5d ms, %.1f times\n",
        "record: " $1, $2, hosts, peer, $2 / (peer ? peer : 1) }' "$root/steps"
