import CollectorSupport
import Shared
import Verdict

/// The report as a JUnit test suite with one test case per host, for the test pages of pipelines.
///
/// The suite has a failure if and only if the exit code is not 0: tolerated, waived and undecided hosts are skipped, and a
/// cause that no host shows has a test case of its own. There are no `error` elements, because many readers count failures
/// only, and not every schema knows `error`.
struct JUnitReport {
    let report: Report

    private static let maximumTransitions = 100

    func render() -> String {
        var text = ""
        write { text += $0 }
        return text
    }

    func write(to stream: inout ByteStream) throws { try write { try stream.write($0) } }

    /// Writes one test case after the other.
    private func write(_ take: (String) throws -> Void) rethrows {
        let outcomes = report.outcomes
        let verdictCases = verdictCases(outcomes)
        let failures = outcomes.count { $0 == .failing } + verdictCases.count { $0.result.isFailure }
        let proven = outcomes.count { $0 == .proven } + verdictCases.count { $0.result.isPassed }
        let tests = outcomes.count + verdictCases.count
        let counts: [(String, String)] = [("tests", "\(tests)"), ("failures", "\(failures)"), ("errors", "0")]
        let time = ("time", Self.seconds(report.verification.durationSeconds))
        let skipped = ("skipped", "\(tests - failures - proven)")
        let name = ("name", "buildinfo verify \(report.target.service)")
        // A stored report does not know the machine. JUnit's Ant task also writes this value if the host name is unknown.
        let place = [("timestamp", Self.localTime(report.verification.startedAt)), ("hostname", "localhost")]
        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        lines.append("<testsuites\(XMLText.attributes([name] + counts + [time]))>")
        lines.append("  <testsuite\(XMLText.attributes([name] + counts + [skipped, time] + place))>")
        lines.append("    <properties>")
        lines += properties.map { "      <property\(XMLText.attributes([("name", $0.0), ("value", $0.1)]))/>" }
        lines.append("    </properties>")
        lines += verdictCases.flatMap(\.lines)
        try take(lines.joined(separator: "\n") + "\n")
        for (index, outcome) in outcomes.enumerated() {
            try take(hostCase(report.hosts[index], outcome).lines.joined(separator: "\n") + "\n")
        }
        try take("  </testsuite>\n</testsuites>\n")
    }

    private var properties: [(String, String)] {
        let target = report.target
        let optional: [(String, String?)] = [
            ("git_sha", target.gitSHA.map { "\($0)" }), ("digest", target.digest.map { "\($0)" }),
            ("image", target.image), ("generation", target.generation.map(String.init)),
            ("evidence", report.evidence?.hash),
            ("environment", target.environment.isStandard ? nil : "\(target.environment)"),
        ]
        let headline = report.headline
        let links = (report.origin?.links ?? []).map { ($0.name, Optional($0.url)) }
        return [
            ("headline", headline.text), ("next", headline.next), ("verification", report.verification.id),
            ("verdict", report.verdict.rawValue),
            ("exit_code", "\(report.exitCode)"), ("expected", "\(report.summary.expected)"),
            ("proven", "\(report.summary.proven)"),
        ] + (optional + links).compactMap { name, value in value.map { (name, $0) } }
    }

    // MARK: - Test cases

    private func hostCase(_ host: Report.Host, _ outcome: HostOutcome) -> JUnitCase {
        JUnitCase(
            group: "buildinfo.\(report.target.service)", name: host.name,
            time: Self.seconds(
                host.servedFromStart ? 0 : host.secondsToConverge ?? report.verification.durationSeconds),
            result: Self.result(host, outcome))
    }

    private static func result(_ host: Report.Host, _ outcome: HostOutcome) -> JUnitCase.Result {
        let finding = "\(host.statusText) - \(host.reason)"
        return switch outcome {
        case .proven: .passed
        case .failing: .failed(type: host.statusText, message: host.reason, details: details(host))
        case .tolerated: .skipped("tolerated: \(finding)")
        case .undecided: .skipped(host.sweep == nil ? "not decided: \(finding)" : finding)
        case .waived: .skipped("\(waiver(host)): \(finding)")
        }
    }

    private static func waiver(_ host: Report.Host) -> String {
        guard let waived = host.waived else { return "waived" }
        return "waived until \(waived.until)\(waived.by.map { " by \($0)" } ?? ""), \(waived.reason)"
    }

