package import CollectorSupport
import Shared
import Verdict

/// What `doctor` found: a line for each check, the worst first, with its findings and their remedies.
package struct Diagnosis: Encodable, Sendable {
    /// How bad a finding is, from the best to the worst.
    enum Level: String, Codable, Comparable, Sendable, CaseIterable {
        case ok
        /// Worth knowing.
        case note
        /// Nothing that keeps a host from being proven, but something that will, or that makes a proof weaker.
        case warning
        /// Stands in the way of a proof.
        case problem

        static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }
        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// One finding, and the hosts that it is about.
    struct Finding: Encodable, Hashable, Sendable {
        var level: Level
        /// One line.
        var text: String
        /// Their names; empty if it is about none in particular.
        var hosts: [String] = []
        var remedy: String?

        private enum CodingKeys: String, CodingKey { case level, text, hosts, remedy }

        init(_ level: Level, _ text: String, hosts: [String] = [], remedy: String? = nil) {
            self.level = level
            self.text = Sanitizer.singleLine(text, limit: 512)
            self.hosts = hosts.map { Sanitizer.singleLine($0, limit: 255) }
            self.remedy = remedy.map { Sanitizer.singleLine($0, limit: 512) }
        }
    }

    /// One check. Its level is that of its worst finding.
    struct Check: Encodable, Hashable, Sendable {
        var name: String
        var level: Level { findings.map(\.level).max() ?? standing }
        /// The level without a finding: `ok`, or `note` if nothing was checked.
        var standing = Level.ok
        /// One line.
        var summary: String
        /// The worst first.
        var findings: [Finding]

        private enum CodingKeys: String, CodingKey { case name, level, summary, findings }

        init(_ name: String, _ summary: String, standing: Level = .ok, _ findings: [Finding] = []) {
            self.name = name
            self.summary = Sanitizer.singleLine(summary, limit: 512)
            self.standing = standing
            self.findings = findings.enumerated()
                .sorted { ($1.element.level, $0.offset) < ($0.element.level, $1.offset) }.map(\.element)
        }

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(name, forKey: .name)
            try fields.encode(level, forKey: .level)
            try fields.encode(summary, forKey: .summary)
            try fields.encode(findings, forKey: .findings)
        }
    }

    /// `service` or `service@environment`.
    let service: String
    /// The sources of the inventory.
    let inventory: String
    let hosts: Int
    /// The worst first.
    let checks: [Check]
    /// Set if a signal ended the check early.
    let interruption: Int32?

    init(service: String, inventory: String, hosts: Int, checks: [Check], interruption: Int32? = nil) {
        self.service = service
        self.inventory = Sanitizer.singleLine(inventory, limit: 512)
        self.hosts = hosts
        self.checks = checks.enumerated()
            .sorted { ($1.element.level, $0.offset) < ($0.element.level, $1.offset) }.map(\.element)
        self.interruption = interruption
    }

    /// 0 without a problem, 10 with one.
    package var exitCode: Int32 {
        if let interruption { return interruption }
        return (count(.problem) > 0 ? ExitStatus.stragglers : .success).rawValue
    }

    private func count(_ level: Level) -> Int { checks.count { $0.level == level } }

    private enum CodingKeys: String, CodingKey {
        case service, inventory, hosts, collector, checks
        case exitCode = "exit_code"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(service, forKey: .service)
        try fields.encode(inventory, forKey: .inventory)
        try fields.encode(hosts, forKey: .hosts)
        try fields.encode(["version": BuildinfoVersion.current], forKey: .collector)
        try fields.encode(exitCode, forKey: .exitCode)
        try fields.encode(checks, forKey: .checks)
    }
}

// MARK: - Text

extension Diagnosis {
    /// The most names of one finding.
    private static let maximumNames = 5
    /// The most findings of one check.
    private static let maximumFindings = 6
    private static let indentation = 4

    package func text(_ layout: TextLayout) -> String {
        let levels = checks.map(\.level.rawValue.count).max() ?? 0
        let names = checks.map(\.name.count).max() ?? 0
        var lines = layout.wrapped("\(service), \(hosts.hostCount) from \(inventory)") + [""]
        for check in checks {
            let label =
                check.level.rawValue.padded(toColumns: levels + 2) + check.name.padded(toColumns: names + 2)
            lines += Self.hanging(label, check.summary, layout)
            // Details of what is fine are not for a screen.
            let shown = check.findings.filter { $0.level > .ok }
            for finding in shown.prefix(Self.maximumFindings) { lines += Self.lines(of: finding, layout) }
            if shown.count > Self.maximumFindings {
                lines.append(
                    String(repeating: " ", count: Self.indentation)
                        + layout.encoded(
                            "… and \(shown.count - Self.maximumFindings) more findings (see --format json)"))
            }
        }
        return (lines + [""] + layout.wrapped(conclusion)).map { "\($0)\n" }.joined()
    }

    private static func lines(of finding: Finding, _ layout: TextLayout) -> [String] {
        let margin = String(repeating: " ", count: indentation)
        let text = finding.remedy.map { "\(finding.text): \($0)" } ?? finding.text
        var lines = hanging(margin, text, layout)
        if !finding.hosts.isEmpty {
            lines += hanging(margin + "  ", finding.hosts.listed(limit: maximumNames), layout)
        }
        return lines
    }

    /// A text after a label; lines that follow begin where the text does.
    private static func hanging(_ label: String, _ text: String, _ layout: TextLayout) -> [String] {
        let encoded = layout.encoded(text)
        let width = label.displayWidth
        guard let columns = layout.columns, columns > width + 20 else { return [label + encoded] }
        let margin = String(repeating: " ", count: width)
        return encoded.wrapped(toColumns: columns - width).enumerated().map { ($0 == 0 ? label : margin) + $1 }
    }

    private var conclusion: String {
        if interruption != nil { return "interrupted: not every host was asked" }
        let problems = Self.counted(count(.problem), "problem")
        let warnings = Self.counted(count(.warning), "warning")
        guard count(.problem) > 0 else {
            return "Nothing stands in the way of a proof; \(count(.warning) > 0 ? warnings : "no warnings")."
        }
        return "\(problems) in the way of a proof, \(warnings) (exit \(exitCode))."
    }

    private static func counted(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }
}
