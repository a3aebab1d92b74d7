import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

/// The outcome of a host in a verification, as far as statistics need it.
struct RecordedOutcome: Hashable {
    var status: HostStatus
    /// The time to converge, in seconds; nil if the host did not converge, or served the target from the start.
    var seconds: Double?
    /// False for a waived host: it is not in the gate, nor in any figure.
    var isGated: Bool
}

/// The outcomes of a verification's hosts, in the form in which the ledger keeps them for statistics.
///
/// Statistics over a year read every host's outcome in every verification. A row of `hosts` has hundreds of bytes, an outcome
/// here about four: the hosts themselves are in a list that verifications of the same hosts share. The rows stay the truth:
/// a verification without outcomes, from an older collector, is read from them.
struct RecordedOutcomes: Equatable {
    /// The hosts, in the order of the outcomes: a line for each name. A line that begins with a tab has the labels of the hosts
    /// after it, as JSON; without such a line they have none.
    private(set) var hosts: [UInt8] = []
    /// For each host a byte with its status (bits 0 to 4), whether it is waived (bit 5), and the form of its time (bits 6 and
    /// 7), and then the time.
    private(set) var outcomes: [UInt8] = []
    private var labels: String?
    /// False after a name or label that is not on one line.
    private(set) var isStorable = true

    private static let isWaived: UInt8 = 1 << 5
    /// The time follows as milliseconds, seven bits in a byte, the lowest first; the last byte is below 128.
    private static let milliseconds: UInt8 = 1 << 6
    /// The time follows as the eight bytes of a double, the lowest first.
    private static let exactSeconds: UInt8 = 1 << 7

    /// The number of each status. Ledgers contain the numbers: add statuses at the end, at most 32.
    static let statuses: [HostStatus] = [
        .converged, .straggler, .unreachable, .failed, .rolledBack, .conflict, .agentError, .unverifiable, .missing,
        .mixed, .ahead, .pending, .starting, .flapping, .soaking,
    ]

    // MARK: - Collect

    /// - Parameter labels: as JSON; nil for none.
    mutating func add(_ name: String, labels: String?, _ outcome: RecordedOutcome) {
        guard isStorable else { return }
        if labels != self.labels {
            self.labels = labels
            addLine(UInt8(ascii: "\t"), labels ?? "")
        }
        guard !name.isEmpty else { return isStorable = false }
        addLine(nil, name)
        add(outcome)
    }

    private mutating func addLine(_ mark: UInt8?, _ text: String) {
        if let mark { hosts.append(mark) }
        var text = text
        text.withUTF8 { bytes in
            if bytes.contains(where: { $0 < 0x20 }) { isStorable = false }
            hosts.append(contentsOf: bytes)
        }
        hosts.append(UInt8(ascii: "\n"))
    }

