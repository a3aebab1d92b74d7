import Shared
import Verdict

/// One host's row: what it is, what it serves, what to know, and all the rest folded.
struct HTMLHostRow {
    let host: Report.Host
    let anchor: String
    let target: Report.PromotedTarget
    /// Of the verification, in seconds.
    let duration: Double
    /// Changes of status that are shown; of more, the ones in the middle are counted.
    let maximumTransitions: Int

    private static let maximumName = 120
    private static let shownLabels = 6

    var markup: Markup {
        """
        <tr id="\(anchor)" class="\(host.status.rawValue)">\
        <th scope="row"><a href="#\(anchor)"\(fullName)>\(host.name, limit: Self.maximumName)</a>\
        \(Self.chips(sortedLabels.prefix(Self.shownLabels)))</th>\
        <td><b>\(host.status.rawValue)</b></td>\
        <td>\(strip)</td>\
        <td><span>\(reason)</span>\(warnings)\(waiver)\(details.markup)</td>\
        <td>\(serves)</td>\
        <td>\(host.secondsToConverge.map(HTMLText.duration) ?? "")</td>\
        <td>\(host.attempts)</td>\
        <td>\(host.lastAnswerAgeSeconds.map(HTMLText.duration) ?? "")</td></tr>

        """
    }

    private var details: HTMLHostDetails {
        HTMLHostDetails(
            host: host, target: target, labels: sortedLabels.dropFirst(Self.shownLabels),
            maximumTransitions: maximumTransitions)
    }

    // MARK: - Cells

    /// A name that is cut is shown whole when pointed at, unless even that would be too long.
    private var fullName: Markup {
        let count = host.name.unicodeScalars.prefix(513).count
        return count > Self.maximumName && count <= 512 ? " title=\"\(host.name)\"" : ""
    }

    private var sortedLabels: [(key: String, value: String)] {
        host.labels.count > 1 ? host.labels.sorted { $0.key < $1.key } : host.labels.map { $0 }
    }

    static func chips(_ labels: ArraySlice<(key: String, value: String)>) -> Markup {
        labels.map { "<i>\(chip($0.key, $0.value), limit: chipLimit)</i>" }.joined()
    }

    /// An inventory label as it is shown, and as it is filtered by.
    static func chip(_ key: String, _ value: String) -> String { value.isEmpty ? key : "\(key)=\(value)" }
    static let chipLimit = 160

    private var strip: Markup {
        let strip = StatusTimeline(host.transitions, duration: duration)
        guard !strip.runs.isEmpty else { return "" }
        return """
            <svg viewBox="0 0 214 10" preserveAspectRatio="none" aria-hidden="true">\(strip.markup)</svg>
            """
    }

    private var reason: Markup {
        let text = host.explanation
        guard host.status != .converged, let remedy = text.remedy, !text.cause.isEmpty else { return "\(host.reason)" }
        return "<em>\(text.cause):</em> \(remedy)\(text.note.map { " (\($0))" } ?? "")"
    }

    private var warnings: Markup {
        (host.warnings ?? []).map { "<p class=\"waiver\"><strong>warning</strong> \($0)</p>" }.joined()
    }

    private var waiver: Markup {
        guard let waived = host.waived else { return "" }
        let by: Markup = waived.by.map { " by \($0)" } ?? ""
        if waived.expired {
            return
                "<p class=\"waiver\"><strong>waiver expired</strong> \(waived.until)\(by), so the host counts: \(waived.reason)</p>"
        }
        return "<p class=\"waiver\"><strong>waived</strong> until \(waived.until)\(by): \(waived.reason)</p>"
    }

    private var serves: Markup {
        guard let short = host.gitSHA?.short ?? host.digest?.short else { return "" }
        // The right commit in another image: the digest is what tells.
        if let digest = host.digest, host.gitSHA != nil, host.gitSHA == target.gitSHA, digest != target.digest,
            !host.facts.build.isMatch
        {
            return "<code>\(short)</code> <code>\(digest.short)</code>"
        }
        return "<code>\(short)</code>"
    }
}