    /// Facts and transitions, one line each.
    private static func details(_ host: Report.Host) -> [String] {
        let facts = host.facts
        let labels = host.sortedLabels.joined(separator: " ")
        let lines: [(String, String?)] = [
            ("status", host.statusText), ("reason", host.reason), ("url", host.url),
            ("labels", labels.isEmpty ? nil : labels), ("git_sha", host.gitSHA.map { "\($0)" } ?? "-"),
            ("digest", host.digest.map { "\($0)" } ?? "-"),
            ("reach", facts.reach.rawValue), ("identity", facts.identity.rawValue), ("build", facts.build.rawValue),
            ("runtime", facts.runtime.rawValue), ("project", host.project),
            ("instances declared", host.instancesExpected.map(String.init)), ("left out", host.leftOutText),
            ("attempts", "\(host.attempts)"),
            ("last answer", host.lastAnswerAgeSeconds.map { "\(ReportText.duration($0)) before the end" }),
            ("waiver", host.waived.map { "expired, until \($0.until): \($0.reason)" }),
        ]
        return lines.compactMap { name, value in value.map { "\(name): \($0)" } }
            + host.shownTransitions.suffix(maximumTransitions).map {
                "after \(ReportText.duration($0.seconds)): \($0.status.rawValue) - \($0.reason)"
            }
    }

    /// Causes that no host shows. Without them, the suite could be green despite a red exit code.
    private func verdictCases(_ outcomes: [HostOutcome]) -> [JUnitCase] {
        let isRed = report.exitCode != 0
        let isShown = outcomes.contains(.failing)
        var reasons = isRed ? report.reasonsWithoutHosts : []
        // A status counts hosts by its findings and not by their statuses.
        if isRed, report.sweep != nil, !isShown { reasons = report.reasons }
        if isRed, reasons.isEmpty, !isShown {
            reasons = [Reason(verdict: report.verdict, hosts: 0, message: "no host shows the cause")]
        }
        // A verdict with exit code 0 that is not a success, for example a permitted empty inventory.
        let isMerelyFine = !isRed && report.verdict != .converged && report.verdict != .convergedTolerated
        if isMerelyFine { reasons = Array(report.reasons.prefix(1)) }
        return reasons.map { reason in
            let word = report.sweep == nil || reason.hosts == 0 ? reason.verdict.rawValue : "status"
            return JUnitCase(
                group: "buildinfo.verdict", name: word, time: Self.seconds(report.verification.durationSeconds),
                result: isRed
                    ? .failed(type: word, message: reason.message, details: []) : .skipped("\(word): \(reason.message)")
            )
        }
    }

    // MARK: - Values

    /// Seconds with three decimals and without an exponent: `61.205`.
    private static func seconds(_ value: Double) -> String {
        let milliseconds = Int((Duration(clampingSeconds: max(0, value)).seconds * 1_000).rounded())
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// UTC to the second, without a zone, as readers of JUnit expect it: `2026-01-01T00:00:00`.
    private static func localTime(_ time: String) -> String { String(time.prefix(19)) }
}

/// One test case of a JUnit file.
private struct JUnitCase {
    enum Result {
        case passed
        case skipped(String)
        /// - Parameter details: one line each.
        case failed(type: String, message: String, details: [String])

        var isFailure: Bool { if case .failed = self { true } else { false } }
        var isPassed: Bool { if case .passed = self { true } else { false } }
    }

    /// The class, by which readers group test cases.
    let group: String
    let name: String
    /// Seconds.
    let time: String
    let result: Result

    var lines: [String] {
        let start = "    <testcase" + XMLText.attributes([("classname", group), ("name", name), ("time", time)])
        switch result {
        case .passed: return [start + "/>"]
        case .skipped(let message):
            return [start + ">", "      <skipped\(XMLText.attributes([("message", message)]))/>", "    </testcase>"]
        case .failed(let type, let message, let details):
            let failure = "      <failure" + XMLText.attributes([("type", type), ("message", message)])
            guard !details.isEmpty else { return [start + ">", failure + "/>", "    </testcase>"] }
            return [start + ">", failure + ">"] + details.map { XMLText.line($0, limit: 4_096) }
                + ["</failure>", "    </testcase>"]
        }
    }
}

/// Text in an XML 1.0 document.
private enum XMLText {
    /// One line of foreign text, for an element or a quoted attribute.
    ///
    /// Sanitised, because XML 1.0 forbids most control characters even as references (section 2.2), and with every special
    /// character escaped: `]]>` must not occur in an element, nor `<` in an attribute.
    static func line(_ text: String, limit: Int = 1_024) -> String {
        var result = ""
        for scalar in Sanitizer.singleLine(text, limit: limit).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            // The sanitiser has spelled out every character that XML forbids (C0, surrogates, U+FFFE, U+FFFF).
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// ` name="value"` for each pair.
    static func attributes(_ pairs: [(String, String)]) -> String {
        pairs.map { " \($0.0)=\"\(line($0.1))\"" }.joined()
    }
}
