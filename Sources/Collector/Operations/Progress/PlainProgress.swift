import CollectorSupport
import Reports
import Shared
import Verdict

/// Progress for logs: each host's reason as it becomes known, at most once a second, and a heartbeat every 30 seconds.
///
/// A host has at most one line for each status and reason, so a crash loop does not fill the log; the heartbeat names the last
/// hosts that are not converged, with their present reasons. The length is limited at any fleet size: many hosts that change
/// alike share a line.
struct PlainProgress: SessionObserver {
    private let terminal: Terminal
    private var lastFlush: Duration?
    private var lastHeartbeat = Duration.zero
    /// The hosts that changed or answered since the last flush.
    private var touched = HostList()
    /// What was written about hosts, named or counted.
    private var written: Set<Line> = []
    /// The status of each host that the log shows, by its index.
    private var shown: [HostStatus?] = []
    private var namedLines = 0

    /// A line about a host. A second one with the same status and reason says nothing new.
    private struct Line: Hashable {
        let host: Int
        let status: HostStatus
        let code: HostReason.Code
        /// The first restart is news, because the soak begins again; the heartbeat counts further ones.
        let hasRestarted: Bool
    }

    /// Hosts with the same status and reason.
    fileprivate struct Group {
        let status: HostStatus
        let reason: HostReason
        /// The outcome of the last request to the first of them.
        let reach: RequestOutcome
        var hosts: [Int]
    }

    private static let flushInterval = Duration.seconds(1)
    private static let heartbeat = Duration.seconds(30)
    /// The most lines with a host's name in a run; changes beyond them are only counted.
    private static let maximumNamedLines = 100
    /// The most hosts with the same status and reason that get a line each at a time.
    private static let maximumAlike = 10
    /// The most hosts that a heartbeat names, and the most reasons.
    private static let maximumPending = 5
    private static let maximumGroups = 4

    init(terminal: Terminal) {
        self.terminal = terminal
    }

    mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {
        // An answer can change a reason without changing the status.
        switch input {
        case .sample(let sample): touched.insert(sample.host)
        case .suspended(let suspension):
            write("\(suspension.words): the hosts are queried again", at: suspension.until)
        default: break
        }
    }

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        for change in changes { touched.insert(change.host) }
        if let lastFlush, now - lastFlush < Self.flushInterval { return }
        let isBeating = now - lastHeartbeat >= Self.heartbeat && verification.conclusion == nil
        guard !touched.isEmpty || isBeating else { return }
        lastFlush = now
        flush(verification, at: now, includesCounts: isBeating)
        if isBeating { beat(verification, at: now) }
    }

    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {
        // A host whose last status was not written because it had been written before.
        grow(to: verification)
        for host in verification.tracks.indices where shown[host] != verification.tracks[host].status {
            touched.insert(host)
        }
        flush(verification, at: conclusion.at, isLast: true)
    }

    // MARK: - Changes

    private mutating func flush(
        _ verification: Verification, at now: Duration, includesCounts: Bool = false, isLast: Bool = false
    ) {
        grow(to: verification)
        let timing = verification.timing
        var grouping = Grouping()
        for host in touched.takeAll() {
            let status = verification.tracks[host].status
            // The reasons of these hosts change only with their status, or with a restart.
            if status == .converged, shown[host] == .converged { continue }
            let (reason, hasRestarted) = verification.withTrack(host) {
                ($0.reason(at: now, policy: timing), status == .soaking && $0.restarts != nil)
            }
            guard !reason.isPreliminary || isLast else { continue }
            let line = Line(host: host, status: status, code: reason.code, hasRestarted: hasRestarted)
            let isNew = isLast ? !written.contains(line) : written.insert(line).inserted
            guard isNew || isLast && shown[host] != status else { continue }
            shown[host] = status
            grouping.add(host, reason, verification)
        }
        let groups = grouping.groups
        let changed = groups.reduce(0) { $0 + $1.hosts.count }
        var counted: [Group] = []
        var named: [(host: Int, status: HostStatus)] = []
        for group in groups {
            let isWorthALine = changed <= Self.maximumPending || group.status.needsAttention
            if isWorthALine, group.hosts.count <= Self.maximumAlike {
                named += group.hosts.map { ($0, group.status) }
            } else {
                counted.append(group)
            }
        }
        let room = max(0, Self.maximumNamedLines - namedLines)
        let text = HeldText(verification)
        for (host, status) in named.sorted(by: { $0.host < $1.host }).prefix(room) {
            namedLines += 1
            let reason = verification.tracks[host].reason(at: now, policy: verification.timing)
            write("\(Self.name(host, verification)): \(status.rawValue) - \(text.of(reason))", at: now)
        }
        var rest: [(status: HostStatus, text: String)] = counted.map {
            ($0.status, "\($0.hosts.count) now \($0.status.rawValue)\($0.summary)")
        }
        let unnamed = Dictionary(grouping: named.sorted { $0.host < $1.host }.dropFirst(room), by: \.status)
        rest += unnamed.map { ($0.key, "\($0.value.count) now \($0.key.rawValue)") }
        guard !rest.isEmpty || includesCounts else { return }
        let counts = FleetCounts(verification).line
        let texts = rest.sorted { $0.status.rank > $1.status.rank }.map(\.text)
        write(texts.isEmpty ? counts : "\(texts.joined(separator: ", ")) (\(counts))", at: now)
    }

    private mutating func grow(to verification: Verification) {
        guard shown.count < verification.tracks.count else { return }
        shown += repeatElement(nil, count: verification.tracks.count - shown.count)
    }

    private struct GroupKey: Hashable {
        let status: HostStatus
        let code: HostReason.Code
    }

    /// Groups hosts by status and reason code, in the order in which the first of each is added.
    private struct Grouping {
        private(set) var groups: [Group] = []
        private var positions: [GroupKey: Int] = [:]

        mutating func add(_ host: Int, _ reason: HostReason, _ verification: Verification) {
            // By index: copying a tracker costs more than the rest.
            let status = verification.tracks[host].status
            let key = GroupKey(status: status, code: reason.code)
            if let position = positions[key] {
                groups[position].hosts.append(host)
            } else {
                positions[key] = groups.count
                let reach = verification.tracks[host].facts.reach
                groups.append(Group(status: status, reason: reason, reach: reach, hosts: [host]))
            }
        }
    }

    // MARK: - Heartbeat

    /// Names the hosts that are not converged, grouped by reason, after the line with the counts.
    private mutating func beat(_ verification: Verification, at now: Duration) {
        lastHeartbeat = now
        var grouping = Grouping()
        for host in verification.tracks.indices {
            guard verification.tracks[host].status != .converged, !verification.tracks[host].host.isWaived else {
                continue
            }
            grouping.add(
                host, verification.tracks[host].reason(at: now, policy: verification.timing), verification)
        }
        let text = HeldText(verification)
        let sorted = grouping.groups.sorted { ($0.status.rank, -$0.hosts.count) < ($1.status.rank, -$1.hosts.count) }
        for group in sorted.prefix(Self.maximumGroups) {
            let names = group.hosts.prefix(Self.maximumPending).map { Self.name($0, verification) }
            let more = group.hosts.count - names.count
            let who = names.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
            terminal.write("         still \(group.status.rawValue): \(who) - \(text.of(group.reason))\n")
        }
        let rest = sorted.dropFirst(Self.maximumGroups).reduce(0) { $0 + $1.hosts.count }
        if rest > 0 { terminal.write("         and \(rest.hostCount) with other reasons\n") }
    }

    private static func name(_ host: Int, _ verification: Verification) -> String {
        Sanitizer.singleLine(verification.tracks[host].host.name, limit: 64)
    }

    private func write(_ text: String, at now: Duration) {
        terminal.write(text.stamped(at: now) + "\n")
    }
}

/// Hosts by their index, each once. A large fleet adds tens of thousands each second, for which a set takes too long.
private struct HostList {
    private var isIn: [Bool] = []
    private var hosts: [Int] = []

    var isEmpty: Bool { hosts.isEmpty }

    mutating func insert(_ host: Int) {
        if host >= isIn.count { isIn += repeatElement(false, count: host + 1 - isIn.count) }
        guard !isIn[host] else { return }
        isIn[host] = true
        hosts.append(host)
    }

    /// Removes all hosts, and returns them in ascending order.
    mutating func takeAll() -> [Int] {
        defer { hosts = [] }
        for host in hosts { isIn[host] = false }
        return hosts.sorted()
    }
}

/// The words of reasons in a log. A build that failed on one host must not be recommended to the next one.
private struct HeldText {
    private let isHeld: Bool

    init(_ verification: Verification) {
        let counts = FleetCounts(verification)
        isHeld = counts.count(.failed) + counts.count(.rolledBack) > 0 || verification.successor != nil
    }

    func of(_ reason: HostReason) -> String {
        let text = isHeld ? reason.text.withoutRollout(reason.code) : reason.text
        return Sanitizer.singleLine(text.sentence)
    }
}

extension PlainProgress.Group {
    /// The cause that the hosts share, if it says more than their status.
    fileprivate var summary: String {
        switch reason.code {
        case .soaking, .starting, .converged, .onTarget, .flapping: ""
        case .requestFailed: " (\(reach.rawValue))"
        default: reason.text.cause.isEmpty ? "" : " (\(Sanitizer.singleLine(reason.text.cause, limit: 80)))"
        }
    }
}

extension HostReason {
    /// True while a host has given no answer that counts: the next one, within seconds, has the reason.
    fileprivate var isPreliminary: Bool {
        switch code {
        case .notAnsweredYet, .askedTooEarly: true
        default: false
        }
    }
}
