import NIOCore
import Shared

/// Where an engine's API is: `unix:///PATH`, `unix:/PATH`, a bare absolute path, or `tcp://HOST[:PORT]`.
enum EngineAddress: Hashable, Sendable, CustomStringConvertible {
    case unix(path: String)
    /// - tls: nil for plain HTTP.
    case tcp(host: String, port: Int, tls: EngineTLS?)

    /// Why a text is not a valid engine address. Completes "invalid --engine 'x': ".
    struct Defect: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    /// Docker's own ports for plain HTTP and for TLS.
    private static let ports = (plain: 2_375, secured: 2_376)

    /// Parses an address.
    ///
    /// - Parameters:
    ///   - tls: what TCP connections are made with; nil for plain HTTP.
    ///   - allowsPlain: permits plain HTTP across a network, where another machine could answer in the engine's place.
    init(parsing text: String, tls: EngineTLS? = nil, allowsPlain: Bool = false) throws(Defect) {
        guard let scheme = text.firstRange(of: "://").map({ text[..<$0.lowerBound] }), scheme != "unix" else {
            guard let path = ListenAddress.socketPath(text.hasPrefix("unix:") ? text : "unix:\(text)") else {
                throw Defect(description: "expected unix:///PATH (at most 107 bytes) or tcp://HOST:PORT")
            }
            self = .unix(path: path)
            return
        }
        switch scheme {
        case "tcp": break
        case "ssh":
            throw Defect(
                description: "ssh is not supported: run the agent on that host, or forward the engine's socket here "
                    + "(ssh -L /run/remote.sock:/run/docker.sock HOST) and write unix:///run/remote.sock")
        case "npipe":
            throw Defect(description: "named pipes belong to Windows: expected unix:///PATH or tcp://HOST:PORT")
        case "http", "https":
            throw Defect(
                description: "write tcp://HOST:PORT, as for Docker's client; DOCKER_TLS_VERIFY=1 asks for TLS")
        default: throw Defect(description: "unknown scheme: expected unix:///PATH or tcp://HOST:PORT")
        }
        let authority = text.dropFirst("tcp://".count)
        guard let (host, port) = Self.split(authority.hasSuffix("/") ? authority.dropLast() : authority) else {
            throw Defect(description: "expected tcp://HOST:PORT or tcp://[IPV6]:PORT")
        }
        self = .tcp(host: host, port: port ?? (tls == nil ? Self.ports.plain : Self.ports.secured), tls: tls)
        guard tls != nil || allowsPlain || Self.isLoopback(host) else {
            throw Defect(
                description: "plain HTTP crosses a network, where others could answer in the engine's place: "
                    + "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or permit it with --allow-plain-engine")
        }
    }

    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var (host, rest) = (authority, Substring())
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
            guard host.contains(":"), isNumeric(String(host)) else { return nil }
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority[host.endIndex...]
            guard !host.isEmpty, host.utf8.count <= 253,
                host.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "._-".utf8.contains($0) })
            else { return nil }
        }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(rest.dropFirst()), (1...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    /// Whether a host is written as an address.
    static func isNumeric(_ host: String) -> Bool {
        do {
            _ = try SocketAddress(ipAddress: host, port: 1)
            return true
        } catch {
            return false
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        do { return try SocketAddress(ipAddress: host, port: 1).isLoopback } catch { return host == "localhost" }
    }

    /// The path alone, or `tcp://HOST:PORT`: for messages, and as the engine's name in metrics.
    var description: String {
        switch self {
        case .unix(let path): path
        case .tcp(let host, let port, _): host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        }
    }
}
