import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

/// Writes the hosts and transitions of one verification, inside the caller's transaction.
///
/// A verification can have 100,000 hosts, and its end must not delay the exit: rows are written in the order in which they are
/// stored, texts that hosts share are encoded once, and what is recorded already is not written again.
struct HostWriter {
    private let verification: Int64
    private let db: Database
    private var labels = EncodingCache<[String: String]>()
    private var details = EncodingCache<HostReader.Details>()

    init(verification: Int64, _ db: Database) {
        self.verification = verification
        self.db = db
    }

    // MARK: - At its start

    /// Records the hosts of the frozen inventory.
    mutating func insert(_ hosts: [ExpectedHost]) throws {
        var insert = try HostInsertion(db)
        for (position, host) in hosts.enumerated() {
            let waived = host.waiver.map {
                Report.Host.Waived(until: $0.until, reason: $0.reason, by: $0.by, expired: $0.isExpired)
            }
            try insert.insert(
                verification, position, name: host.name, url: host.url, labels: try text(host.labels),
                waived: try waived.map(LedgerCoding.encode))
        }
    }

    // MARK: - At its end

    /// Updates the hosts from the report, and adds those that are not recorded.
    ///
    /// - Parameter hosts: in the report's order.
    mutating func finish(_ hosts: [Report.Host]) throws {
        let (ranks, isComplete) = try placed(hosts)
        let outcomes = try update(hosts, at: ranks)
        // Outcomes are those of all rows, or missing.
        if isComplete { try outcomes.write(for: verification, db) }
        try finishTransitions(of: hosts, at: ranks)
    }

    /// Every host's position, in ascending order, and its index in the report; and whether every recorded host is reported.
    private mutating func placed(
        _ hosts: [Report.Host]
    ) throws -> (ranks: [(position: Int, rank: Int)], isComplete: Bool) {
        var recorded = try PositionIndex(of: verification, db)
        var next = recorded.end
        var ranks: [(position: Int, rank: Int)] = []
        ranks.reserveCapacity(hosts.count)
        var insert: HostInsertion?
        for rank in hosts.indices {
            if let position = recorded.position(of: hosts[rank].name) {
                ranks.append((position, rank))
                continue
            }
            var insertion = try insert ?? HostInsertion(db)
            let host = hosts[rank]
            try insertion.insert(
                verification, next, name: host.name, url: host.url, labels: try text(host.labels), waived: nil)
            insert = insertion
            ranks.append((next, rank))
            next += 1
        }
        let added = next - recorded.end
        return (ranks.sorted { $0 < $1 }, isComplete: ranks.count == recorded.count + added)
    }

    /// Names do not change, so that the index on them is not written.
    private mutating func update(
        _ hosts: [Report.Host], at ranks: [(position: Int, rank: Int)]
    ) throws -> RecordedOutcomes {
        var outcomes = RecordedOutcomes()
        var row = try RowStatement(
            db,
            sql: """
                UPDATE hosts SET
                    rank = ?, url = ?, labels = ?, waived = ?, label = ?, reason = ?, git_sha = ?, digest = ?, reach = ?,
                    identity = ?, build = ?, runtime = ?, attempts = ?, seconds_to_converge = ?, last_answer_age = ?,
                    clock_offset = ?, details = ?
                WHERE verification = ? AND position = ?
                """)
        // In place: an array's element is copied, and every use of it might be.
        try hosts.withUnsafeBufferPointer { hosts in
            for (position, rank) in ranks {
                try update(hosts[rank], position: position, rank: rank, with: &row, adding: &outcomes)
            }
        }
        return outcomes
    }

    private mutating func update(
        _ host: Report.Host, position: Int, rank: Int, with row: inout RowStatement,
        adding outcomes: inout RecordedOutcomes
    ) throws {
        let labels = try text(host.labels)
        let waived = host.waived
        let seconds = host.secondsToConverge
        outcomes.add(
            host.name, labels: labels,
            RecordedOutcome(status: host.status, seconds: seconds, isGated: waived.map(\.expired) ?? true))
        try row.bind(rank)
        try row.bind(host.url)
        try row.bind(labels)
        try row.bind(try waived.map(LedgerCoding.encode))
        try row.bind(host.status.rawValue)
        try row.bind(host.reason)
        try row.bind(host.gitSHA?.hex)
        try row.bind(host.digest?.description)
        try row.bind(host.facts.reach.rawValue)
        try row.bind(host.facts.identity.rawValue)
        try row.bind(host.facts.build.rawValue)
        try row.bind(host.facts.runtime.rawValue)
        try row.bind(host.attempts)
        try row.bind(seconds)
        try row.bind(host.lastAnswerAgeSeconds)
        try row.bind(host.clockOffsetSeconds)
        try row.bind(try details.encode(HostReader.Details.of(host)))
        try row.bind(verification)
        try row.bind(position)
        try row.execute()
    }

    /// Writes the transitions that differ from the recorded ones, and removes those that the report lacks.
    ///
    /// A report keeps only the first and the latest of very many transitions; the ledger keeps all that it recorded.
    ///
    /// - Parameter ranks: from ``placed(_:)``.
    private func finishTransitions(of hosts: [Report.Host], at ranks: [(position: Int, rank: Int)]) throws {
        let trim = try db.makeStatement(
            sql: "DELETE FROM transitions WHERE verification = ? AND host = ? AND number >= ?")
        var writer = try TransitionWriter(verification: verification, db)
        var recorded = try RecordedTransitions(of: verification, db)
        // SQLite leaves open whether a cursor sees rows that are written behind it, so a host's rows are read before.
        for (position, rank) in ranks {
            try recorded.advance(to: position)
            let transitions = hosts[rank].transitions
            guard transitions.count < HostTracker.maximumTransitions else { continue }
            for (number, transition) in transitions.enumerated() {
                if number < recorded.rows.count, recorded.rows[number].isSame(as: transition, number: number) {
                    continue
                }
                try writer.write(RecordedTransition(host: position, number: number, transition: transition))
            }
            if let last = recorded.rows.last, last.number >= transitions.count {
                try trim.execute(arguments: [verification, position, transitions.count])
            }
        }
    }

