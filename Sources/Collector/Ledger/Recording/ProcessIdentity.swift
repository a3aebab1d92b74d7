import CollectorSupport
import FoundationEssentials
import GRDB
import Glibc

/// Identifies the process that runs a verification, so that other processes can determine later whether it is still running.
///
/// A process id alone is reused in time; together with the process's start time it is not, until the machine boots again.
package struct ProcessIdentity: Hashable, Sendable {
    var pid: Int32
    /// The start in clock ticks after boot; `/proc/PID/stat`, field 22 (proc_pid_stat(5)).
    var start: UInt64?
    /// The process id namespace, for example `pid:[4026531836]`: a container numbers its processes on its own.
    var namespace: String?
    /// `/proc/sys/kernel/random/boot_id`: new with every boot.
    var boot: String?

    /// This process.
    package static func current() -> ProcessIdentity {
        let pid = getpid()
        return ProcessIdentity(
            pid: pid, start: start(of: pid), namespace: link("/proc/self/ns/pid"),
            boot: contents("/proc/sys/kernel/random/boot_id"))
    }

    package enum Presence: Hashable, Sendable { case running, gone, unknown }

    /// The state of the process, seen from `observer`, which is this process.
    func presence(observer: ProcessIdentity) -> Presence {
        guard let boot, let ownBoot = observer.boot else { return .unknown }
        guard boot == ownBoot else { return .gone }
        guard let namespace, namespace == observer.namespace, let start else { return .unknown }
        return Self.start(of: pid) == start ? .running : .gone
    }

    private static func start(of pid: Int32) -> UInt64? {
        // The command in parentheses can contain spaces and parentheses; the fields are counted from its end.
        guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // A zombie has ended: it only waits to be reaped.
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension ProcessIdentity {
    /// The process of a row of `verifications` or `journal`.
    init(_ row: Row) {
        self.init(
            pid: row["pid"] ?? 0, start: (row["process_start"] as Int64?).flatMap(UInt64.init(exactly:)),
            namespace: row["pid_namespace"], boot: row["boot"])
    }
}

/// The state of a recorded verification.
enum LedgerState: String, Codable, Hashable, Sendable {
    case running
    /// Its collector ended before it did.
    case interrupted
    case finished

    /// The grace period, in seconds after the deadline, of a verification whose process cannot be observed because it is in
    /// another container.
    private static let grace = 300.0

    /// - Parameters:
    ///   - row: of `verifications`.
    ///   - now: the wall clock.
    init(_ row: Row, observer: ProcessIdentity, now: Date) {
        guard row["state"] as String? != "finished" else {
            self = .finished
            return
        }
        switch ProcessIdentity(row).presence(observer: observer) {
        case .running: self = .running
        case .gone: self = .interrupted
        case .unknown:
            let start = Date(rfc3339: row["started_at"] ?? "") ?? .distantPast
            let end = start.addingTimeInterval((row["timeout"] ?? 0) + Self.grace)
            self = now < end ? .running : .interrupted
        }
    }
}
