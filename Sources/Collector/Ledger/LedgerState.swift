import CollectorSupport
import FoundationEssentials
import GRDB

/// Whether a recorded verification ended, runs, or was cut off.
package enum LedgerState: String, Codable, Hashable, Sendable {
    case running, interrupted, finished

    /// A run whose process cannot be looked at (it is in another container) is given its deadline and this long.
    private static let grace = 300.0

    /// - Parameters:
    ///   - row: of `verifications`.
    ///   - now: the wall clock.
    init(_ row: Row, observer: ProcessIdentity, now: Date) {
        guard row["state"] as String? != "finished" else {
            self = .finished
            return
        }
        let process = ProcessIdentity(
            pid: row["pid"] ?? 0, start: (row["process_start"] as Int64?).flatMap(UInt64.init(exactly:)),
            namespace: row["pid_namespace"], boot: row["boot"])
        switch process.presence(observer: observer) {
        case .running: self = .running
        case .gone: self = .interrupted
        case .untold:
            let start = Date(rfc3339: row["started_at"] ?? "") ?? .distantPast
            let end = start.addingTimeInterval((row["timeout"] ?? 0) + Self.grace)
            self = now < end ? .running : .interrupted
        }
    }
}
