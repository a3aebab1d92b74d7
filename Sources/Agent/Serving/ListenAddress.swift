import Glibc
import NIOCore
import Shared

/// `--listen`: an address with a numeric host, or the path of a unix socket.
enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    init(parsing text: String) throws(AgentError) {
        let defect = AgentError.listenSyntax(Sanitizer.singleLine(text, limit: 200))
        if text.hasPrefix("unix:") {
            guard let path = Self.socketPath(text) else { throw defect }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
            throw defect
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { throw defect }
        } else if host.contains(":") {
            throw defect
        }
        if host == "localhost" { host = "127.0.0.1" }
        do { _ = try SocketAddress(ipAddress: host, port: port) } catch { throw defect }
        self = .tcp(host: host, port: port)
    }

    /// The path in `unix:/PATH` and `unix:///PATH`; nil where there is none, or it is too long for a socket.
    static func socketPath(_ text: String) -> String? {
        guard text.hasPrefix("unix:") else { return nil }
        var path = String(text.dropFirst("unix:".count))
        if path.hasPrefix("//") { path = String(path.dropFirst(2)) }
        return path.hasPrefix("/") && (2...107).contains(path.utf8.count) && !path.utf8.contains(0) ? path : nil
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(text), port <= 65_535 else { return nil }
        return port
    }

    /// Whether only this machine can reach it.
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
    /// Whether only this machine can reach the address: 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, or a unix socket.
    var isLoopback: Bool {
        switch self {
        case .unixDomainSocket: true
        // As `inet_ntop(3)` writes it, so in one form only.
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1" || ipAddress?.hasPrefix("::ffff:127.") ?? false
        }
    }
}

/// Where the server listens: an address of its own, or a socket that systemd opened.
enum Listener: Hashable, Sendable {
    case address(ListenAddress)
    case inherited(descriptor: Int32)
}

/// Removes a socket file that a killed process left behind, and nothing else.
enum UnixSocketFile {
    /// - Throws: ``AgentError/addressInUse(_:)`` where somebody listens on it; ``AgentError/cannotListen(_:why:)`` where the
    ///   path is no socket.
    static func clear(_ path: String) throws(AgentError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .cannotListen("unix:\(path)", why: "the path is taken by a file")
        }
        if isAnswered(path) { throw .addressInUse("unix:\(path)") }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .cannotListen("unix:\(path)", why: "a stale socket there cannot be removed")
        }
    }

    private static func isAnswered(_ path: String) -> Bool {
        guard let address = UnixAddress(path: path) else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        // Only a refusal proves that nobody is there.
        return address.withSocketAddress { connect(descriptor, $0, $1) } == 0 || errno != ECONNREFUSED
    }
}
