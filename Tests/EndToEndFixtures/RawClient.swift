import Glibc

/// A TCP connection for arbitrary bytes, from any address of 127.0.0.0/8.
final class RawClient {
    struct NoConnection: Error, CustomStringConvertible {
        var description: String
    }

    private let descriptor: Int32
    /// True if the peer closed or reset the connection.
    private(set) var isClosed = false

    /// - Throws: ``NoConnection`` if connecting fails.
    init(_ authority: String, from source: String = "127.0.0.1") throws {
        let parts = authority.split(separator: ":")
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, let port = parts.last.flatMap({ UInt16($0) }),
            Self.with(source, 0, { bind(descriptor, $0, $1) }) == 0,
            Self.with(String(parts[0]), port, { connect(descriptor, $0, $1) }) == 0
        else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw NoConnection(description: "no connection from \(source) to \(authority): \(reason)")
        }
    }

    deinit { close(descriptor) }

    /// Sends as much as the peer accepts, which can close the connection meanwhile.
    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Limits the time to send to a peer that does not read.
    func setSendLimit(_ limit: inout timeval) {
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Raises the limit on open files of this process and its children; returns false if the system does not permit it.
    static func raiseOpenFiles(to wanted: Int) -> Bool {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, rlim_t(wanted)))
        return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 && limit.rlim_cur >= rlim_t(wanted)
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Receives until the peer closes the connection, the text arrives, or the time is up.
    func received(until limit: Duration = .seconds(30), orText text: String? = nil) -> String {
        var step = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &step, socklen_t(MemoryLayout<timeval>.size))
        let deadline = ContinuousClock.now + limit
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ContinuousClock.now < deadline {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                bytes += buffer[..<count]
                if let text, String(decoding: bytes, as: UTF8.self).contains(text) { break }
                continue
            }
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            isClosed = true
            break
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func with<Outcome>(
        _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Outcome
    ) -> Outcome {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
