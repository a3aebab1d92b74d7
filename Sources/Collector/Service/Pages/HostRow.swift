import Operations
import Reports
import Shared
import Verdict

/// One host in a table of hosts.
struct HostRow {
    let host: HostView
    let fleet: FleetView
    /// The first cell.
    let heading: Markup

    private static let labels = 6

    /// A link to the host, with its labels.
    static func heading(_ host: HostView) -> Markup {
        let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let more = labels.count > Self.labels ? " and \(labels.count - Self.labels) more" : ""
        let shown: [Markup] = labels.prefix(Self.labels).map { "<bdi>\($0, limit: 80)</bdi>" }
        let line: Markup = labels.isEmpty ? "" : "<small>\(shown.joined(by: " "))\(more)</small>"
        return "<a href=\"\(PagePath.host(host.name), limit: .max)\">\(host.name, limit: 120)</a>\(line)"
    }

    var markup: Markup {
        let status = fleet.status(of: host)
        return """
            <tr class="\(status.name)"><th scope="row">\(heading)</th><td>\(status.badge)</td>\
            <td class="why"><span>\(reason(status))</span></td><td>\(serves)</td><td data-name="since">\(since)</td></tr>

            """
    }

    private func reason(_ status: ShownStatus) -> Markup {
        let text = fleet.text(of: host).markup()
        switch status {
        case .known: return text
        case .waived:
            guard let now = fleet.snapshot.status(host, at: fleet.moment.now) else { return "waived" }
            return "waived; \(now.rawValue.replacing("_", with: " ")): \(text)"
        case .unknown:
            guard let asked = host.askedAt else { return text }
            return "unknown now, last asked \(fleet.moment.age(of: asked)) ago. Before: \(host.reason.finding)"
        }
    }

    /// What the host served by its last answer, with that answer's age unless it is fresh.
    private var serves: Markup {
        let age: Markup =
            host.observedAt.map { observed in
                fleet.snapshot.isFresh(observed, at: fleet.moment.now)
                    ? "" : "<small>\(fleet.moment.age(of: observed)) ago</small>"
            } ?? ""
        let build = host.gitSHA?.link ?? host.digest.map { "<code>\($0.short)</code>" }
        return build.map { "\($0)\(age)" } ?? ""
    }

    private var since: Markup { host.since.map { fleet.moment.element($0) } ?? "" }
}
