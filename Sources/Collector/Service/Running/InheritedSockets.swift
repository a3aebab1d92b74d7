import CollectorSupport
import Glibc
import NIOCore
import Shared

/// The sockets that systemd opened for this process. Source: `sd_listen_fds(3)`.
struct InheritedSocket: Sendable {
    let descriptor: Int32
    /// nil if it is unknown.
    let address: SocketAddress?

    private static let first: Int32 = 3

    /// Who reaches it: for an unknown address, the network.
    var reach: AccessControl.Reach {
        guard let address else { return .network }
        if address.pathname != nil { return .socket }
        guard let ip = address.ipAddress else { return .network }
        return ip == "::1" || ip.hasPrefix("127.") ? .loopback : .network
    }

    /// - Throws: ``UsageError`` for a descriptor that is no listening stream socket.
    static func all(environment: [String: String]) throws -> [InheritedSocket] {
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...64).contains(count)
        else { return [] }
        return try (first..<first + count).map { descriptor in
            guard option(SO_ACCEPTCONN, of: descriptor) == 1,
                option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue)
            else {
                throw UsageError(
                    "the inherited descriptor \(descriptor) is not a listening stream socket: use ListenStream= in the .socket "
                        + "unit, without Accept=")
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return InheritedSocket(descriptor: descriptor, address: address(of: descriptor))
        }
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    private static func address(of descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard outcome == 0 else { return nil }
        return withUnsafeBytes(of: storage) { bytes in
            switch Int32(bytes.loadUnaligned(as: sockaddr.self).sa_family) {
            case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
            case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
            case AF_UNIX: SocketAddress(bytes.loadUnaligned(as: sockaddr_un.self))
            default: nil
            }
        }
    }
}
