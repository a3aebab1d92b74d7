import CollectorSupport
import Reports
import Shared
import Verdict

/// Progress for logs: changes, at most once a second, and a heartbeat every 30 seconds.
///
/// Its length is limited at any fleet size: many hosts that change alike share a line, and hosts that need attention are named.
struct PlainProgress: SessionObserver {
    private let terminal: Terminal
    private var pending: [HostChange] = []
    private var lastFlush: Duration?
    private var lastLine = Duration.zero
    /// The last status of each host that was named or counted.
    private var reported: [Int: HostStatus] = [:]
    private var namedLines = 0

    private static let flushInterval = Duration.seconds(1)
    private static let heartbeat = Duration.seconds(30)
    /// The most lines with a host's name in a run; changes beyond them are only counted.
    private static let maximumNamedLines = 100

    init(terminal: Terminal) {
        self.terminal = terminal
    }

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        pending += changes
        if let lastFlush, now - lastFlush < Self.flushInterval { return }
        guard !pending.isEmpty || now - lastLine >= Self.heartbeat else { return }
        lastFlush = now
        flush(verification, at: now)
    }

    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {
        if !pending.isEmpty { flush(verification, at: conclusion.at) }
    }

    private mutating func flush(_ verification: Verification, at now: Duration) {
        // Only a host's latest status matters: it may have changed several times since the last line.
        var latest: [Int: HostChange] = [:]
        for change in pending { latest[change.host] = change }
        pending.removeAll(keepingCapacity: true)
        let changes = latest.values.filter { reported[$0.host] != $0.transition.status }.sorted { $0.host < $1.host }
        var counted: [HostStatus: Int] = [:]
        let counts = FleetCounts(verification)
        // A build that failed on one host must not be recommended to the next one.
        let isHeld = counts.count(.failed) + counts.count(.rolledBack) > 0 || verification.successor != nil
        for change in changes {
            let (status, reason) = (change.transition.status, change.transition.reason)
            reported[change.host] = status
            let isWorthALine = changes.count <= 5 || status.needsAttention
            if isWorthALine, namedLines < Self.maximumNamedLines {
                namedLines += 1
                let name = Sanitizer.singleLine(verification.tracks[change.host].host.name, limit: 64)
                let text = isHeld ? reason.text.withoutRollout(reason.code) : reason.text
                write("\(name): \(status.rawValue) - \(Sanitizer.singleLine(text.sentence))", at: now)
            } else {
                counted[status, default: 0] += 1
            }
        }
        if !counted.isEmpty || now - lastLine >= Self.heartbeat {
            let text = counted.sorted { $0.key.rank > $1.key.rank }.map { "\($0.value) now \($0.key.rawValue)" }
            write(text.isEmpty ? counts.line : "\(text.joined(separator: ", ")) (\(counts.line))", at: now)
        }
    }

    private mutating func write(_ text: String, at now: Duration) {
        lastLine = now
        terminal.write(text.stamped(at: now) + "\n")
    }
}
