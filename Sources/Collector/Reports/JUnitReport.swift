import Shared
import Verdict

/// The report as a JUnit test suite, a test case a host, for the test pages of pipelines.
///
/// A suite with a failure is a report with an exit code other than 0, and the other way round: what is tolerated, waived or
/// not decided is skipped, and a cause that no host shows has a test case of its own. There are no `error` elements: whoever
/// reads these files counts failures, and not everybody's schema knows the other word.
struct JUnitReport {
    let report: Report

    func render() -> String {
        let cases = verdictCases + zip(report.hosts, report.outcomes).map(hostCase)
        let counts: [(String, String)] = [
            ("tests", "\(cases.count)"), ("failures", "\(cases.count { $0.result.isFailure })"), ("errors", "0"),
        ]
        let time = ("time", Self.seconds(report.verification.durationSeconds))
        let skipped = ("skipped", "\(cases.count { $0.result.isSkipped })")
        let name = ("name", "buildinfo verify \(report.target.service)")
        // Where the tests ran is not in a stored report; this is what JUnit's own task writes where it does not know.
        let place = [("timestamp", Self.localTime(report.verification.startedAt)), ("hostname", "localhost")]
        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        lines.append("<testsuites\(Self.attributes([name] + counts + [time]))>")
        lines.append("  <testsuite\(Self.attributes([name] + counts + [skipped, time] + place))>")
        lines.append("    <properties>")
        lines += properties.map { "      <property\(Self.attributes([("name", $0.0), ("value", $0.1)]))/>" }
        lines.append("    </properties>")
        lines += cases.flatMap(\.lines)
        lines += ["  </testsuite>", "</testsuites>", ""]
        return lines.joined(separator: "\n")
    }

    private var properties: [(String, String)] {
        let target = report.target
        let optional: [(String, String?)] = [
            ("git_sha", target.gitSHA.map { "\($0)" }), ("digest", target.digest.map { "\($0)" }),
            ("image", target.image), ("generation", target.generation.map(String.init)),
            ("evidence", report.evidence?.hash),
        ]
        return [
            ("verification", report.verification.id), ("verdict", report.verdict.rawValue),
            ("exit_code", "\(report.exitCode)"), ("expected", "\(report.summary.expected)"),
            ("proven", "\(report.summary.proven)"),
        ] + optional.compactMap { name, value in value.map { (name, $0) } }
    }

    // MARK: - Test cases

    private func hostCase(_ host: Report.Host, _ outcome: HostOutcome) -> JUnitCase {
        JUnitCase(
            group: "buildinfo.\(report.target.service)", name: host.name,
            time: Self.seconds(host.secondsToConverge ?? report.verification.durationSeconds),
            result: Self.result(host, outcome))
    }

    private static func result(_ host: Report.Host, _ outcome: HostOutcome) -> JUnitCase.Result {
        let finding = "\(host.status.rawValue) - \(host.reason)"
        return switch outcome {
        case .proven: .passed
        case .failing: .failed(type: host.status.rawValue, message: host.reason, details: details(host))
        case .tolerated: .skipped("tolerated: \(finding)")
        case .undecided: .skipped("not decided: \(finding)")
        case .waived: .skipped("\(waiver(host)): \(finding)")
        }
    }

    private static func waiver(_ host: Report.Host) -> String {
        guard let waived = host.waived else { return "waived" }
        return "waived until \(waived.until)\(waived.by.map { " by \($0)" } ?? ""), \(waived.reason)"
    }

    /// Facts and transitions, a line each.
    private static func details(_ host: Report.Host) -> [String] {
        let facts = host.facts
        let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let lines: [(String, String?)] = [
            ("status", host.status.rawValue), ("reason", host.reason), ("url", host.url),
            ("labels", labels.isEmpty ? nil : labels), ("git_sha", host.gitSHA.map { "\($0)" } ?? "-"),
            ("digest", host.digest.map { "\($0)" } ?? "-"),
            ("reach", facts.reach.rawValue), ("identity", facts.identity.rawValue), ("build", facts.build.rawValue),
            ("runtime", facts.runtime.rawValue), ("project", host.project),
            ("instances declared", host.instancesExpected.map(String.init)), ("left out", host.leftOutText),
            ("attempts", "\(host.attempts)"),
            ("last answer", host.lastAnswerAgeSeconds.map { "\(Duration(clampingSeconds: $0).brief) before the end" }),
            ("waiver", host.waived.map { "expired, until \($0.until): \($0.reason)" }),
        ]
        return lines.compactMap { name, value in value.map { "\(name): \($0)" } }
            + host.transitions.suffix(maximumTransitions).map {
                "after \(Duration(clampingSeconds: $0.seconds).brief): \($0.status.rawValue) - \($0.reason)"
            }
    }

    private static let maximumTransitions = 100

    /// What no host shows: without it, a red exit could come with a green suite.
    private var verdictCases: [JUnitCase] {
        let isRed = report.exitCode != 0
        let isTold = zip(report.hosts, report.outcomes).contains { $1 == .failing }
        var reasons = isRed ? report.reasonsWithoutHosts : []
        // A status counts hosts by what one look found, and not by their labels.
        if isRed, report.sweep != nil, !isTold { reasons = report.reasons }
        if isRed, reasons.isEmpty, !isTold {
            reasons = [Reason(verdict: report.verdict, hosts: 0, message: "no host shows the cause")]
        }
        // A verdict that is fine without being a success: an empty inventory that was allowed, for example.
        let isMerelyFine = !isRed && report.verdict != .converged && report.verdict != .convergedTolerated
        if isMerelyFine { reasons = Array(report.reasons.prefix(1)) }
        return reasons.map { reason in
            let word = reason.verdict.rawValue
            return JUnitCase(
                group: "buildinfo.verdict", name: word, time: Self.seconds(report.verification.durationSeconds),
                result: isRed
                    ? .failed(type: word, message: reason.message, details: []) : .skipped("\(word): \(reason.message)")
            )
        }
    }

    // MARK: - Values

    private static func attributes(_ pairs: [(String, String)]) -> String {
        pairs.map { XMLText.attribute($0.0, $0.1) }.joined()
    }

    /// To the millisecond, never in powers of ten: `61.205`.
    private static func seconds(_ value: Double) -> String {
        let milliseconds = Duration(clampingSeconds: max(0, value)).milliseconds
        let fraction = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// UTC without saying so, to the second, as JUnit's readers want it: `2026-01-01T00:00:00`.
    private static func localTime(_ time: String) -> String { String(time.prefix(19)) }
}

extension Duration {
    /// Whole milliseconds, rounded.
    fileprivate var milliseconds: Int { Int((seconds * 1_000).rounded()) }
}
