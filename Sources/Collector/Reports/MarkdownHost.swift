import Shared
import Verdict

/// What Markdown tells of one host that is not converged: its facts, and how it came to its status.
struct MarkdownHost {
    let host: Report.Host

    private static let maximumTransitions = 12

    var lines: [String] {
        let facts = host.facts
        let labels = host.labels.sorted { $0.key < $1.key }.prefix(8)
            .map { MarkdownText.code("\($0.key)=\($0.value)", limit: 128) }.joined(separator: " ")
        let answer = host.lastAnswerAgeSeconds.map {
            ", the last answer \(Duration(clampingSeconds: $0).brief) before the end"
        }
        let waiver = host.waived.map { waived in
            "waiver expired, until \(MarkdownText.code(waived.until, limit: 64)): \(MarkdownText.code(waived.reason))"
        }
        let told = host.transitions.suffix(Self.maximumTransitions)
        let untold = host.transitions.count - told.count
        let entries: [String?] = [
            "reach \(facts.reach.rawValue), identity \(facts.identity.rawValue), build \(facts.build.rawValue), "
                + "runtime \(facts.runtime.rawValue)",
            "asked \(host.attempts) times at \(MarkdownText.code(host.url, limit: 255))\(answer ?? "")",
            host.gitSHA.map { "commit \(MarkdownText.code("\($0)"))" },
            host.digest.map { "digest \(MarkdownText.code("\($0)"))" },
            host.project.map { "project \(MarkdownText.code($0))" },
            host.instancesExpected.map { "\($0) instance\($0 == 1 ? "" : "s") declared" },
            host.leftOutText.map { MarkdownText.code($0) }, labels.isEmpty ? nil : labels, waiver,
            untold > 0 ? "… \(untold) earlier changes" : nil,
        ]
        let transitions = told.map { transition in
            "+\(Duration(clampingSeconds: transition.seconds).brief) \(transition.status.rawValue): "
                + MarkdownText.code(transition.reason)
        }
        return ["- \(MarkdownText.code(host.name, limit: 255)) **\(host.status.rawValue)**"]
            + (entries.compactMap { $0 } + transitions).map { "  - \($0)" }
    }
}
