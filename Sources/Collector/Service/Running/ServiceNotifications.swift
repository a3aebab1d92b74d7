import Glibc

/// Notifications to systemd. Source: `sd_notify(3)`, `sd_watchdog_enabled(3)`.
struct ServiceNotifications: Sendable {
    let environment: [String: String]

    /// Sends a state such as `READY=1`. Does nothing without a notification socket.
    func notify(_ state: String) {
        guard let path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        var address = sockaddr_un()
        var bytes = Array(path.utf8)
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 } else { bytes.append(0) }
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else { return }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, state, state.utf8.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }

    /// Half of the period that systemd grants; nil without a watchdog for this process.
    var watchdogInterval: Duration? {
        guard let granted = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), granted > 0,
            environment["WATCHDOG_PID"].map({ Int32($0) == getpid() }) ?? true
        else { return nil }
        return .microseconds(granted) / 2
    }
}
