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

    // MARK: - While the verification runs

    /// Records a host of the frozen inventory.
    mutating func insert(_ host: ExpectedHost, at position: Int) throws {
        let waived = host.waiver.map {
            Report.Host.Waived(until: $0.until, reason: $0.reason, by: $0.by, expired: $0.isExpired)
        }
        try insert(
            position, name: host.name, url: host.url, labels: host.labels, waived: try waived.map(LedgerCoding.encode))
    }

    private mutating func insert(
        _ position: Int, name: String, url: String, labels: [String: String], waived: String?
    ) throws {
        let insert = try db.cachedStatement(
            sql: "INSERT INTO hosts (verification, position, name, url, labels, waived) VALUES (?, ?, ?, ?, ?, ?)")
        try insert.execute(arguments: [verification, position, name, url, try text(labels), waived])
    }

    func write(_ recorded: RecordedTransition) throws {
        // A reason stays as it was recorded: advice that depends on the verdict is derived when the report is read.
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO transitions (verification, host, number, seconds, label, reason) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (verification, host, number) DO UPDATE
                SET seconds = excluded.seconds, label = excluded.label, reason = excluded.reason
                WHERE seconds != excluded.seconds OR label != excluded.label
                """)
        let transition = recorded.transition
        try upsert.execute(arguments: [
            verification, recorded.host, recorded.number, transition.seconds, transition.status.rawValue,
            transition.reason,
        ])
    }

    // MARK: - At its end

    /// Updates the hosts from the report, and adds those that are not recorded.
    ///
    /// - Parameter hosts: in the report's order.
    mutating func finish(_ hosts: [Report.Host]) throws {
        let ranks = try placed(hosts)
        for (position, rank) in ranks { try update(hosts[rank], position: position, rank: rank) }
        try finishTransitions(of: hosts, at: ranks)
    }

    /// Every host's position, in ascending order, and its index in the report.
    private mutating func placed(_ hosts: [Report.Host]) throws -> [(position: Int, rank: Int)] {
        var positions: [String: Int] = [:]
        positions.reserveCapacity(hosts.count)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT position, name FROM hosts WHERE verification = ?", arguments: [verification])
        while let row = try rows.next() { positions[row[1]] = row[0] }
        var next = (positions.values.max() ?? -1) + 1
        var ranks: [(position: Int, rank: Int)] = []
        ranks.reserveCapacity(hosts.count)
        for (rank, host) in hosts.enumerated() {
            if let position = positions[host.name] {
                ranks.append((position, rank))
            } else {
                try insert(next, name: host.name, url: host.url, labels: host.labels, waived: nil)
                ranks.append((next, rank))
                next += 1
            }
        }
        return ranks.sorted { $0 < $1 }
    }

    /// Names do not change, so that the index on them is not written.
    private mutating func update(_ host: Report.Host, position: Int, rank: Int) throws {
        let update = try db.cachedStatement(
            sql: """
                UPDATE hosts SET
                    rank = ?, url = ?, labels = ?, waived = ?, label = ?, reason = ?, git_sha = ?, digest = ?, reach = ?,
                    identity = ?, build = ?, runtime = ?, attempts = ?, seconds_to_converge = ?, last_answer_age = ?,
                    clock_offset = ?, details = ?
                WHERE verification = ? AND position = ?
                """)
        // Unchecked, which is faster: the text has as many parameters.
        update.setUncheckedArguments([
            rank, host.url, try text(host.labels), try host.waived.map(LedgerCoding.encode), host.status.rawValue,
            host.reason, host.gitSHA?.hex, host.digest?.description, host.facts.reach.rawValue,
            host.facts.identity.rawValue, host.facts.build.rawValue, host.facts.runtime.rawValue, host.attempts,
            host.secondsToConverge, host.lastAnswerAgeSeconds, host.clockOffsetSeconds,
            try details.encode(HostReader.Details(host)), verification, position,
        ])
        try update.execute()
    }

    /// Writes the transitions that differ from the recorded ones, and removes those that the report lacks.
    ///
    /// A report keeps only the first and the latest of very many transitions; the ledger keeps all that it recorded.
    ///
    /// - Parameter ranks: from ``placed(_:)``.
    private func finishTransitions(of hosts: [Report.Host], at ranks: [(position: Int, rank: Int)]) throws {
        let trim = try db.makeStatement(
            sql: "DELETE FROM transitions WHERE verification = ? AND host = ? AND number >= ?")
        var recorded = try RecordedTransitions(of: verification, db)
        // SQLite leaves open whether a cursor sees rows that are written behind it, so a host's rows are read before.
        for (position, rank) in ranks {
            let rows = try recorded.next(position)
            let transitions = hosts[rank].transitions
            guard transitions.count < HostTracker.maximumTransitions else { continue }
            for (number, transition) in transitions.enumerated() {
                if number < rows.count, rows[number].isSame(as: transition, number: number) { continue }
                try write(RecordedTransition(host: position, number: number, transition: transition))
            }
            if let last = rows.last, last.number >= transitions.count {
                try trim.execute(arguments: [verification, position, transitions.count])
            }
        }
    }

    /// The labels as JSON. Many hosts have none, and NULL takes no space.
    private mutating func text(_ labels: [String: String]) throws -> String? {
        labels.isEmpty ? nil : try self.labels.encode(labels)
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

    private let rows: RowCursor
    private var pending: (host: Int, element: Element)?

    init(of verification: Int64, _ db: Database) throws {
        rows = try Row.fetchCursor(
            db,
            sql: "SELECT host, number, seconds, label FROM transitions WHERE verification = ? ORDER BY host, number",
            arguments: [verification])
        try advance()
    }

    /// The transitions of a host, by number.
    mutating func next(_ position: Int) throws -> [Element] {
        var elements: [Element] = []
        while let (host, element) = pending, host <= position {
            if host == position { elements.append(element) }
            try advance()
        }
        return elements
    }

    private mutating func advance() throws {
        pending = try rows.next().map { row in
            (row[0], Element(number: row[1], seconds: row[2], status: row[3]))
        }
    }
}

/// Encodes each distinct value once: most hosts share labels and details, and encoding JSON dominates the time.
private struct EncodingCache<Value: Encodable & Hashable> {
    /// The bound of the memory, for hosts that share nothing.
    private static var limit: Int { 1_000 }
    private var known: [Value: String] = [:]

    mutating func encode(_ value: Value) throws -> String {
        if let text = known[value] { return text }
        let text = try LedgerCoding.encode(value)
        if known.count < Self.limit { known[value] = text }
        return text
    }
}
