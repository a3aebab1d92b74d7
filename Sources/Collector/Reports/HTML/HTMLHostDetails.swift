import Shared
import Verdict

/// What is folded in a host's row: where it was asked, the facts at the end, and every change of its status.
struct HTMLHostDetails {
    let host: Report.Host
    let target: Report.PromotedTarget
    /// Inventory labels that the row itself has no room for.
    let labels: ArraySlice<(key: String, value: String)>
    /// Of more changes, the ones in the middle are counted.
    let maximumTransitions: Int

    private static let maximumLabels = 64

    var markup: Markup {
        """
        <details><summary>\(title)</summary>\
        \(host.status == .converged ? lines : list)\(moreLabels)</details>
        """
    }

    private var title: String {
        switch host.transitions.count {
        case 0: "details"
        case 1: "1 change"
        case let count: "\(HTMLText.count(count)) changes"
        }
    }

    /// For the many that need no attention: one element a host, since a browser pays for each of them.
    private var lines: Markup {
        let shown: [Markup] =
            facts
            + changes {
                "\(text($0))"
            } left: {
                $0
            }
        return "<p>\(shown.joined(by: "\n"))</p>"
    }

    private var list: Markup {
        let items: [Markup] = changes {
            "<li class=\"\($0.status.rawValue)\">\(text($0))</li>"
        } left: {
            "<li>\($0)</li>"
        }
        return "<p>\(facts.joined(by: "\n"))</p>\(items.isEmpty ? Markup() : "<ol>\(items.joined())</ol>")"
    }

    private var facts: [Markup] {
        let facts = host.facts
        var lines: [Markup] = [
            "\(host.url)",
            """
            reach \(facts.reach.rawValue), identity \(facts.identity.rawValue), build \(facts.build.rawValue), \
            runtime \(facts.runtime.rawValue)
            """,
        ]
        // The target stands on the page already, in full.
        if let gitSHA = host.gitSHA, gitSHA != target.gitSHA { lines.append("commit \(gitSHA.hex)") }
        if let digest = host.digest {
            if digest != target.digest {
                lines.append("digest \(digest.description)")
            } else if host.gitSHA == target.gitSHA {
                lines.append("the promoted commit and digest")
            }
        }
        if let project = host.project { lines.append("project \(project)") }
        if let count = host.instancesExpected { lines.append("\(count) instance\(count == 1 ? "" : "s") declared") }
        if let leftOut = host.leftOutText { lines.append("\(leftOut)") }
        if let offset = host.clockOffsetSeconds, offset.magnitude >= 1 {
            let side: StaticString = offset < 0 ? "behind" : "ahead of"
            lines.append("its clock is \(HTMLText.duration(offset.magnitude)) \(side) the collector's")
        }
        return lines
    }

    private func changes(
        _ line: (Report.Host.Transition) -> Markup, left: (Markup) -> Markup
    ) -> [Markup] {
        let all = host.transitions
        guard all.count > maximumTransitions else { return all.map(line) }
        let half = maximumTransitions / 2
        let hidden: Markup = """
            … \(HTMLText.count(all.count - 2 * half)) changes are left out here; the JSON report has them
            """
        return all.prefix(half).map(line) + [left(hidden)] + all.suffix(half).map(line)
    }

    private func text(_ transition: Report.Host.Transition) -> Markup {
        """
        \(HTMLText.duration(transition.seconds)) \(transition.status.rawValue): \(transition.reason)
        """
    }

    private var moreLabels: Markup {
        guard !labels.isEmpty else { return "" }
        let hidden = labels.count - Self.maximumLabels
        let rest: Markup = hidden > 0 ? "<p>and \(HTMLText.count(hidden)) more labels in the JSON report</p>" : ""
        return "\(HTMLHostRow.chips(labels.prefix(Self.maximumLabels)))\(rest)"
    }
}
