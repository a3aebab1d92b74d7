import Glibc
import NIOCore

/// A port that is taken, so that nobody else gets it, and not listened on: connecting to it is refused.
struct DrillClosedPort: Sendable {
    let port: Int
    private let descriptor: Int32

    /// - Throws: `IOError` with the system's reason.
    init(on address: String) throws {
        let wanted = try SocketAddress(ipAddress: address, port: 0)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        guard wanted.withSockAddr({ bind(descriptor, $0, socklen_t($1)) }) == 0, let port = Self.port(of: descriptor)
        else {
            let code = errno
            close(descriptor)
            throw IOError(errnoCode: code, reason: "bind")
        }
        (self.descriptor, self.port) = (descriptor, port)
    }

    func release() {
        close(descriptor)
    }

    private static func port(of descriptor: Int32) -> Int? {
        withUnsafeTemporaryAllocation(byteCount: MemoryLayout<sockaddr_storage>.size, alignment: 16) { buffer in
            var length = socklen_t(buffer.count)
            guard let base = buffer.baseAddress,
                getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
            else { return nil }
            // Behind the family, in network order. The structure's members belong to another module wherever NIO's headers
            // are read first.
            return Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
