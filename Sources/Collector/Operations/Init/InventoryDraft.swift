import CollectorSupport
import Foundation
import Inventory
import Reports
import Shared
import Verdict

/// The inventory that `init` writes, and what it says about the hosts: a pure function of what they answered.
struct InventoryDraft: Sendable {
    let service: DeployedService
    /// The port of hosts without one; nil for the standard port.
    let port: Int?
    let hosts: [ExaminedHost]
    /// The credentials that the sources name, in the order of the hosts.
    let access: [InventoryCredentials?]
    let createdAt: Date

    // MARK: - The file

    var yaml: String {
        let names = self.names
        let entries = hosts.enumerated().map { index, host in
            var expected = host.expected
            expected.name = names[index]
            expected.id = expected.id ?? Self.usable(host.id)
            return InventoryYAML.Entry(host: expected, access: access[index], remark: Self.remark(host))
        }
        let answered = hosts.count(where: \.hasAnswered)
        return InventoryYAML(
            service: service.name, environment: service.environment, port: port,
            heading: [
                "Written by buildinfo-collector init on \(createdAt.rfc3339.prefix(10)): "
                    + "\(answered) of \(hosts.count.hostCount) said what \(hosts.count == 1 ? "it serves" : "they serve")."
            ]
                + (entries.contains { $0.host.id != nil }
                    ? ["With an id, no other host can answer in the place of this one."] : []),
            entries: entries
        ).render()
    }

    /// The names: the given ones, but for an address the host's own name if no other host has it.
    private var names: [String] {
        let given = hosts.map(\.name)
        let proposed = hosts.map { host in
            Self.isAddress(host.name) ? host.document.map(\.host.name).flatMap(Self.usable) : nil
        }
        let counts = Dictionary((given + proposed.compactMap { $0 }).map { ($0, 1) }, uniquingKeysWith: +)
        return zip(given, proposed).map { given, proposed in
            guard let proposed, counts[proposed] == 1, !["localhost", "debian", "ubuntu"].contains(proposed) else {
                return given
            }
            return proposed
        }
    }

    /// A text from a host that an inventory can contain.
    private static func usable(_ text: String?) -> String? {
        guard let text, (1...255).contains(text.utf8.count), Sanitizer.isVisibleLine(text) else { return nil }
        return text
    }

    /// True for an IP address, with or without a port.
    private static func isAddress(_ name: String) -> Bool {
        guard let (host, _) = HostAddress.hostAndPort(name) else { return false }
        return host.hasPrefix("[") || host.utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
    }

    private static func remark(_ host: ExaminedHost) -> String? {
        guard !host.hasAnswered else { return nil }
        return "\(host.sweep == .conflict ? "no id" : "no answer yet"): \(host.report.explanation.sentence)"
    }

    // MARK: - What the hosts said

    /// The most rows of the table. Of a larger fleet, it shows the hosts that lack most.
    private static let maximumRows = 60

    /// The hosts, and how many are not among its rows.
    var table: (rows: TextTable, hidden: Int) {
        var table = TextTable(["HOST", "SERVICE", "COMMIT", "DIGEST", "STATE", "MISSING FOR A PROOF"])
        let names = self.names
        var shown = Array(hosts.indices)
        if shown.count > Self.maximumRows {
            func weight(_ index: Int) -> Int {
                let gaps = hosts[index].gaps
                return gaps.contains(where: \.isObstacle) ? 2 : gaps.isEmpty ? 0 : 1
            }
            let worst = shown.map { (index: $0, weight: weight($0)) }
                .sorted { ($1.weight, $0.index) < ($0.weight, $1.index) }
            shown = worst.prefix(Self.maximumRows).map(\.index).sorted()
        }
        for (index, host) in shown.map({ ($0, hosts[$0]) }) {
            let isOther = names[index] != host.name
            table.add([
                isOther ? "\(names[index]) (\(host.name))" : host.name, host.hasAnswered ? service.name : "-",
                host.report.gitSHA?.short ?? "-", host.report.digest?.short ?? "-",
                host.hasAnswered ? host.report.facts.runtime.rawValue : host.sweep.text,
                host.gaps.isEmpty ? "nothing" : host.gaps.map(\.text.finding).joined(separator: "; "),
            ])
        }
        return (table, hosts.count - shown.count)
    }

    /// What is missing, with its remedy, and the hosts that lack it, by their names in the file.
    var gaps: [(gap: ProofGap, hosts: [String])] {
        let shown = Dictionary(zip(hosts.map(\.name), names), uniquingKeysWith: { first, _ in first })
        return GapGroup.all(of: hosts).map { group in (group.gap, group.hosts.map { shown[$0] ?? $0 }) }
    }

    // MARK: - The next command

    /// The build that most hosts serve; nil if none is known.
    var mostServed: (build: ExaminedHost.Build, hosts: Int, known: Int)? {
        let builds = hosts.compactMap(\.build)
        var counts: [ExaminedHost.Build: Int] = [:]
        for build in builds { counts[build, default: 0] += 1 }
        // The first one in the inventory's order, if there are several.
        guard let most = counts.values.max(), let build = builds.first(where: { counts[$0] == most }) else {
            return nil
        }
        return (build, most, builds.count)
    }

    /// A command that proves what most hosts serve; nil if no build is known.
    ///
    /// - Parameters:
    ///   - path: of the inventory.
    ///   - flags: further words, quoted where needed.
    func verifyCommand(path: String, flags: [String]) -> String? {
        guard let build = mostServed?.build else { return nil }
        let target =
            (build.gitSHA.map { ["--sha", $0.hex] } ?? []) + (build.digest.map { ["--digest", "\($0)"] } ?? [])
        return
            (["buildinfo-collector", "verify", "--fleet", ShellWord.quoted(path)] + target
            + flags.map(ShellWord.quoted)).joined(separator: " ")
    }
}
