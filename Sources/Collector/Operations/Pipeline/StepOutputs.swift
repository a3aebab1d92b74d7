import Reports
import Shared
import Verdict

/// A report as the outputs of a pipeline's step, for later steps and jobs.
///
/// | name | value |
/// |---|---|
/// | `verdict` | as in the report |
/// | `exit_code` | as in the report |
/// | `moved` | `true` if this run moved the tag, also if it was put back later; `false` if certainly not; else `unknown` |
/// | `tag` | ``Headline/tagBuild``: the full commit that the tag is at the end; empty if unknown |
/// | `serving` | ``Serving/value``: the full commit that all hosts serve, `mixed`, `none`, `unknown`, or empty |
/// | `failed_hosts` | the hosts that `failed` and `rolled_back` count, tolerated ones too, worst first, separated by commas |
/// | `unproven_hosts` | the hosts that `unreachable`, `stragglers` and `conflict` count, in the same form |
/// | `verification` | the report's id, for `report ID` |
/// | `expected` | hosts in the gate |
/// | `proven` | hosts proven to serve the target |
/// | `failed` | crash loop, unhealthy, exited, wrong image |
/// | `rolled_back` | matched the target, then went back |
/// | `unreachable` | no usable answer: `unreachable`, `agent_error`, `unverifiable`, `missing` |
/// | `stragglers` | not on target yet: `straggler`, `pending`, `starting`, `soaking`, `flapping`, `mixed` |
/// | `not_asked` | only if the run was interrupted before they were asked |
/// | `ahead` | serve a later promotion |
/// | `conflict` | another host answered |
/// | `waived` | excluded from the gate and from the counts above |
///
/// The counts from `proven` to `conflict`, with `not_asked`, add up to `expected`.
struct StepOutputs {
    let report: Report

    /// The most names of hosts, and their size together in bytes: an output is part of every later command line.
    private static let maximumHosts = 50
    private static let maximumSize = 2_048

    /// `name=value`, one per line. Only the program's own words and numbers, and names reduced to harmless characters, so that
    /// no value can contain a newline, another output, or anything that a shell interprets.
    var text: String {
        let headline = report.headline
        var counts = report.gatedCounts
        let unasked = report.unasked
        counts[.behind, default: 0] -= unasked
        let classes: [(String, HostStatus.Category)] = [
            ("proven", .proven), ("failed", .failed), ("rolled_back", .rolledBack), ("unreachable", .unproven),
            ("stragglers", .behind), ("ahead", .ahead), ("conflict", .conflict),
        ]
        let lines: [(String, String)] =
            [
                ("verdict", report.verdict.rawValue), ("exit_code", "\(report.exitCode)"),
                ("moved", Self.word(headline.effect ?? .unchanged)), ("tag", Self.word(headline.tagBuild)),
                ("serving", Self.word(headline.build)),
                ("failed_hosts", names(of: [.failed, .rolledBack])),
                ("unproven_hosts", names(of: [.unproven, .behind, .conflict])),
                ("verification", Self.word(report.verification.id)), ("expected", "\(report.summary.expected)"),
            ] + classes.map { ($0, "\(counts[$1, default: 0])") } + (unasked > 0 ? [("not_asked", "\(unasked)")] : [])
            + [("waived", "\(report.summary.waived)")]
        return Self.text(lines)
    }

    static func text(_ lines: [(String, String)]) -> String { lines.map { "\($0)=\($1)\n" }.joined() }

    static func word(_ effect: PromotionRecord.Outcome) -> String {
        switch effect {
        case .moved: "true"
        case .unchanged: "false"
        case .unknown: "unknown"
        }
    }

    /// The hosts in the gate of some categories, worst first, and in the inventory's order within a status.
    private func names(of categories: Set<HostStatus.Category>) -> String {
        var groups: [HostStatus: [Int]] = [:]
        for index in report.hosts.indices where categories.contains(report.hosts[index].status.category) {
            if !report.hosts[index].isWaived { groups[report.hosts[index].status, default: []].append(index) }
        }
        let hosts = HostStatus.allCases.flatMap { groups[$0] ?? [] }
        let names = hosts.lazy.map { Self.name(report.hosts[$0].name) }
        var result = ""
        for name in names.prefix(Self.maximumHosts) {
            let addition = result.isEmpty ? name : ",\(name)"
            guard result.utf8.count + addition.utf8.count <= Self.maximumSize else { break }
            result += addition
        }
        return result
    }

    /// A host's name. Characters other than those of names, addresses and URLs become `_`.
    private static func name(_ name: String) -> String {
        String(
            name.prefix(255).map { character in
                let isHarmless =
                    character.isASCII && (character.isLetter || character.isNumber || "-._:/[]".contains(character))
                return isHarmless ? character : "_"
            })
    }

    /// The letters, digits, hyphens and colons of an id or digest; anything else is dropped.
    static func word(_ id: String) -> String {
        id.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ":") }
    }
}
