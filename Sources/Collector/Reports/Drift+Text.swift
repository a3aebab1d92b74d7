import CollectorSupport
package import FoundationEssentials
import Shared
import Verdict

extension Drift {
    /// How long ago a moment of RFC 3339 was, in the largest unit; nil where it is none.
    package static func age(_ text: String, now: Date) -> String? {
        guard let then = Date(rfc3339: text) else { return nil }
        let seconds = max(0, now.timeIntervalSince(then))
        let units: [(Double, String)] = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        for (length, name) in units where seconds >= length {
            let count = Int(seconds / length)
            return "\(count) \(name)\(count == 1 ? "" : "s")"
        }
        return "\(Int(seconds)) s"
    }

    /// For the report as text.
    package func lines(now: Date) -> [String] {
        func ago(_ text: String?, _ verb: String) -> String? {
            text.flatMap { Self.age($0, now: now) }.map { "\(verb) \($0) ago" }
        }
        func line(_ build: Build) -> String {
            [
                build.gitSHA?.short ?? "no commit", build.digest?.short ?? "no digest",
                build.generation.map { "generation \($0)" }, ago(build.builtAt, "built"),
                ago(build.promotedAt, "promoted"), build.actor.map { "by \($0)" },
                build.hosts.map { $0.hostCount },
            ].compactMap { $0 }.joined(separator: ", ")
        }
        var lines = ["tag        \(image): \(tag.map(line) ?? "nothing")"]
        lines.append("promoted   \(promoted.map(line) ?? "nothing that this ledger knows")")
        lines += served.map { "served     \(line($0))" }
        lines += findings.map { "drift      \($0.message)" }
        if findings.isEmpty { lines.append("drift      none") }
        return lines
    }
}
