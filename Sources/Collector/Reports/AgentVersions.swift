import Shared
import Verdict

/// The versions of the agents of a fleet, and how they relate to this collector's.
package struct AgentVersions: Sendable {
    /// The number of hosts with each version.
    private var hosts: [String: Int] = [:]
    private let collector: String

    /// - Parameter collector: the version of the collector, whose contract with the agents counts.
    package init(collector: String = BuildinfoVersion.current) {
        self.collector = collector
    }

    /// The relation of an agent to this collector. A patch changes no contract.
    package enum Relation: Hashable, Sendable {
        case same
        /// An earlier minor or major version: it may not report everything that this collector uses.
        case older
        /// A later minor or major version: it may report what this collector does not understand.
        case newer
        /// Not a version of the form `1.2.3`.
        case unknown
    }

    package mutating func note(_ version: String) {
        hosts[Sanitizer.singleLine(version, limit: 64), default: 0] += 1
    }

    mutating func add(_ other: AgentVersions) { hosts.merge(other.hosts, uniquingKeysWith: +) }

    package var isEmpty: Bool { hosts.isEmpty }
    package var areDifferent: Bool { hosts.count > 1 }

    package func relation(of version: String) -> Relation {
        guard let theirs = Self.numbers(version), let ours = Self.numbers(collector) else { return .unknown }
        let (left, right) = (theirs.prefix(2), ours.prefix(2))
        if left.elementsEqual(right) { return .same }
        return left.lexicographicallyPrecedes(right) ? .older : .newer
    }

    /// The versions with their numbers of hosts, the most frequent first: `0.2.0 on 11 hosts, 0.1.0 on 1 host`.
    package var text: String {
        hosts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) on \($0.value.hostCount)" }
            .listed(limit: 4)
    }

    /// One line if versions differ, or if any is not of this collector's minor version; nil otherwise.
    package var warning: String? {
        let relations = Set(hosts.keys.map(relation))
        let isOld = relations.contains(.older)
        let isNew = relations.contains(.newer)
        guard areDifferent || isOld || isNew else { return nil }
        let advice =
            isOld
            ? "update those that are older than this collector (\(collector))"
            : isNew ? "update this collector (\(collector)), which is older" : nil
        let what =
            areDifferent ? "the agents have different versions" : "the agents' version differs from the collector's"
        return "\(what): \(text)" + (advice.map { "; \($0)" } ?? "")
    }

    /// The major, minor and patch number; a suffix such as `-rc.1` or `+build` is left out. nil for any other text.
    private static func numbers(_ text: String) -> [Int]? {
        let core = text.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let numbers = parts.compactMap { part in
            part.utf8.count <= 9 && part.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ? Int(part) : nil
        }
        return numbers.count == 3 ? numbers : nil
    }
}
