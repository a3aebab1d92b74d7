import Operations
import Reports
import Shared
import Verdict

/// What pages say of one fleet, from one snapshot.
///
/// A fleet that is not fresh is unknown as a whole, whatever single hosts gave.
struct FleetView {
    /// Hosts that need the same.
    struct Group {
        let status: ShownStatus
        let text: ReasonText
        var hosts: [HostView]
    }

    let snapshot: FleetSnapshot
    let counts: FleetSnapshot.Counts
    let isFresh: Bool
    let moment: PageMoment
    /// Hosts by status, waived ones apart.
    let statuses: StatusCounts
    /// The number of hosts of the gate that need attention.
    let attention: Int
    /// nil if no tag is watched, or on pages that do not show it.
    let tag: TagView?

    init(_ snapshot: FleetSnapshot, tag: TagSnapshot? = nil, at moment: PageMoment) {
        self.snapshot = snapshot
        self.moment = moment
        self.tag = tag.map { TagView($0, in: snapshot, at: moment) }
        counts = snapshot.counts(at: moment.now)
        isFresh = snapshot.isFresh(at: moment.now)
        var hosts = Dictionary(uniqueKeysWithValues: counts.statuses.map { (ShownStatus.known($0.key), $0.value) })
        attention = hosts.reduce(0) { $0 + ($1.key.needsAttention ? $1.value : 0) }
        hosts[.unknown] = counts.unknown
        hosts[.waived] = counts.waived
        statuses = StatusCounts(hosts)
    }

    var service: String { snapshot.deployed.name }
    var environment: String { snapshot.deployed.environment.description }
    var path: String { PagePath.fleet(service, environment) }

    var tone: Tone {
        guard isFresh, counts.expected > 0 else { return .unknown }
        if attention > 0 || tag?.needsAttention == true { return .bad }
        if counts.unknown > 0 || snapshot.target == nil { return .unknown }
        return counts.proven == counts.expected ? .good : .work
    }

    /// The status of the whole fleet: its worst one, and unknown unless it is fresh.
    var worst: ShownStatus {
        guard isFresh, let worst = statuses.worst else { return .unknown }
        return worst
    }

    var asOf: ContinuousClock.Instant? { isFresh ? snapshot.roundAt : nil }

    /// Why the fleet is unknown.
    var obstacle: String {
        if let problem = snapshot.problem { return problem }
        if snapshot.hosts.isEmpty || counts.expected == 0 { return "no host is expected" }
        guard snapshot.roundAt != nil else { return "not every host has been asked yet" }
        if let heard = snapshot.heardAt { return "no complete round, last answer \(moment.age(of: heard)) ago" }
        return "no host has answered"
    }

    // MARK: - Hosts

    func status(of host: HostView) -> ShownStatus {
        ShownStatus(host, snapshot.status(host, at: moment.now))
    }

    /// What to know of a host, with the remedy that fits its fleet.
    ///
    /// Once a host failed on the target, no other is advised to follow: the rule of ``Remedy``.
    func text(of host: HostView) -> ReasonText {
        guard hasFailures else { return host.reason }
        switch snapshot.status(host, at: moment.now) {
        case .pending?, .straggler?, .mixed?:
            guard let build = host.gitSHA?.short ?? host.digest?.short, host.facts.build.isOther else {
                return host.reason.withoutRollout(nil)
            }
            return .leaving(on: build, host.reason, code: nil, runtime: host.facts.runtime, .failed)
        default: return host.reason
        }
    }

    private var hasFailures: Bool {
        counts.statuses[.failed, default: 0] + counts.statuses[.rolledBack, default: 0] > 0
    }

    /// The hosts that need attention, grouped by status and by what is to do; worst first.
    var groups: [Group] {
        struct Key: Hashable {
            let status: ShownStatus
            let cause: String
            let remedy: String?
        }
        guard attention > 0 else { return [] }
        var places: [Key: Int] = [:]
        var groups: [Group] = []
        for host in snapshot.hosts {
            let status = status(of: host)
            guard status.needsAttention else { continue }
            let text = text(of: host)
            let key = Key(status: status, cause: text.summary ?? text.cause, remedy: text.remedy)
            if let place = places[key] {
                groups[place].hosts.append(host)
            } else {
                places[key] = groups.count
                groups.append(Group(status: status, text: text, hosts: [host]))
            }
        }
        return groups.sorted { ($0.status.rank, -$0.hosts.count) < ($1.status.rank, -$1.hosts.count) }
    }

    /// The number of hosts that serve each build now, by their fresh answers; most first.
    var builds: [(build: String, hosts: Int)] {
        var builds: [String: Int] = [:]
        for host in snapshot.hosts where snapshot.isFresh(host.observedAt, at: moment.now) {
            guard let build = host.gitSHA?.short ?? host.digest?.short else { continue }
            builds[build, default: 0] += 1
        }
        return builds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }
}

extension [HostView] {
    /// Links to the first hosts, and the number of the others.
    func names(limit: Int) -> Markup {
        let names: [Markup] = prefix(limit).map {
            "<a href=\"\(PagePath.host($0.name), limit: .max)\"><bdi>\($0.name, limit: 64)</bdi></a>"
        }
        let more = count - names.count
        let rest: Markup = more > 0 ? " and \(ReportText.count(more)) more" : ""
        return "\(names.joined(by: " "))\(rest)"
    }
}

extension ReasonText {
    /// The text with its remedy in bold, and the remedy's command in a line of its own.
    ///
    /// - Parameter isShort: true for the summary, without a remark.
    func markup(isShort: Bool = false) -> Markup {
        let cause = isShort ? summary ?? self.cause : self.cause
        let remark: Markup = note.flatMap { isShort ? nil : " (\($0))" } ?? ""
        guard let remedy else { return "\(cause, limit: 1_024)\(remark)" }
        let lead: Markup = cause.isEmpty ? "" : "\(cause): "
        guard let command, let range = remedy.firstRange(of: command) else {
            return "\(lead)<strong>\(remedy, limit: 1_024)</strong>\(remark)"
        }
        let (before, after) = (remedy[..<range.lowerBound], remedy[range.upperBound...])
        let start: Markup = before.isEmpty ? "" : "<strong>\(String(before))</strong> "
        let code: Markup = isShort ? "<code>\(command)</code>" : "<code class=\"command\">\(command)</code>"
        let end: Markup = after.isEmpty ? "" : " \(String(after))"
        return "\(lead)\(start)\(code)\(end)\(remark)"
    }
}
