-- A ledger as the collector 0.1 made it, with schema 1: a verification that converged, and one that was killed.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE probe (id INTEGER PRIMARY KEY, content BLOB NOT NULL);

CREATE TABLE promotions (
    service TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation > 0),
    git_sha TEXT,
    digest TEXT,
    at TEXT NOT NULL,
    verification TEXT NOT NULL,
    PRIMARY KEY (service, generation),
    CHECK (git_sha IS NOT NULL OR digest IS NOT NULL)
) WITHOUT ROWID;

CREATE TABLE verifications (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    service TEXT NOT NULL,
    generation INTEGER,
    git_sha TEXT,
    digest TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished')),
    verdict TEXT,
    exit_code INTEGER,
    inventory_hash TEXT NOT NULL,
    listed INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    proven INTEGER,
    p50 REAL,
    p95 REAL,
    max REAL,
    collector TEXT NOT NULL,
    timeout REAL NOT NULL,
    pid INTEGER,
    process_start INTEGER,
    pid_namespace TEXT,
    boot TEXT,
    target TEXT NOT NULL,
    policy TEXT NOT NULL,
    inventory TEXT NOT NULL,
    outcome TEXT,
    FOREIGN KEY (service, generation) REFERENCES promotions (service, generation),
    CHECK ((state = 'finished') = (verdict IS NOT NULL)),
    CHECK ((state = 'finished') = (outcome IS NOT NULL))
);
CREATE INDEX verifications_by_service ON verifications (service, number);

CREATE TABLE hosts (
    verification INTEGER NOT NULL REFERENCES verifications (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    rank INTEGER,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    labels TEXT,
    waived TEXT,
    label TEXT,
    reason TEXT,
    git_sha TEXT,
    digest TEXT,
    reach TEXT,
    identity TEXT,
    build TEXT,
    runtime TEXT,
    attempts INTEGER,
    seconds_to_converge REAL,
    last_answer_age REAL,
    clock_offset REAL,
    PRIMARY KEY (verification, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX hosts_by_name ON hosts (name, verification);

CREATE TABLE transitions (
    verification INTEGER NOT NULL,
    host INTEGER NOT NULL,
    number INTEGER NOT NULL,
    seconds REAL NOT NULL,
    label TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (verification, host, number),
    FOREIGN KEY (verification, host) REFERENCES hosts (verification, position) ON DELETE CASCADE
) WITHOUT ROWID;

INSERT INTO promotions VALUES
    ('canvas', 1, '1111111111111111111111111111111111111111', 'sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '2026-10-01T08:00:00.000Z', 'v1-one'),
    ('canvas', 2, '2222222222222222222222222222222222222222', NULL, '2026-10-02T08:00:00.000Z', 'v1-two');
INSERT INTO verifications VALUES
    (1, 'v1-one', 'canvas', 1, '1111111111111111111111111111111111111111', 'sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '2026-10-01T08:00:00.000Z', '2026-10-01T08:00:12.345Z', 'finished',
     'converged', 0, 'sha256:7777777777777777777777777777777777777777777777777777777777777777', 2, 2, 2, 1.5, 2.5, 2.5, '0.1.0', 600.0, 4711, 12345, 'pid:[4026531836]', 'earlier',
     '{"digest":"sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","equivalent_digests":[],"generation":1,"git_sha":"1111111111111111111111111111111111111111","image":null,"service":"canvas"}',
     '{"fail_after":3,"interval_seconds":2,"max_failed":"0","max_stragglers":"0","max_unreachable":"0","min_proven":"1","request_timeout_seconds":5,"soak_seconds":10,"stall_seconds":180,"superseded_ok":false,"timeout_seconds":600}',
     '{"expected":2,"hash":"sha256:7777777777777777777777777777777777777777777777777777777777777777","source":"fleet.yaml"}',
     '{"durationSeconds":12.345,"reasons":[{"hosts":2,"message":"every host serves it","verdict":"converged"}],"summary":{"expected":2,"labels":{"converged":2},"proven":2,"seconds_to_converge":{"max":2.5,"p50":1.5,"p95":2.5},"waived":0},"warnings":["a warning"]}'),
    (2, 'v1-two', 'canvas', 2, '2222222222222222222222222222222222222222', NULL, '2026-10-02T08:00:00.000Z', NULL, 'running',
     NULL, NULL, 'sha256:7777777777777777777777777777777777777777777777777777777777777777', 2, 2, NULL, NULL, NULL, NULL, '0.1.0', 600.0, 4712, 12346, 'pid:[4026531836]', 'earlier',
     '{"digest":null,"equivalent_digests":[],"generation":2,"git_sha":"2222222222222222222222222222222222222222","image":null,"service":"canvas"}',
     '{"fail_after":3,"interval_seconds":2,"max_failed":"0","max_stragglers":"0","max_unreachable":"0","min_proven":"1","request_timeout_seconds":5,"soak_seconds":10,"stall_seconds":180,"superseded_ok":false,"timeout_seconds":600}',
     '{"expected":2,"hash":"sha256:7777777777777777777777777777777777777777777777777777777777777777","source":"fleet.yaml"}',
     NULL);
INSERT INTO hosts VALUES
    (1, 0, 0, 'a', 'http://a:9480/buildinfo/canvas', '{"zone":"eu"}', NULL, 'converged', 'serves it', '1111111111111111111111111111111111111111', 'sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
     'ok', 'expected', 'match', 'serving', 5, 1.5, 0.25, 0.1),
    (1, 1, 1, 'b', 'http://b:9480/buildinfo/canvas', NULL, NULL, 'converged', 'serves it', '1111111111111111111111111111111111111111', 'sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
     'ok', 'expected', 'match', 'serving', 6, 2.5, 0.25, NULL),
    (2, 0, NULL, 'a', 'http://a:9480/buildinfo/canvas', '{"zone":"eu"}', NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (2, 1, NULL, 'b', 'http://b:9480/buildinfo/canvas', NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO transitions VALUES
    (1, 0, 0, 0.0, 'pending', 'not asked yet'), (1, 0, 1, 1.5, 'converged', 'serves it'),
    (1, 1, 0, 0.0, 'pending', 'not asked yet'), (1, 1, 1, 2.5, 'converged', 'serves it'),
    (2, 0, 0, 3.0, 'straggler', 'serves an older build');

PRAGMA application_id = 1112099911;
PRAGMA user_version = 1;
COMMIT;
