import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Operations
import Shared
import Verdict

/// `GET /api/v1/fleets` and the hosts of one fleet.
struct FleetRoutes {
    let model: ServiceModel

    func fleets(_ request: Request) throws -> Response {
        _ = try Query(request, [])
        let (now, wall) = (ContinuousClock.now, Date())
        let fleets = model.entries.map { FleetBody($0.board.snapshot, $0.tag?.snapshot, at: now, wall: wall) }
        return try .json(["fleets": fleets])
    }

    func hosts(_ request: Request, _ context: ServiceContext) throws -> Response {
        let entry = try model.entry(
            service: try context.parameter("service"), environment: try context.parameter("environment"))
        let query = try Query(request, ["status", "select", "q", "limit", "cursor"])
        let (now, wall) = (ContinuousClock.now, Date())
        let snapshot = entry.board.snapshot
        let page = try HostSelection(query).page(of: snapshot, at: now)
        let hosts = page.hosts.map { HostBody($0, in: snapshot, at: now, wall: wall) }
        let next = page.next.map { Cursor([$0]).text }
        var response = try Response.json(HostsBody(hosts: hosts, next: next))
        if let next, let link = HTTPField.Name("Link") { response.headers[link] = query.next(request, next) }
        return response
    }
}

/// A selection of hosts, in the order of their names. Every view of hosts selects by it.
struct HostSelection {
    /// Statuses to show, ``unknown`` among them; empty for all.
    private let statuses: Set<String>
    private let selector: HostSelector
    /// Lower case; empty for all.
    private let text: String
    private let limit: Int
    private let after: String?

    static let unknown = "unknown"
    static let statuses = HostStatus.allCases.map(\.rawValue) + [unknown]

    init(_ query: Query) throws(Problem) {
        let wanted = query.all("status").flatMap { $0.split(separator: ",").map(String.init) }
        for status in wanted where !Self.statuses.contains(status) {
            let near = Suggestion.nearest(to: status, among: Self.statuses).map { "'\($0)'" }
            throw .invalid("status", status, expected: near ?? "one of \(Self.statuses.joined(separator: ", "))")
        }
        statuses = Set(wanted)
        var terms: [HostSelector.Term] = []
        for text in query.all("select") {
            guard let term = HostSelector.Term(parsing: text) else {
                throw .invalid("select", text, expected: "KEY=VALUE or KEY!=VALUE, for example region=eu")
            }
            terms.append(term)
        }
        selector = HostSelector(terms)
        text = (try query.one("q", canBeEmpty: true) ?? "").lowercased()
        limit = try query.limit()
        after = try query.cursor(parts: 1)?.first
    }

    /// The hosts of a page, and the name after which the next page begins; nil on the last one.
    func page(
        of snapshot: FleetSnapshot, at now: ContinuousClock.Instant
    ) -> (hosts: [HostView], next: String?) {
        let selected = snapshot.hosts.filter { host in
            (after.map { $0 < host.name } ?? true) && (text.isEmpty || host.name.lowercased().contains(text))
                && (statuses.isEmpty || statuses.contains(snapshot.status(host, at: now)?.rawValue ?? Self.unknown))
                && (selector.isEverything || selector.selects(host.labels))
        }.sorted { $0.name < $1.name }
        let page = Array(selected.prefix(limit))
        return (page, selected.count > limit ? page.last?.name : nil)
    }
}

/// One fleet in `GET /api/v1/fleets`.
struct FleetBody: Encodable {
    private struct TargetBody: Encodable {
        let promoted: Target
        let promotedAt: String?

        enum Key: String, CodingKey {
            case digest, generation
            case gitSHA = "git_sha"
            case promotedAt = "promoted_at"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(promoted.gitSHA, forKey: .gitSHA)
            try container.encode(promoted.digest, forKey: .digest)
            try container.encode(promoted.generation, forKey: .generation)
            try container.encode(promotedAt, forKey: .promotedAt)
        }
    }

    private let snapshot: FleetSnapshot
    private let counts: FleetSnapshot.Counts
    private let knowledge: Knowledge
    private let tag: TagBody?

