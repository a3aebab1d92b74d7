import Glibc
import NIOCore

/// What an inherited descriptor is bound to.
enum InheritedSocket {
    /// nil where that cannot be told, or is neither IP nor unix.
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
