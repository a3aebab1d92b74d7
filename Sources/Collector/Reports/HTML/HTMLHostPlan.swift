import Verdict

/// The hosts of a page: which of them have a row, and which are only in the compact list that the page's search reads.
///
/// On a page of up to ``largest`` hosts, all have a row. On a larger one, rows are for hosts that are not converged and for
/// waived ones, worst first, as far as they fit; see ``HTMLFleet`` for the others.
struct HTMLHostPlan {
    /// The indices of hosts with a row, worst first.
    private(set) var unproven: [Int] = []
    private(set) var waived: [Int] = []
    private(set) var converged: [Int] = []
    /// The indices of hosts without a row, worst first.
    private(set) var others: [Int] = []
    /// True if hosts are in the compact list.
    let isLarge: Bool

    private var hasRow: [Bool]

    /// The most hosts that a browser shows quickly if each has a row.
    static let largest = 2_000
    /// The approximate size of the rows of a larger page, in bytes.
    private static let room = 1_500_000

    init(_ report: Report) {
        isLarge = report.hosts.count > Self.largest
        hasRow = [Bool](repeating: true, count: report.hosts.count)
        var groups: [HostStatus: (gated: [Int], waived: [Int])] = [:]
        for index in report.hosts.indices {
            if report.hosts[index].isWaived {
                groups[report.hosts[index].status, default: ([], [])].waived.append(index)
            } else {
                groups[report.hosts[index].status, default: ([], [])].gated.append(index)
            }
        }
        let worstFirst = HostStatus.allCases.compactMap { status in groups[status].map { (status, $0) } }
        for (status, group) in worstFirst where status != .converged { unproven += group.gated }
        for (_, group) in worstFirst { waived += group.waived }
        converged = groups[.converged]?.gated ?? []
        guard isLarge else { return }
        var left = Self.room
        let (rows, rest) = Self.divided(unproven, room: &left, report)
        let (waivedRows, waivedRest) = Self.divided(waived, room: &left, report)
        others = rest + waivedRest + converged
        (unproven, waived, converged) = (rows, waivedRows, [])
        for index in others { hasRow[index] = false }
    }

    func hasRow(_ index: Int) -> Bool { hasRow[index] }

    /// The hosts whose rows fit, and the others.
    private static func divided(_ hosts: [Int], room: inout Int, _ report: Report) -> ([Int], [Int]) {
        var count = 0
        for index in hosts {
            room -= size(report.hosts[index])
            guard room >= 0 else { break }
            count += 1
        }
        return (Array(hosts.prefix(count)), Array(hosts.dropFirst(count)))
    }

    /// The approximate size of a row in bytes.
    private static func size(_ host: Report.Host) -> Int {
        let changes = host.transitions.prefix(8).reduce(0) { $0 + 90 + $1.reason.utf8.count }
        let labels = host.labels.prefix(64).reduce(0) { $0 + 10 + $1.key.utf8.count + $1.value.utf8.count }
        return 900 + 3 * host.name.utf8.count + host.url.utf8.count + host.reason.utf8.count + changes + labels
    }
}
