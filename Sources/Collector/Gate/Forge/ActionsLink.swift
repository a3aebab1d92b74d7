/// A link to a run of Actions, as Gitea, Forgejo and GitHub write them: `…/actions/runs/12`, perhaps with a job behind it.
struct ActionsLink: Hashable, Sendable {
    let run: Int64
    var job: Int64?

    /// nil for every other link.
    init?(_ link: String?) {
        guard let link, link.utf8.count <= 2_048, let marker = link.firstRange(of: "/actions/runs/") else { return nil }
        let path = link[marker.upperBound...].prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
        guard let run = path.first.flatMap({ Int64($0) }), run > 0 else { return nil }
        self.run = run
        // Newer versions of Gitea have the attempt between the two.
        if let place = path.firstIndex(where: { $0 == "jobs" || $0 == "job" }), place + 1 < path.endIndex {
            job = Int64(path[place + 1])
        }
    }
}
