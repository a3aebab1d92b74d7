import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

/// Adds verifications and the outcomes of their hosts to statistics.
struct OutcomeReader {
    private(set) var statistics: HistoryStatistics
    /// The only host whose outcomes are added; nil for all.
    private let host: String?
    private let db: Database
    /// The places of the hosts of the latest lists, by the lists' numbers. Consecutive verifications mostly share one.
    private var lists: [Int64: [HistoryStatistics.Place]] = [:]
    /// The values of the label that is grouped by, by the labels' text.
    private var values: [String: String?] = [:]

    /// The bound of the memory.
    private static let maximumLists = 4
    private static let maximumValues = 10_000

    init(_ statistics: HistoryStatistics, host: String?, _ db: Database) {
        self.statistics = statistics
        self.host = host
        self.db = db
    }

    /// It is fastest to add the verifications of a service one after the other.
    mutating func add(_ verification: VerificationSummary) throws {
        statistics.add(verification)
        if host == nil, try addStored(verification.number) { return }
        try addRows(verification.number)
    }

    /// - Returns: false if the outcomes of the verification are not stored; an older collector recorded its end.
    private mutating func addStored(_ verification: Int64) throws -> Bool {
        let stored = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT list, outcomes FROM host_outcomes WHERE verification = ?"),
            arguments: [verification])
        guard let row = try stored.next() else { return false }
        let places = statistics.dividesHosts ? try places(of: row[0]) : []
        try row.withUnsafeData(atIndex: 1) { data in
            guard let data else { return }
            try data.withUnsafeBytes { bytes in
                guard statistics.dividesHosts else {
                    return try RecordedOutcomes.forEach(in: bytes) { statistics.add($1) }
                }
                try RecordedOutcomes.forEach(in: bytes) { index, outcome in
                    guard index < places.count else {
                        throw RecordedOutcomes.damage("a verification has more outcomes than its list has hosts")
                    }
                    statistics.add(outcome, at: places[index])
                }
            }
        }
        return true
    }

    private mutating func places(of number: Int64) throws -> [HistoryStatistics.Place] {
        if let known = lists[number] { return known }
        let text = try String.fetchOne(
            db.cachedStatement(sql: "SELECT hosts FROM host_lists WHERE number = ?"), arguments: [number])
        guard let text else { throw RecordedOutcomes.damage("the list of a verification's hosts is missing") }
        var places: [HistoryStatistics.Place] = []
        for host in HostList(text).hosts {
            places.append(statistics.place(of: host.name, label: try value(host.labels)))
        }
        if lists.count == Self.maximumLists { lists = [:] }
        lists[number] = places
        return places
    }

    private mutating func addRows(_ verification: Int64) throws {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT name, labels, label, seconds_to_converge, waived FROM hosts
                    WHERE verification = ? AND label IS NOT NULL\(host == nil ? "" : " AND name = ?")
                    """), arguments: [verification] + (host.map { [$0] } ?? []))
        while let row = try rows.next() {
            let isDivided = statistics.dividesHosts
            let place = isDivided ? statistics.place(of: row[0], label: try value(row[1])) : .init()
            statistics.add(
                RecordedOutcome(
                    status: try LedgerCoding.value(row[2], of: "status"), seconds: row[3],
                    isGated: try RecordedOutcomes.isGated(row[4])),
                at: place)
        }
    }

    /// The value of the label that is grouped by; nil without one.
    private mutating func value(_ labels: String?) throws -> String? {
        guard case .label(let key) = statistics.grouping, let labels else { return nil }
        // Most hosts share their labels with others.
        if let known = values[labels] { return known }
        let decoded: [String: String] = try LedgerCoding.decode(labels)
        if values.count == Self.maximumValues { values = [:] }
        values[labels] = .some(decoded[key])
        return decoded[key]
    }
}
