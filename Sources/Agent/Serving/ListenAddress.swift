import Glibc
import NIOCore
import Shared

/// An address to listen on: an IP address and a port, or the path of a unix socket.
enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    static let expected = "expected HOST:PORT with an IP address, [V6]:PORT or unix:/PATH"

    init(parsing text: String) throws(AgentError) {
        let invalid = AgentError.listenSyntax(Sanitizer.singleLine(text, limit: 200))
        if text.hasPrefix("unix:") {
            guard let path = Self.socketPath(text) else { throw invalid }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
            throw invalid
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { throw invalid }
        } else if host.contains(":") {
            throw invalid
        }
        if host == "localhost" { host = "127.0.0.1" }
        do { _ = try SocketAddress(ipAddress: host, port: port) } catch { throw invalid }
        self = .tcp(host: host, port: port)
    }

    /// The path in `unix:/PATH` or `unix:///PATH`; nil for any other text, and for a path that is too long.
    static func socketPath(_ text: String) -> String? {
        guard text.hasPrefix("unix:") else { return nil }
        var path = String(text.dropFirst("unix:".count))
        if path.hasPrefix("//") { path = String(path.dropFirst(2)) }
        return path.hasPrefix("/") && (2...107).contains(path.utf8.count) && !path.utf8.contains(0) ? path : nil
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy(\.isASCIIDigit), let port = Int(text), port <= 65_535 else { return nil }
        return port
    }

    /// True if only this machine can reach it.
    var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, let port):
            (try? SocketAddress(ipAddress: host, port: port))?.isLoopback ?? false
        }
    }

    var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension SocketAddress {
    /// True if only this machine can reach the address: 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, or a unix socket.
    var isLoopback: Bool {
        switch self {
        case .unixDomainSocket: true
        // In the canonical form of `inet_ntop(3)`.
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1" || ipAddress?.hasPrefix("::ffff:127.") ?? false
        }
    }
}

/// A socket to listen on: one to open, or one inherited from systemd.
enum Listener: Hashable, Sendable {
    case address(ListenAddress)
    case inherited(descriptor: Int32)
}

/// Removal of a socket file that a killed process left behind.
enum UnixSocketFile {
    /// - Throws: ``AgentError/addressInUse(_:)`` if a process listens on the socket; ``AgentError/cannotListen(_:why:)`` if
    ///   the path is another file.
    static func clear(_ path: String) throws(AgentError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .cannotListen("unix:\(path)", why: "another file has that path")
        }
        if isAnswered(path) { throw .addressInUse("unix:\(path)") }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .cannotListen("unix:\(path)", why: "the stale socket there cannot be removed")
        }
    }

    private static func isAnswered(_ path: String) -> Bool {
        guard let address = UnixAddress(path: path) else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        // Only a refusal proves that no process listens.
        return address.withSocketAddress { connect(descriptor, $0, $1) } == 0 || errno != ECONNREFUSED
    }
}