    private mutating func add(_ outcome: RecordedOutcome) {
        guard let status = Self.statuses.firstIndex(of: outcome.status) else { return isStorable = false }
        let head = UInt8(status) | (outcome.isGated ? 0 : Self.isWaived)
        guard let seconds = outcome.seconds else { return outcomes.append(head) }
        if var rest = Self.milliseconds(of: seconds) {
            outcomes.append(head | Self.milliseconds)
            while rest >= 128 {
                outcomes.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            outcomes.append(UInt8(rest))
        } else {
            outcomes.append(head | Self.exactSeconds)
            withUnsafeBytes(of: seconds.bitPattern.littleEndian) { outcomes.append(contentsOf: $0) }
        }
    }

    /// The time in milliseconds, if these give exactly the same number of seconds; collectors record such times.
    private static func milliseconds(of seconds: Double) -> UInt64? {
        let rounded = (seconds * 1_000).rounded()
        guard rounded >= 0, rounded < 1e15, rounded / 1_000 == seconds, seconds.sign == .plus else { return nil }
        return UInt64(rounded)
    }

    // MARK: - Read outcomes

    /// Calls the body with each outcome and its index in the list of hosts.
    static func forEach(in bytes: UnsafeRawBufferPointer, _ body: (Int, RecordedOutcome) throws -> Void) throws {
        var place = 0
        func next() throws -> UInt8 {
            guard place < bytes.count else { throw damage("the outcomes of a verification end early") }
            defer { place += 1 }
            return bytes[place]
        }
        var index = 0
        while place < bytes.count {
            let head = try next()
            let status = Int(head & 31)
            guard status < statuses.count else { throw damage("an outcome has an unknown status") }
            var seconds: Double?
            switch head & (milliseconds | exactSeconds) {
            case 0: break
            case milliseconds:
                var value: UInt64 = 0
                for shift in stride(from: 0, through: 56, by: 7) {
                    let byte = try next()
                    value |= UInt64(byte & 127) << shift
                    if byte < 128 { break }
                }
                seconds = Double(value) / 1_000
            case exactSeconds:
                var value: UInt64 = 0
                for shift in stride(from: 0, to: 64, by: 8) { value |= UInt64(try next()) << shift }
                seconds = Double(bitPattern: value)
            default: throw damage("an outcome has an unknown form")
            }
            try body(index, RecordedOutcome(status: statuses[status], seconds: seconds, isGated: head & isWaived == 0))
            index += 1
        }
    }

    static func damage(_ message: String) -> DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: message)
    }
}

// MARK: - Database

extension RecordedOutcomes {
    /// The outcomes in the rows of a verification's hosts.
    init(of verification: Int64, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT name, labels, label, seconds_to_converge, waived FROM hosts
                    WHERE verification = ? AND label IS NOT NULL ORDER BY position
                    """), arguments: [verification])
        while let row = try rows.next() {
            // What a newer collector recorded stays readable only as rows.
            guard let status = HostStatus(rawValue: row[2]) else {
                isStorable = false
                return
            }
            add(
                row[0], labels: row[1],
                RecordedOutcome(status: status, seconds: row[3], isGated: try Self.isGated(row[4])))
        }
    }

    /// False for a waived host, unless its waiver has expired.
    static func isGated(_ waived: String?) throws -> Bool {
        guard let waived else { return true }
        let waiver: Report.Host.Waived = try LedgerCoding.decode(waived)
        return waiver.expired
    }

    /// Stores the outcomes, in the transaction that writes the verification's end.
    func write(for verification: Int64, _ db: Database) throws {
        guard isStorable, !outcomes.isEmpty else { return }
        let hash = Hexadecimal.encode(SHA256.hash(hosts))
        try db.execute(
            sql: "INSERT INTO host_lists (hash, hosts) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING",
            arguments: [hash, String(decoding: hosts, as: UTF8.self)])
        try db.execute(
            sql: """
                INSERT INTO host_outcomes (verification, list, outcomes)
                SELECT ?, number, ? FROM host_lists WHERE hash = ?
                """,
            arguments: [verification, Data(outcomes), hash])
    }

    /// Stores the outcomes of all verifications that ended before the ledger had a place for them.
    static func writeAll(_ db: Database) throws {
        let numbers = try Int64.fetchAll(
            db, sql: "SELECT number FROM verifications WHERE state = 'finished' ORDER BY number")
        for number in numbers { try RecordedOutcomes(of: number, db).write(for: number, db) }
    }

    /// Removes the lists of hosts that no verification has any more.
    static func removeUnusedLists(_ db: Database) throws {
        try db.execute(
            sql: """
                DELETE FROM host_lists
                WHERE NOT EXISTS (SELECT 1 FROM host_outcomes WHERE host_outcomes.list = host_lists.number)
                """)
    }
}

// MARK: - Lists of hosts

/// A list of hosts with their labels, as ``RecordedOutcomes`` keeps it.
struct HostList {
    private(set) var hosts: [(name: String, labels: String?)] = []

    init(_ text: String) {
        var labels: String?
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            if line.first == UInt8(ascii: "\t") {
                labels = line.count == 1 ? nil : String(Substring(line.dropFirst()))
            } else {
                hosts.append((String(Substring(line)), labels))
            }
        }
    }
}
