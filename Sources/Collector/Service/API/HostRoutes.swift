import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Operations
import Shared
import Verdict

/// `GET /api/v1/hosts/{name}` and `GET /api/v1/commits/{sha}`.
struct HostRoutes {
    let model: ServiceModel

    /// The most past verifications of a host.
    private static let timeline = 50

    func host(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let query = try Query(request, ["limit", "cursor"])
        let name = try context.parameter("name")
        let (now, wall) = (ContinuousClock.now, Date())
        let present = model.entries.compactMap { entry -> PresentHost? in
            let snapshot = entry.board.snapshot
            guard let host = snapshot.hosts.first(where: { $0.name == name }) else { return nil }
            return PresentHost(
                service: snapshot.deployed.name, environment: snapshot.deployed.environment,
                host: HostBody(host, in: snapshot, at: now, wall: wall))
        }
        let past = try await model.ledger.history(HistoryFilter(host: name), limit: Self.timeline, now: wall)
        let timeline = try await HostTimeline(
            of: name, query, limit: try query.limit(), in: model)
        guard !present.isEmpty || !past.isEmpty || !timeline.changes.isEmpty else {
            throw Problem.notFound(
                "no fleet lists '\(name)', and the ledger has nothing of it",
                remedy: "look for it with ?q= in a fleet's hosts")
        }
        var response = try Response.json(
            HostPage(
                name: name, present: present, changes: timeline.changes.compactMap(ChangeBody.init),
                next: timeline.next,
                timeline: past))
        if let next = timeline.next, let link = HTTPField.Name("Link") {
            response.headers[link] = query.next(request, next)
        }
        return response
    }

    func commit(_ request: Request, _ context: ServiceContext) async throws -> Response {
        _ = try Query(request, [])
        let search = try CommitSearch(try context.parameter("sha"))
        let (now, wall) = (ContinuousClock.now, Date())
        let (served, recorded, commits) = try await search.found(in: model)
        guard let commit = commits.first, commits.count == 1 else {
            let ids = commits.map(\.hex).sorted().prefix(20)
            return try .json(CommitChoice(commits: Array(ids)), status: .multipleChoices)
        }
        let places = served.flatMap { snapshot, hosts in
            hosts.map { host in
                PresentHost(
                    service: snapshot.deployed.name, environment: snapshot.deployed.environment,
                    host: HostBody(host, in: snapshot, at: now, wall: wall))
            }
        }
        return try .json(CommitPage(gitSHA: commit, hosts: places, history: recorded))
    }
}

/// A commit by the first digits of its id.
struct CommitSearch {
    /// In lowercase.
    let text: String

    init(_ text: String) throws(Problem) {
        self.text = text.lowercased()
        guard (7...64).contains(text.utf8.count), text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw .invalid("commit", self.text, expected: "a commit id, or at least its first 7 digits")
        }
    }

    /// The hosts of each fleet that serve it now, where the ledger has it, and every commit that begins so: at least one.
    func found(
        in model: ServiceModel
    ) async throws -> (
        served: [(snapshot: FleetSnapshot, hosts: [HostView])], recorded: [CommitSighting], commits: Set<GitSHA>
    ) {
        let served = model.entries.map { entry in
            let snapshot = entry.board.snapshot
            return (snapshot: snapshot, hosts: snapshot.hosts.filter { $0.gitSHA?.hex.hasPrefix(text) ?? false })
        }
        var recorded = try await model.ledger.sightings(ofCommitsBeginningWith: text)
        for index in recorded.indices { recorded[index].extend(to: served) }
        let commits = Set(served.flatMap { $0.hosts.compactMap(\.gitSHA) } + recorded.map(\.gitSHA))
        guard !commits.isEmpty else {
            throw Problem.notFound(
                "no host serves \(text), and the ledger has nothing of it", remedy: "check the commit id")
        }
        return (served, recorded, commits)
    }
}

/// A host in one service and environment, now.
private struct PresentHost: Encodable {
    let service: String
    let environment: EnvironmentName
    let host: HostBody

    private enum Key: String, CodingKey { case service, environment }

    func encode(to encoder: any Encoder) throws {
        try host.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(service, forKey: .service)
        try container.encode(environment, forKey: .environment)
    }
}

extension CommitSighting {
    /// Takes over when hosts that still serve the commit were last seen: the ledger learns of it only once something changes.
    fileprivate mutating func extend(to served: [(snapshot: FleetSnapshot, hosts: [HostView])]) {
        guard let observed else { return }
        let now = ContinuousClock.now
        let seen = served.filter { $0.snapshot.deployed == DeployedService(service, in: environment) }
            .flatMap(\.hosts).filter { $0.gitSHA == gitSHA }.compactMap(\.observedAt).max()
        guard let seen else { return }
        let last = Date(timeIntervalSinceNow: -max(0, (now - seen).seconds)).rfc3339
        self.observed?.lastSeen = max(observed.lastSeen, last)
    }
}

/// One change of a host that standing checks saw.
private struct ChangeBody: Encodable {
    let at: String
    @ExplicitNull var notBefore: String?
    let service: String
    let environment: EnvironmentName
    let status: HostStatus
    let reason: String
    @ExplicitNull var gitSHA: GitSHA?
    @ExplicitNull var digest: Digest?
    let newBuild: Bool
    let restarted: Bool

    /// - Returns: nil for a host that was removed from the inventory.
    init?(_ change: StandingChange) {
        guard let status = change.status else { return nil }
        (at, self.status, reason) = (change.at, status, change.finding)
        (service, environment) = (change.service.name, change.service.environment)
        (newBuild, restarted) = (change.isNewBuild, change.isRestart)
        (notBefore, gitSHA, digest) = (change.notBefore, change.gitSHA, change.digest)
    }

    private enum CodingKeys: String, CodingKey {
        case at, service, environment, status, reason, digest, restarted
        case notBefore = "not_before"
        case gitSHA = "git_sha"
        case newBuild = "new_build"
    }
}

private struct HostPage: Encodable {
    let name: String
    let present: [PresentHost]
    let changes: [ChangeBody]
    @ExplicitNull var next: String?
    let timeline: [HistoryEntry]

    private enum CodingKeys: String, CodingKey {
        case name, changes, next, timeline
        case present = "services"
    }
}

private struct CommitPage: Encodable {
    let gitSHA: GitSHA
    let hosts: [PresentHost]
    let history: [CommitSighting]

    private enum CodingKeys: String, CodingKey {
        case hosts, history
        case gitSHA = "git_sha"
    }
}

private struct CommitChoice: Encodable {
    let commits: [String]
}
