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
        let query = try Query(request, ["status", "select", "q", "limit", "cursor"], canBeEmpty: ["q"])
        let (now, wall) = (ContinuousClock.now, Date())
        let snapshot = entry.board.snapshot
        let page = try HostSelection(query).page(of: snapshot, at: now)
        let hosts = page.hosts.map { HostBody($0, in: snapshot, at: now, wall: wall) }
        let next = page.next?.text
        var response = try Response.json(HostsBody(hosts: hosts, next: next))
        response.headers[named: "Link"] = next.map { query.next(request, $0) }
        return response
    }
}

/// A selection of hosts. Every view of hosts selects by it.
struct HostSelection {
    enum Order {
        case name
        /// What needs attention first, then by name. A host whose status changes between two pages can be on both, or on none.
        case attention
    }

    /// Statuses to show, ``unknown`` among them; empty for all.
    private let statuses: Set<String>
    private let selector: HostSelector
    /// Lower case; empty for all.
    private let text: String
    private let limit: Int
    private let order: Order
    private let after: (rank: Int, name: String)?

    static let unknown = "unknown"
    static let statuses = HostStatus.allCases.map(\.rawValue) + [unknown]

    init(_ query: Query, by order: Order = .name) throws(Problem) {
        self.order = order
        let wanted = query.all("status").flatMap {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
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
        text = (try query.one("q") ?? "").lowercased()
        limit = try query.limit()
        switch order {
        case .name: after = try query.cursor(parts: 1).map { (0, $0[0]) }
        case .attention: after = try query.cursor(parts: 2).map { (Int($0[0]) ?? 0, $0[1]) }
        }
    }

    /// A part of the selection.
    enum Part {
        case status, labels
    }

    /// True if a host is selected.
    ///
    /// - Parameters:
    ///   - status: of the host; nil if it is unknown.
    ///   - ignored: a part that does not count: what could be chosen there instead.
    func selects(_ host: HostView, status: HostStatus?, ignoring ignored: Part? = nil) -> Bool {
        (text.isEmpty || host.name.lowercased().contains(text))
            && (ignored == .status || statuses.isEmpty || statuses.contains(status?.rawValue ?? Self.unknown))
            && (ignored == .labels || selector.isEverything || selector.selects(host.labels))
    }

    /// The hosts of a page, and the place after which the next page begins; nil on the last one.
    func page(
        of snapshot: FleetSnapshot, at now: ContinuousClock.Instant
    ) -> (hosts: [HostView], next: Cursor?) {
        let selected = snapshot.hosts.compactMap { host -> (rank: Int, name: String, host: HostView)? in
            let status = snapshot.status(host, at: now)
            let rank = order == .name ? 0 : ShownStatus(host, status).rank
            guard after.map({ $0 < (rank, host.name) }) ?? true, selects(host, status: status) else { return nil }
            return (rank, host.name, host)
        }.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }
        let page = selected.prefix(limit)
        guard selected.count > limit, let last = page.last else { return (page.map(\.host), nil) }
        return (page.map(\.host), order == .name ? Cursor([last.name]) : Cursor(["\(last.rank)", last.name]))
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
    @ExplicitNull var next: String?
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
        since = host.since.map { wall.time(of: $0, at: now).rfc3339 }
    }

    private enum Key: String, CodingKey {
        case name, status, reason, remedy, digest, state, since, fresh, labels, waived
        case gitSHA = "git_sha"
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
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
