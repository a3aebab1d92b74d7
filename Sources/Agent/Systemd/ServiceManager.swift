import Glibc
import NIOCore

/// Inherited sockets and notifications of systemd. Source: `sd_listen_fds(3)`, `sd_notify(3)`.
struct ServiceManager: Sendable {
    /// The first inherited descriptor.
    static let firstDescriptor: Int32 = 3

    let environment: [String: String]
    let processID: Int32

    init(environment: [String: String], processID: Int32 = getpid()) {
        self.environment = environment
        self.processID = processID
    }

    /// The inherited sockets of this process; `LISTEN_FDNAMES` is ignored.
    func inheritedSockets() throws(AgentError) -> [Int32] {
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == processID,
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...64).contains(count)
        else { return [] }
        let descriptors = Array(Self.firstDescriptor..<Self.firstDescriptor + count)
        for descriptor in descriptors {
            guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1,
                Self.option(SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue)
            else { throw .inheritedSocket(descriptor) }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        return descriptors
    }

    /// Sends a state such as `READY=1`; returns false without a notification socket, or if sending fails.
    @discardableResult
    func notify(_ state: String) -> Bool {
        guard let path = environment["NOTIFY_SOCKET"], let address = UnixAddress(path: path) else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(state.utf8)
        let sent = address.withSocketAddress {
            sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1)
        }
        return sent == bytes.count
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}

/// The address of a unix socket: a path, or an abstract name that begins with `@`.
struct UnixAddress {
    private var address = sockaddr_un()
    private let length: socklen_t

    /// nil for an empty name or one of more than 108 bytes, including the terminator.
    init?(path: String) {
        var bytes = Array(path.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 } else { bytes.append(0) }
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count > 1, bytes.count <= capacity else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    }

    func withSocketAddress<Outcome>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Outcome) -> Outcome {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}

/// The address of an inherited socket.
enum InheritedSocket {
    /// The address; nil if it is unknown, or neither IP nor unix.
    static func address(_ descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard outcome == 0 else { return nil }
        return withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
            case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
            case AF_UNIX: SocketAddress(bytes.loadUnaligned(as: sockaddr_un.self))
            default: nil
            }
        }
    }
}
