import Shared

/// `CommitStatus` of `modules/structs/status.go`.
struct GiteaStatus: Decodable {
    /// Counts up within the commit.
    var id: Int64
    var context: String?
    /// Gitea's name for it; what imitates Gitea says `state`.
    var status: String?
    var state: String?
    var targetURL: String?
    /// Ends with the commit.
    var url: String?
    var description: String?
    var createdAt: String?
    var creator: StatusCreator?

    private enum CodingKeys: String, CodingKey {
        case id, context, status, state, url, description, creator
        case targetURL = "target_url"
        case createdAt = "created_at"
    }

    /// The row, where it is of one of these contexts.
    ///
    /// - Throws: where it is another commit's.
    func row(of sha: GitSHA, _ contexts: Set<String>, web: String, at place: String) throws(ForgeError) -> CIRow? {
        guard let context, contexts.contains(context) else { return nil }
        try StatusOwner.check(url, is: sha, at: place)
        guard status == nil || state == nil || status == state else {
            throw ForgeError(.unreadable, "\(place): a row says both '\(status ?? "")' and '\(state ?? "")'")
        }
        let link = ActionsLink(targetURL)
        let time = ForgeTime.read(createdAt)
        return CIRow(
            context: context, id: id, source: .status,
            state: CIState(status ?? state ?? "unknown", described: description),
            url: SafeLink.absolute(targetURL, web: web), creator: creator?.login, run: link?.run, job: link?.job,
            startedAt: time, endedAt: time)
    }
}

/// `CombinedStatus` of the same file.
struct GiteaCombinedStatus: Decodable {
    var sha: String?
    var totalCount: Int?
    var statuses: [GiteaStatus]?

    private enum CodingKeys: String, CodingKey {
        case sha, statuses
        case totalCount = "total_count"
    }

    func rows(of asked: GitSHA, at place: String) throws(ForgeError) -> [GiteaStatus] {
        if let sha, !sha.isEmpty, sha.lowercased() != asked.hex {
            throw ForgeError(.unreadable, "\(place): the combined status is of another commit")
        }
        guard let statuses else {
            // Some versions count rows that they do not show.
            guard (totalCount ?? 0) == 0 else {
                throw ForgeError(.unreadable, "\(place): the combined status counts rows and shows none")
            }
            return []
        }
        return statuses
    }
}

/// Whose commit a status is, by its API address `…/statuses/{sha}`.
enum StatusOwner {
    static func check(_ url: String?, is sha: GitSHA, at place: String) throws(ForgeError) {
        guard let last = url?.split(separator: "/").last, GitSHA.problem(with: last) == nil else { return }
        guard last.lowercased() == sha.hex else {
            throw ForgeError(.unreadable, "\(place): a row is another commit's")
        }
    }
}
