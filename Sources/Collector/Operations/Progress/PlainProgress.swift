import CollectorSupport
import Reports
import Shared
import Verdict

/// Progress for logs: what changed, at most once a second, and a heartbeat each 30 seconds.
///
/// Stays short at any fleet size: many hosts that change alike share a line, and those that need attention are named.
struct PlainProgress: SessionObserver {
    let terminal: Terminal
    private var pending: [HostChange] = []
    private var lastFlush: Duration?
    private var lastLine = Duration.zero
    private var named: [Int: HostStatus] = [:]

    private static let flushInterval = Duration.seconds(1)
    private static let heartbeat = Duration.seconds(30)
    /// Named lines over the whole run; beyond them changes are only counted.
    private static let maximumNamedLines = 100
    private var namedLines = 0

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
        // Only where a host stands now matters: it may have changed several times since the last line.
        var latest: [Int: HostChange] = [:]
        for change in pending { latest[change.host] = change }
        pending.removeAll(keepingCapacity: true)
        let changes = latest.values.filter { named[$0.host] != $0.transition.status }.sorted { $0.host < $1.host }
        var counted: [HostStatus: Int] = [:]
        let counts = FleetCounts(verification)
        // What failed on one host is not what the next one should be brought to.
        let isHeld = counts.count(.failed) + counts.count(.rolledBack) > 0 || verification.successor != nil
        for change in changes {
            named[change.host] = change.transition.status
            let isWorthALine = changes.count <= 5 || change.transition.status.needsAttention
            if isWorthALine, namedLines < Self.maximumNamedLines {
                namedLines += 1
                let name = Sanitizer.singleLine(verification.tracks[change.host].host.name, limit: 64)
                let (status, reason) = (change.transition.status, change.transition.reason)
                let text = isHeld ? reason.text.withoutRollout(reason.code) : reason.text
                say("\(name): \(status.rawValue) - \(Sanitizer.singleLine(text.sentence))", at: now)
            } else {
                counted[change.transition.status, default: 0] += 1
            }
        }
        if !counted.isEmpty || now - lastLine >= Self.heartbeat {
            let text = counted.sorted { $0.key.rank > $1.key.rank }.map { "\($0.value) now \($0.key.rawValue)" }
            let standing = counts.line
            say((text.isEmpty ? standing : "\(text.joined(separator: ", ")) (\(standing))"), at: now)
        }
    }

    private mutating func say(_ text: String, at now: Duration) {
        lastLine = now
        let seconds = "\(Double(Int(now.seconds * 10)) / 10)s"
        terminal.write(String(repeating: " ", count: max(0, 7 - seconds.count)) + seconds + "  " + text + "\n")
    }
}