    /// The labels as JSON. Many hosts have none, and NULL takes no space.
    private mutating func text(_ labels: [String: String]) throws -> String? {
        labels.isEmpty ? nil : try self.labels.encode(labels)
    }
}

/// Inserts hosts without a result.
private struct HostInsertion {
    private var row: RowStatement

    init(_ db: Database) throws {
        row = try RowStatement(
            db, sql: "INSERT INTO hosts (verification, position, name, url, labels, waived) VALUES (?, ?, ?, ?, ?, ?)")
    }

    mutating func insert(
        _ verification: Int64, _ position: Int, name: String, url: String, labels: String?, waived: String?
    ) throws {
        try row.bind(verification)
        try row.bind(position)
        try row.bind(name)
        try row.bind(url)
        try row.bind(labels)
        try row.bind(waived)
        try row.execute()
    }
}

/// Writes transitions that are not recorded, or differ from the recorded ones.
struct TransitionWriter {
    private let verification: Int64
    private var row: RowStatement

    init(verification: Int64, _ db: Database) throws {
        self.verification = verification
        // A reason stays as it was recorded: advice that depends on the verdict is derived when the report is read.
        row = try RowStatement(
            db,
            sql: """
                INSERT INTO transitions (verification, host, number, seconds, label, reason) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (verification, host, number) DO UPDATE
                SET seconds = excluded.seconds, label = excluded.label, reason = excluded.reason
                WHERE seconds != excluded.seconds OR label != excluded.label
                """)
    }

    mutating func write(_ recorded: RecordedTransition) throws {
        try row.bind(verification)
        try row.bind(recorded.host)
        try row.bind(recorded.number)
        try row.bind(recorded.transition.seconds)
        try row.bind(recorded.transition.status.rawValue)
        try row.bind(recorded.transition.reason)
        try row.execute()
    }
}

/// The positions of the recorded hosts by name.
///
/// A report lists the hosts of each status in the order of the inventory, so the next name is usually found a few places after
/// the last one, without a hash.
private struct PositionIndex {
    private var names: [String] = []
    private var positions: [Int] = []
    private var next = 0
    /// The number of names that may still be passed over, before all are hashed.
    private var budget: Int
    private var hashed: [String: Int] = [:]

    init(of verification: Int64, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT position, name FROM hosts WHERE verification = ? ORDER BY position",
            arguments: [verification])
        while let row = try rows.next() {
            positions.append(row[0])
            names.append(row[1])
        }
        budget = names.count * 2
    }

    var count: Int { names.count }

    /// The first position after all recorded ones.
    var end: Int { positions.last.map { $0 + 1 } ?? 0 }

    mutating func position(of name: String) -> Int? {
        guard !names.isEmpty else { return nil }
        for _ in names.indices {
            let index = next
            next = next + 1 == names.count ? 0 : next + 1
            if names[index] == name { return positions[index] }
            budget -= 1
            if budget <= 0 { break }
        }
        guard budget <= 0 else { return nil }
        if hashed.isEmpty {
            hashed = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
        }
        guard let index = hashed[name] else { return nil }
        next = index + 1 == names.count ? 0 : index + 1
        return positions[index]
    }
}

/// Reads the recorded transitions of one host after the other, by ascending position.
private struct RecordedTransitions {
    struct Element {
        var number: Int
        var seconds: Double
        var status: String

        func isSame(as transition: Report.Host.Transition, number: Int) -> Bool {
            self.number == number && seconds == transition.seconds && status == transition.status.rawValue
        }
    }

    /// The transitions of the latest host, by number.
    private(set) var rows: [Element] = []
    private let cursor: RowCursor
    private var pending: (host: Int, element: Element)?

    init(of verification: Int64, _ db: Database) throws {
        cursor = try Row.fetchCursor(
            db,
            sql: "SELECT host, number, seconds, label FROM transitions WHERE verification = ? ORDER BY host, number",
            arguments: [verification])
        try advance()
    }

    /// Reads the transitions of a host into ``rows``.
    mutating func advance(to position: Int) throws {
        rows.removeAll(keepingCapacity: true)
        while let (host, element) = pending, host <= position {
            if host == position { rows.append(element) }
            try advance()
        }
    }

    private mutating func advance() throws {
        pending = try cursor.next().map { row in
            (row[0], Element(number: row[1], seconds: row[2], status: row[3]))
        }
    }
}

/// Encodes each distinct value once: most hosts share labels and details, and encoding JSON dominates the time.
private struct EncodingCache<Value: Encodable & Hashable> {
    /// The bound of the memory, for hosts that share nothing.
    private static var limit: Int { 1_000 }
    private var known: [Value: String] = [:]
    /// Consecutive hosts are mostly alike, and comparing is faster than hashing.
    private var latest: (value: Value, text: String)?

    mutating func encode(_ value: Value) throws -> String {
        if let latest, latest.value == value { return latest.text }
        let text = try known[value] ?? LedgerCoding.encode(value)
        if known.count < Self.limit { known[value] = text }
        latest = (value, text)
        return text
    }
}
