internal import Glibc

/// A port of `127.0.0.1` without a server. It stays reserved until this object is released.
public final class ScriptedHostDeafPort: Sendable {
    public enum Kind: Sendable {
        /// Bound but not listening: connections are refused.
        case closed
        /// Listening with a full backlog: connection attempts are never answered.
        case full
    }

    public let port: Int
    private let descriptors: [Int32]

    /// nil if the kernel assigns no port.
    public init?(_ kind: Kind) {
        var descriptors = [socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)]
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var isBound = Self.withAddress(&address) { bind(descriptors[0], $0, length) == 0 }
        isBound = isBound && Self.withAddress(&address) { getsockname(descriptors[0], $0, &length) == 0 }
        if isBound, kind == .full {
            isBound = listen(descriptors[0], 0) == 0
            for _ in 0..<3 {
                let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                descriptors.append(client)
                // EINPROGRESS; all but the first attempt remain in that state.
                _ = Self.withAddress(&address) { connect(client, $0, length) }
            }
        }
        self.descriptors = descriptors
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else { return nil }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    private static func withAddress(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Bool
    ) -> Bool {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }

    private static func withAddress(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Int32
    ) -> Int32 {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }
}
