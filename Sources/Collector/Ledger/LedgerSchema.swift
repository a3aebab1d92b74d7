import GRDB

/// The ledger's tables, and how an older ledger gets them.
enum LedgerSchema {
    /// Marks a file as a ledger, so that nobody else's database is written to: `BILG`.
    static let applicationID = 0x4249_4C47

    /// One step for each version; the version is the number of steps taken.
    ///
    /// A step only adds, so that an older collector that is recording while a newer one migrates goes on. Summaries are indexes
    /// and not tables: SQLite keeps them true whoever writes.
    private static let steps = [version1, version2, version3, version4, version5, version6, version7]
    static var version: Int { steps.count }

    /// The version that the database has; 0 for an empty one.
    static func version(_ db: Database) throws -> Int { try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }

    /// Checks without writing that the database is a ledger that this collector knows, or empty.
    static func check(_ db: Database, path: String) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try version(db)
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        guard application == applicationID || (isEmpty && application == 0 && version == 0) else {
            throw LedgerError.notALedger(path: path)
        }
        guard version <= Self.version else { throw LedgerError.newerSchema(path: path, version: version) }
    }

    /// Brings the database up to date, inside the caller's transaction: all or nothing, and one process at a time.
    static func migrate(_ db: Database, path: String) throws {
        try check(db, path: path)
        let version = try version(db)
        guard version < Self.version else { return }
        for step in steps[version...] { try db.execute(sql: step) }
        try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(Self.version)")
    }

    /// Times are RFC 3339; the columns named like JSON's fields hold JSON.
    ///
    /// `verifications.number` orders by start. `hosts.position` is the place in the frozen inventory, `hosts.rank` the one
    /// in the report. The tables without a rowid are stored in the order in which they are read.
    private static let version1 = """
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
        """

    /// What history asks: the verifications since a moment, and what became of every host in each of them.
    ///
    /// Percentiles over all hosts of a year need the name, the label and the time of each, and nothing else of a row that
    /// is ten times as large: the second index holds just that, in the order in which it is read.
    private static let version2 = """
        ALTER TABLE verifications ADD COLUMN evidence TEXT;
        CREATE INDEX verifications_by_start ON verifications (started_at);
        CREATE INDEX hosts_by_outcome ON hosts (verification, name, label, seconds_to_converge, waived)
            WHERE label IS NOT NULL;
        """

    /// What was done to tags, each step before it was done and after: what a killed promotion leaves behind is found here.
    ///
    /// The index makes the row that says "intended" a lock on its tag, among those who share the ledger.
    private static let version3 = """
        CREATE TABLE journal (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            service TEXT NOT NULL,
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            source TEXT NOT NULL,
            git_sha TEXT,
            digest TEXT NOT NULL,
            former_digest TEXT,
            former_git_sha TEXT,
            generation INTEGER NOT NULL CHECK (generation > 0),
            actor TEXT NOT NULL,
            contexts TEXT NOT NULL,
            intended_at TEXT NOT NULL,
            state TEXT NOT NULL,
            settled_at TEXT,
            reason TEXT,
            pid INTEGER,
            process_start INTEGER,
            pid_namespace TEXT,
            boot TEXT,
            CHECK ((state = 'intended') = (settled_at IS NULL))
        );
        CREATE INDEX journal_by_service ON journal (service, number);
        CREATE INDEX journal_by_tag ON journal (repository, tag, number);
        CREATE UNIQUE INDEX journal_under_way ON journal (repository, tag) WHERE state = 'intended';
        """

    /// Why a tag may go where it does not descend from; and how a promotion is found in the journal, every few seconds.
    private static let version4 = """
        ALTER TABLE journal ADD COLUMN permission TEXT;
        CREATE INDEX journal_by_generation ON journal (service, generation, kind) WHERE state = 'moved';
        DROP INDEX journal_by_service;
        """

    /// What a report shows of a host that nothing is asked by: its project, its warnings, what was left out.
    private static let version5 = """
        ALTER TABLE hosts ADD COLUMN details TEXT;
        """

    /// Manifests of builds that a tag may be put back to, byte by byte, for registries that remove what no tag names.
    private static let version6 = """
        CREATE TABLE manifests (
            digest TEXT NOT NULL PRIMARY KEY,
            media_type TEXT NOT NULL,
            bytes BLOB NOT NULL,
            kept_at TEXT NOT NULL
        );
        CREATE INDEX manifests_by_age ON manifests (kept_at);
        """

    /// A host's status, which schema 1 called its label.
    ///
    /// The stored column keeps its first name, because older collectors that record at the same time write it. Queries read
    /// `status`, except those that run on an older schema or need the index on `label`.
    private static let version7 = """
        ALTER TABLE hosts ADD COLUMN status TEXT GENERATED ALWAYS AS (label) VIRTUAL;
        ALTER TABLE transitions ADD COLUMN status TEXT GENERATED ALWAYS AS (label) VIRTUAL;
        """
}
