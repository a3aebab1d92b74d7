import Shared

/// Makes a forge's links safe to show: only `http` and `https`, without users, queries and fragments, which may hold secrets.
package enum SafeLink {
    /// The absolute link; nil if it is not valid.
    ///
    /// - Parameter web: the base of a link that begins with `/`.
    package static func absolute(_ link: String?, web: String) -> String? {
        guard let link, !link.isEmpty, link.utf8.count <= 2_048 else { return nil }
        let full = link.hasPrefix("/") && !link.hasPrefix("//") ? web + link : link
        guard let scheme = full.firstRange(of: "://"),
            ["http", "https"].contains(full[..<scheme.lowerBound].lowercased())
        else { return nil }
        let shown = full.prefix { $0 != "?" && $0 != "#" }
        let rest = shown[scheme.upperBound...]
        guard !rest.isEmpty, !rest.contains("@"), Sanitizer.isVisibleLine(shown), !shown.contains(" ") else {
            return nil
        }
        return String(shown)
    }

    /// The link for a message.
    static func shown(_ link: String) -> String {
        if let link = absolute(link, web: "https://-") { return Sanitizer.singleLine(link, limit: 120) }
        return "an invalid URL"
    }
}

/// A link to a run of Actions in Gitea, Forgejo or GitHub: `…/actions/runs/12`, optionally with a job.
struct ActionsLink: Hashable, Sendable {
    let run: Int64
    var job: Int64?

    /// nil for any other link.
    init?(_ link: String?) {
        guard let link, link.utf8.count <= 2_048, let marker = link.firstRange(of: "/actions/runs/") else { return nil }
        let path = link[marker.upperBound...].prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
        guard let run = path.first.flatMap({ Int64($0) }), run > 0 else { return nil }
        self.run = run
        // Newer versions of Gitea put the attempt between run and job.
        if let place = path.firstIndex(where: { $0 == "jobs" || $0 == "job" }), place + 1 < path.endIndex {
            job = Int64(path[place + 1])
        }
    }
}
