import FoundationEssentials
import Glibc

/// Which process runs a verification, so that another one can tell later whether it is still there.
///
/// A process id alone is given to others in time; with the time of its start it is not, until the machine boots again.
package struct ProcessIdentity: Hashable, Sendable {
    var pid: Int32
    /// In clock ticks after boot; `/proc/PID/stat`, field 22 (proc_pid_stat(5)).
    package var start: UInt64?
    /// For example `pid:[4026531836]`: a container counts its processes for itself.
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

    package enum Presence: Hashable, Sendable { case running, gone, untold }

    /// Whether the process is still there, seen from `observer`, which is this process.
    package func presence(observer: ProcessIdentity) -> Presence {
        guard let boot, let ownBoot = observer.boot else { return .untold }
        guard boot == ownBoot else { return .gone }
        guard let namespace, namespace == observer.namespace, let start else { return .untold }
        return Self.start(of: pid) == start ? .running : .gone
    }

    private static func start(of pid: Int32) -> UInt64? {
        // The command in parentheses may hold blanks and parentheses; the fields are counted from behind it.
        guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // A zombie is gone: it only waits to be counted.
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