    init(_ snapshot: FleetSnapshot, _ tag: TagSnapshot?, at now: ContinuousClock.Instant, wall: Date) {
        self.snapshot = snapshot
        self.tag = tag.map { TagBody($0, in: snapshot, at: now, wall: wall) }
        counts = snapshot.counts(at: now)
        knowledge = Knowledge(snapshot.roundAt, isFresh: snapshot.isFresh(at: now), at: now, wall: wall)
    }

    private enum Key: String, CodingKey {
        case service, environment, target, expected, proven, waived, statuses, fresh, problem, tag
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(snapshot.deployed.name, forKey: .service)
        try container.encode(snapshot.deployed.environment, forKey: .environment)
        try container.encode(
            snapshot.target.map { TargetBody(promoted: $0, promotedAt: snapshot.promotedAt) }, forKey: .target)
        try container.encode(counts.expected, forKey: .expected)
        try container.encode(counts.proven, forKey: .proven)
        try container.encode(counts.waived, forKey: .waived)
        try container.encode(counts.byName, forKey: .statuses)
        try container.encode(snapshot.problem, forKey: .problem)
        try container.encode(tag, forKey: .tag)
        try container.encode(knowledge.asOf, forKey: .asOf)
        try container.encode(knowledge.ageSeconds, forKey: .ageSeconds)
        try container.encode(knowledge.isFresh, forKey: .fresh)
    }
}

extension FleetSnapshot.Counts {
    /// Every status with its number, zeros included. The numbers add up to ``expected``.
    var byName: [String: Int] {
        var all = Dictionary(
            uniqueKeysWithValues: HostStatus.allCases.map { ($0.rawValue, statuses[$0, default: 0]) })
        all[HostSelection.unknown] = unknown
        return all
    }
}

private struct HostsBody: Encodable {
    let hosts: [HostBody]
    let next: String?

    private enum Key: String, CodingKey { case hosts, next }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(hosts, forKey: .hosts)
        try container.encode(next, forKey: .next)
    }
}

/// One host of a fleet.
struct HostBody: Encodable {
    private let host: HostView
    private let status: String
    private let since: String?
    private let knowledge: Knowledge

    init(_ host: HostView, in snapshot: FleetSnapshot, at now: ContinuousClock.Instant, wall: Date) {
        self.host = host
        let status = snapshot.status(host, at: now)
        self.status = status?.rawValue ?? HostSelection.unknown
        // The age is that of the last observation: a request without an answer makes it no fresher.
        knowledge = Knowledge(
            host.observedAt, isFresh: status != nil && snapshot.isFresh(host.observedAt, at: now), at: now, wall: wall)
        since = host.since.map { wall.addingTimeInterval(-max(0, (now - $0).seconds)).rfc3339 }
    }

    private enum Key: String, CodingKey {
        case name, status, reason, remedy, digest, state, since, fresh, labels, waived
        case gitSHA = "git_sha"
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try encode(into: &container)
    }

    private func encode(into container: inout KeyedEncodingContainer<Key>) throws {
        try container.encode(host.name, forKey: .name)
        try container.encode(status, forKey: .status)
        try container.encode(host.reason.sentence, forKey: .reason)
        try container.encode(host.reason.remedy, forKey: .remedy)
        try container.encode(host.gitSHA, forKey: .gitSHA)
        try container.encode(host.digest, forKey: .digest)
        try container.encode(host.facts.runtime, forKey: .state)
        try container.encode(since, forKey: .since)
        try container.encode(knowledge.asOf, forKey: .asOf)
        try container.encode(knowledge.ageSeconds, forKey: .ageSeconds)
        try container.encode(knowledge.isFresh, forKey: .fresh)
        try container.encode(host.labels, forKey: .labels)
        try container.encode(host.isWaived, forKey: .waived)
    }
}

extension ServiceContext {
    /// A part of the path, decoded.
    func parameter(_ name: String) throws(Problem) -> String {
        guard let text = parameters.get(name)?.removingPercentEncoding else {
            throw Problem(.badRequest, "the path is not percent-encoded UTF-8", remedy: "encode '%' itself as %25")
        }
        return text
    }
}
