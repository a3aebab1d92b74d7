import Operations
import Reports
import Verdict

/// A status as pages show it: a host's, unknown, or waived. Its name is a class of the style, which has its colour and sign.
enum ShownStatus: Hashable {
    case known(HostStatus)
    case unknown
    /// Left out by the gate, whatever the host's status is.
    case waived

    /// - Parameter status: of the host; nil if it is unknown.
    init(_ host: HostView, _ status: HostStatus?) {
        self = host.isWaived ? .waived : status.map { .known($0) } ?? .unknown
    }

    var name: String {
        switch self {
        case .known(let status): status.rawValue
        case .unknown: HostSelection.unknown
        case .waived: "waived"
        }
    }

    /// The status in words.
    var word: String { name.replacing("_", with: " ") }

    /// True if somebody must do something.
    var needsAttention: Bool {
        guard case .known(let status) = self else { return false }
        return switch status {
        case .conflict, .failed, .rolledBack, .unreachable, .agentError, .unverifiable, .missing, .mixed, .straggler,
            .ahead:
            true
        case .pending, .starting, .flapping, .soaking, .converged: false
        }
    }

    /// Every status, worst first: what is unknown is worse than what is under way.
    static let all: [ShownStatus] = {
        let known = HostStatus.allCases.map { ShownStatus.known($0) }
        return known.filter(\.needsAttention) + [.unknown] + known.filter { !$0.needsAttention } + [.waived]
    }()

    private static let ranks = Dictionary(uniqueKeysWithValues: zip(all, all.indices))

    /// The place in ``all``.
    var rank: Int { Self.ranks[self] ?? 0 }

    var badge: Markup { Self.badge(name, word) }

    static func badge(_ name: String, _ word: String) -> Markup { "<b class=\"is \(name)\">\(word)</b>" }
}

/// The tone of a page, which decides colour and symbol. The worst one comes first.
enum Tone: String, CaseIterable {
    case bad
    case unknown
    /// Under way.
    case work
    case good

    /// The worst of several; unknown without any.
    static func worst(_ tones: [Tone]) -> Tone { allCases.first { tones.contains($0) } ?? .unknown }

    /// The sign in the page's title.
    var sign: String {
        switch self {
        case .good: "✓"
        case .work: "…"
        case .unknown: "?"
        case .bad: "✕"
        }
    }

    var symbol: Markup {
        let shape: Markup =
            switch self {
            case .good: "<circle cx=\"16\" cy=\"16\" r=\"15\"/><path d=\"M9 16.5l5 5 9-10.5\"/>"
            case .work: "<circle cx=\"16\" cy=\"16\" r=\"15\"/><path d=\"M16 7v9l6 5\"/>"
            case .unknown:
                "<circle class=\"hollow\" cx=\"16\" cy=\"16\" r=\"14\"/><path d=\"M11.5 12.5a4.5 4.5 0 1 1 6.6 4c-1.5.8-2.1 1.6-2.1 3.2M16 23v2\"/>"
            case .bad:
                "<path class=\"solid\" d=\"M10 1h12l9 9v12l-9 9H10l-9-9V10z\"/><path d=\"M10 10l12 12M22 10L10 22\"/>"
            }
        return "<svg class=\"symbol\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">\(shape)</svg>"
    }
}

/// Hosts by status, as a line and as numbers.
struct StatusCounts {
    /// Worst first, without zeros.
    private let counts: [(status: ShownStatus, hosts: Int)]

    init(_ hosts: [ShownStatus: Int]) {
        counts = ShownStatus.all.compactMap { status in
            hosts[status].flatMap { $0 > 0 ? (status, $0) : nil }
        }
    }

    /// nil without hosts of the gate.
    var worst: ShownStatus? { counts.first { $0.status != .waived }?.status }

    /// A line with a part for each status.
    var bar: Markup {
        let total = counts.reduce(0) { $0 + $1.hosts }
        guard total > 0 else { return "" }
        var before = 0
        var parts: [Markup] = []
        for (status, hosts) in counts {
            let (start, end) = (before * 1_000 / total, (before + hosts) * 1_000 / total)
            before += hosts
            // A single host among many stays visible.
            parts.append("<path class=\"\(status.name)\" d=\"M\(min(start, 996)) 5h\(max(4, end - start))\"/>")
        }
        return """
            <svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">\(parts.joined())</svg>
            """
    }

    var hasSeveral: Bool { counts.count > 1 }

    /// The numbers, each with a link to its hosts.
    ///
    /// - Parameter path: of the page that takes `?status=`; nil for no links.
    func list(path: String?) -> Markup {
        let items: [Markup] = counts.map { status, hosts in
            guard let path, status != .waived else { return "<li>\(status.badge) \(ReportText.count(hosts))</li>" }
            return """
                <li><a href="\(path, limit: .max)?status=\(status.name)">\(status.badge)</a> \(ReportText.count(hosts))</li>
                """
        }
        return "<ul class=\"counts\" aria-label=\"Hosts by status\">\(items.joined())</ul>\n"
    }
}

extension Verdict {
    /// The status whose colour and sign a verdict has in a list.
    fileprivate var shown: ShownStatus {
        switch self {
        case .converged, .convergedTolerated: .known(.converged)
        case .stragglers, .stalled: .known(.straggler)
        case .failedDeploy: .known(.failed)
        case .rolledBack: .known(.rolledBack)
        case .unreachable: .known(.unreachable)
        case .identityConflict: .known(.conflict)
        case .emptyInventory, .inventoryShrunk: .known(.missing)
        case .inconclusive, .superseded, .interrupted: .unknown
        }
    }
}

extension Verdict? {
    /// The status whose colour and sign it has in a list, and its words.
    ///
    /// - Parameter isRunning: true if nil is a verification that runs, false if nil is that there was none.
    func look(isRunning: Bool) -> (style: String, words: String) {
        guard let verdict = self else { return isRunning ? ("soaking", "running") : ("unknown", "not verified") }
        return (verdict.shown.name, verdict.rawValue.replacing("_", with: " "))
    }

    func badge(isRunning: Bool) -> Markup {
        let (style, words) = look(isRunning: isRunning)
        return ShownStatus.badge(style, words)
    }
}
