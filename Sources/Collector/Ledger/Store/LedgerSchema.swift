import GRDB

/// The ledger's tables, and the migration of older ledgers.
enum LedgerSchema {
    /// Marks a file as a ledger, so that no other program's database is written to: `BILG`.
    static let applicationID = 0x4249_4C47

    /// One step for each version; the version is the number of completed steps.
    ///
    /// Steps only add, so that an older collector can keep recording while a newer one migrates. A summary is an index, which
    /// SQLite maintains for every writer, or a table that may lack what an older collector wrote.
    static let steps = [
        version1, version2, version3, version4, version5, version6, version7, version8, version9, version10,
        version11,
    ]
    static var version: Int { steps.count }

    /// The database's version; 0 for an empty one.
    static func version(_ db: Database) throws -> Int { try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }

    /// Checks, without writing, that the database is empty or a ledger of a known version.
    static func check(_ db: Database, path: String) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try version(db)
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        guard application == applicationID || (isEmpty && application == 0 && version == 0) else {
            throw LedgerError.notALedger(path: path)
        }
        guard version <= Self.version else { throw LedgerError.newerSchema(path: path, version: version) }
    }

    /// Migrates the database inside the caller's transaction: all or nothing, and one process at a time.
    static func migrate(_ db: Database, path: String) throws {
        try check(db, path: path)
        let version = try version(db)
        guard version < Self.version else { return }
        for step in steps[version...] { try db.execute(sql: step) }
        if version < 9 { try RecordedOutcomes.writeAll(db) }
        try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(Self.version)")
    }

    /// Times are RFC 3339. `target`, `policy`, `inventory`, `outcome`, `labels` and `waived` hold JSON.
    ///
    /// `verifications.number` orders by start. `hosts.position` is the index in the frozen inventory, `hosts.rank` the index
    /// in the report. Tables without a rowid are stored in the order in which they are read.
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

    /// Indexes for `history`: the verifications since a time, and every host's outcome in each of them.
    ///
    /// Percentiles over all hosts of a year need the name, the status and the time of each, and nothing else of a row that is
    /// ten times as large: the second index holds only these, in the order in which they are read.
    private static let version2 = """
        ALTER TABLE verifications ADD COLUMN evidence TEXT;
        CREATE INDEX verifications_by_start ON verifications (started_at);
        CREATE INDEX hosts_by_outcome ON hosts (verification, name, label, seconds_to_converge, waived)
            WHERE label IS NOT NULL;
        """

    /// The journal of changes to tags, written before and after each step, from which a killed promotion is recovered.
    ///
    /// The unique index makes an `intended` row a lock on its tag, among the processes that share the ledger.
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

    /// The permission for a promotion that is not a descendant, and an index for finding a promotion's journal entry, which
    /// happens every few seconds.
    private static let version4 = """
        ALTER TABLE journal ADD COLUMN permission TEXT;
        CREATE INDEX journal_by_generation ON journal (service, generation, kind) WHERE state = 'moved';
        DROP INDEX journal_by_service;
        """

    /// The parts of a host's report that no query selects by: its project, warnings and left-out containers.
    private static let version5 = """
        ALTER TABLE hosts ADD COLUMN details TEXT;
        """

    /// The exact manifests of builds that a tag might be rolled back to, for registries that delete untagged manifests.
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

    /// Environments, recorded statuses, and an index for finding the verifications of a promotion.
    ///
    /// `service` is the key of a service in one environment, `canvas@production`; in the default environment it is the
    /// service's name, as before. So every key and reference holds for each environment by itself, and an older collector that
    /// is still recording neither sees nor numbers the promotions of other environments. An `environment` column in the primary
    /// key would need new tables, and that collector would take another environment's promotion for a newer one.
    ///
    /// A sweep each minute of 1,000 hosts must not store 1,000 rows each minute: a sweep is one small row, and a host has a row
    /// whenever it changed. `status_changes.status` is NULL from the sweep on whose inventory no longer lists the host; `sweep`
    /// is the word of the status command. A context is what most sweeps share: the target that hosts were compared with, and
    /// the inventory. These tables are apart from `verifications`, so that collectors that do not know them count no status as
    /// a verification.
    private static let version8 =
        ["promotions", "verifications", "journal"].map { table in
            """
            ALTER TABLE \(table) ADD COLUMN service_name TEXT GENERATED ALWAYS AS (\(serviceName)) VIRTUAL;
            ALTER TABLE \(table) ADD COLUMN environment TEXT GENERATED ALWAYS AS (\(environment)) VIRTUAL;

            """
        }.joined() + """
            CREATE INDEX verifications_by_name ON verifications (service_name, number);
            CREATE TABLE status_series (
                number INTEGER PRIMARY KEY,
                service TEXT NOT NULL,
                source TEXT NOT NULL,
                selected TEXT NOT NULL,
                UNIQUE (service, source, selected)
            );
            CREATE TABLE status_contexts (
                number INTEGER PRIMARY KEY,
                series INTEGER NOT NULL REFERENCES status_series (number),
                inventory_hash TEXT NOT NULL,
                hosts INTEGER NOT NULL,
                generation INTEGER,
                git_sha TEXT,
                digest TEXT
            );
            CREATE INDEX status_contexts_by_series ON status_contexts (series, inventory_hash);
            CREATE TABLE status_sweeps (
                series INTEGER NOT NULL REFERENCES status_series (number),
                at TEXT NOT NULL,
                context INTEGER NOT NULL,
                PRIMARY KEY (series, at)
            ) WITHOUT ROWID;
            CREATE TABLE status_changes (
                series INTEGER NOT NULL REFERENCES status_series (number),
                host TEXT NOT NULL,
                at TEXT NOT NULL,
                status TEXT,
                sweep TEXT,
                reason TEXT,
                git_sha TEXT,
                digest TEXT,
                reach TEXT,
                PRIMARY KEY (series, host, at)
            ) WITHOUT ROWID;
            CREATE INDEX verifications_by_generation ON verifications (service, generation, number);
            """

    /// The outcomes of hosts for statistics, in place of the index on them: a tenth of its size, and one row for each
    /// verification, where the index had one for each host. See ``RecordedOutcomes``.
    ///
    /// Every collector begins the end of a verification with an update of its state. The trigger removes outcomes of an earlier
    /// end, so that they are those of the rows or missing, whatever version writes.
    private static let version9 = """
        CREATE TABLE host_lists (
            number INTEGER PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            hosts TEXT NOT NULL
        );
        CREATE TABLE host_outcomes (
            verification INTEGER PRIMARY KEY REFERENCES verifications (number) ON DELETE CASCADE,
            list INTEGER NOT NULL REFERENCES host_lists (number),
            outcomes BLOB NOT NULL
        );
        CREATE INDEX host_outcomes_by_list ON host_outcomes (list);
        CREATE TRIGGER host_outcomes_end AFTER UPDATE OF state ON verifications BEGIN
            DELETE FROM host_outcomes WHERE verification = NEW.number;
        END;
        DROP INDEX hosts_by_outcome;
        """

    /// The requests that started verifications of a service, by their idempotency keys, so that a repeated request joins its
    /// verification after a restart, too. `request` is a hash of what was asked for.
    private static let version10 = """
        CREATE TABLE requests (
            key TEXT PRIMARY KEY,
            request TEXT NOT NULL,
            verification TEXT NOT NULL,
            at TEXT NOT NULL
        ) WITHOUT ROWID;
        """

    /// What standing checks saw: a row for each change of a host.
    ///
    /// `number` orders the changes of a host, because clocks are set back. A change happened after `not_before`, at which the
    /// host was last seen as it was before, and not after `at`. `status` is NULL where the inventory no longer lists the host.
    /// `is_served` is 0 if the build is that of an earlier answer. Each host's last change still held at its fleet's
    /// `seen_until`. Builds are apart because most changes share one, and so that a commit is found by a small index.
    private static let version11 = """
        CREATE TABLE standing_fleets (
            number INTEGER PRIMARY KEY,
            service TEXT NOT NULL UNIQUE,
            seen_until TEXT
        );
        CREATE TABLE standing_builds (
            number INTEGER PRIMARY KEY,
            git_sha TEXT,
            digest TEXT
        );
        CREATE INDEX standing_builds_by_commit ON standing_builds (git_sha, digest);
        CREATE TABLE standing_changes (
            number INTEGER PRIMARY KEY,
            fleet INTEGER NOT NULL REFERENCES standing_fleets (number),
            host TEXT NOT NULL,
            at TEXT NOT NULL,
            not_before TEXT,
            status TEXT,
            finding TEXT NOT NULL,
            build INTEGER REFERENCES standing_builds (number),
            is_served INTEGER NOT NULL,
            is_new_build INTEGER NOT NULL,
            is_restart INTEGER NOT NULL,
            instances INTEGER
        );
        CREATE INDEX standing_changes_by_host ON standing_changes (fleet, host);
        CREATE INDEX standing_changes_by_build ON standing_changes (build);
        """

    /// The service's name from the key in `service`, for queries that run on any schema.
    static let serviceName = "iif(instr(service, '@') > 0, substr(service, 1, instr(service, '@') - 1), service)"

    /// The environment from the key in `service`.
    static let environment = "iif(instr(service, '@') > 0, substr(service, instr(service, '@') + 1), 'default')"
}
