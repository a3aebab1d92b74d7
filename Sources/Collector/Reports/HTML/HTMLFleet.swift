import Shared
import Verdict

/// The hosts of a large page that have no row: a list that only the page's script reads, to find hosts in it.
///
/// Hosts with the same facts share a group, which has their names one per line. A name is written as the number of characters
/// that it shares with the beginning and with the end of the name before, as one digit each of base 36, and the characters
/// between. So a host takes about as many bytes as its name differs by.
struct HTMLFleet {
    private let report: Report
    private let groups: [Group]
    /// True if labels or reasons were left out, because they differ from host to host and would not fit.
    let isShortened: Bool
    /// The number of hosts with each inventory label, over all hosts.
    let labelCounts: [String: Int]

    /// The approximate size of the list in bytes.
    private static let room = 2_000_000

    /// The facts that hosts of a group have in common.
    private struct Facts: Hashable {
        var style: HostStatus
        var status: String
        var build: String?
        var isWaived: Bool
        /// nil if it is left out.
        var reason: String?
        /// The index of the label set; nil if it is left out.
        var labels: Int?
    }

    private struct Group {
        var facts: Facts
        var hosts: [Int]
    }

    private enum Detail: CaseIterable { case all, withoutLabels, withoutReasons }

    private let labelSets: [[String]]

    /// - Parameter others: the indices of hosts without a row, in the order of the list.
    init(_ report: Report, others: [Int]) {
        self.report = report
        let sets = LabelSets(report)
        (labelSets, labelCounts) = (sets.sets, sets.counts)
        var groups: [Group] = []
        var shortened = false
        for detail in Detail.allCases {
            shortened = detail != .all
            groups = Self.grouped(report, others, sets, detail)
            let size = groups.reduce(0) { size, group in
                let labels = group.facts.labels.map { sets.sets[$0].reduce(0) { $0 + $1.utf8.count + 3 } } ?? 0
                return size + 100 + (group.facts.reason?.utf8.count ?? 0) + labels
            }
            if size <= Self.room { break }
        }
        self.groups = groups
        isShortened = shortened
    }

    private static func grouped(_ report: Report, _ others: [Int], _ sets: LabelSets, _ detail: Detail) -> [Group] {
        var positions: [Facts: Int] = [:]
        var groups: [Group] = []
        for index in others {
            let facts = Facts(
                style: report.hosts[index].styleStatus, status: report.hosts[index].statusText,
                build: report.hosts[index].shortBuild, isWaived: report.hosts[index].isWaived,
                reason: detail == .withoutReasons ? nil : report.hosts[index].reason,
                labels: detail == .all ? sets.indices[index] : nil)
            if let position = positions[facts] {
                groups[position].hosts.append(index)
            } else {
                positions[facts] = groups.count
                groups.append(Group(facts: facts, hosts: [index]))
            }
        }
        return groups
    }

    // MARK: - The list

    /// A script element of a type that no browser runs: the policy of the page does not concern it.
    var element: Markup {
        var text = ScriptJSON()
        text.raw("[")
        for (index, group) in groups.enumerated() {
            text.raw(index == 0 ? "\n{" : ",\n{")
            text.member("style", group.facts.style.rawValue)
            text.raw(",")
            text.member("status", group.facts.status)
            text.raw(",")
            text.member("reason", Sanitizer.singleLine(group.facts.reason ?? "", limit: 512))
            text.raw(",")
            text.member("serves", group.facts.build ?? "")
            if group.facts.isWaived { text.raw(",\"waived\":true") }
            text.raw(",\"labels\":[")
            let labels = group.facts.labels.map { labelSets[$0] } ?? []
            for (index, label) in labels.enumerated() {
                if index > 0 { text.raw(",") }
                text.string(Sanitizer.singleLine(label, limit: HTMLHostRow.chipLimit))
            }
            text.raw("],\"names\":\"")
            names(group.hosts, to: &text)
            text.raw("\",\"after\":\"")
            times(group.hosts, to: &text)
            text.raw("\"}")
        }
        text.raw("\n]")
        return Markup.script(data: text.bytes, id: "fleet")
    }

    private func names(_ hosts: [Int], to text: inout ScriptJSON) {
        var last: [UInt8] = []
        for (position, index) in hosts.enumerated() {
            let name = Array(Sanitizer.singleLine(report.hosts[index].name, limit: 255).utf8)
            // Characters of other alphabets are not divided.
            let isPlain = name.allSatisfy { $0 < 0x80 } && last.allSatisfy { $0 < 0x80 }
            let most = isPlain ? min(35, name.count, last.count) : 0
            let start = zip(name, last).prefix(most).prefix { $0 == $1 }.count
            let end = zip(name.reversed(), last.reversed()).prefix(min(most, min(name.count, last.count) - start))
                .prefix { $0 == $1 }.count
            if position > 0 { text.raw("\\n") }
            text.digit(start)
            text.digit(isPlain ? end : 0)
            text.characters(name[start..<name.count - (isPlain ? end : 0)])
            last = name
        }
    }

    /// The times to converge in tenths of a second, empty without one.
    private func times(_ hosts: [Int], to text: inout ScriptJSON) {
        for (position, index) in hosts.enumerated() {
            if position > 0 { text.raw(",") }
            guard let seconds = report.hosts[index].secondsToConverge, seconds >= 0, seconds < 1e9 else { continue }
            text.number(Int((seconds * 10).rounded()))
        }
    }
}

/// The distinct sets of inventory labels of a report's hosts: few, however many hosts there are.
struct LabelSets {
    /// As `key=value`, sorted.
    private(set) var sets: [[String]] = []
    /// The set of each host.
    private(set) var indices: [Int] = []
    /// The number of hosts with each label.
    private(set) var counts: [String: Int] = [:]

    init(_ report: Report) {
        var positions: [[String: String]: Int] = [:]
        var hosts: [Int] = []
        indices.reserveCapacity(report.hosts.count)
        for index in report.hosts.indices {
            let labels = report.hosts[index].labels
            let position = positions[labels] ?? sets.count
            if position == sets.count {
                positions[labels] = position
                sets.append(report.hosts[index].sortedLabels)
                hosts.append(0)
            }
            hosts[position] += 1
            indices.append(position)
        }
        for (set, count) in zip(sets, hosts) { for label in set { counts[label, default: 0] += count } }
    }
}

/// JSON that can stand in a script element: no text in it can end the element or begin a comment.
private struct ScriptJSON {
    private(set) var bytes: [UInt8] = []

    private static let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)

    mutating func raw(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    mutating func member(_ key: StaticString, _ value: String) {
        raw("\"")
        raw(key)
        raw("\":")
        string(value)
    }

    mutating func string(_ text: String) {
        raw("\"")
        characters(text.utf8)
        raw("\"")
    }

    /// - Parameter count: below 36.
    mutating func digit(_ count: Int) { bytes.append(Self.digits[count]) }

    mutating func number(_ value: Int) { bytes += String(value).utf8 }

    /// Sanitised text, which has no control characters.
    mutating func characters(_ text: some Sequence<UInt8>) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                bytes += "\\u00\(Hexadecimal.encode([byte]))".utf8
            default: bytes.append(byte)
            }
        }
    }
}
