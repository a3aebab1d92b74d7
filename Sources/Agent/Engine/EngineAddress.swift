import AgentCore
import Glibc
import NIOCore
import NIOSSL
import Shared
import Synchronization

/// The address of an engine's API: `unix:///PATH`, `unix:/PATH`, a bare absolute path, or `tcp://HOST[:PORT]`.
enum EngineAddress: Hashable, Sendable, CustomStringConvertible {
    case unix(path: String)
    /// `tls` is nil for plain HTTP.
    case tcp(host: String, port: Int, tls: EngineTLS?)

    /// The reason why a text is not a valid engine address. Completes "invalid --engine 'x': ".
    struct ParseError: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    /// Docker's own ports for plain HTTP and for TLS.
    private static let ports = (plain: 2_375, secured: 2_376)

    /// Parses an address.
    ///
    /// - Parameters:
    ///   - tls: the TLS configuration for TCP connections; nil for plain HTTP.
    ///   - allowsPlain: permits plain HTTP across a network, where another machine could impersonate the engine.
    init(parsing text: String, tls: EngineTLS? = nil, allowsPlain: Bool = false) throws(ParseError) {
        guard let scheme = text.firstRange(of: "://").map({ text[..<$0.lowerBound] }), scheme != "unix" else {
            guard let path = ListenAddress.socketPath(text.hasPrefix("unix:") ? text : "unix:\(text)") else {
                throw ParseError(description: "expected unix:///PATH (at most 107 bytes) or tcp://HOST:PORT")
            }
            self = .unix(path: path)
            return
        }
        switch scheme {
        case "tcp": break
        case "ssh":
            throw ParseError(
                description: "ssh is not supported: run the agent on that host, or forward the engine's socket here "
                    + "(ssh -L /run/remote.sock:/run/docker.sock HOST) and write unix:///run/remote.sock")
        case "npipe":
            throw ParseError(description: "named pipes belong to Windows: expected unix:///PATH or tcp://HOST:PORT")
        case "http", "https":
            throw ParseError(
                description: "expected tcp://HOST:PORT, as for Docker's client; DOCKER_TLS_VERIFY=1 enables TLS")
        default: throw ParseError(description: "unknown scheme: expected unix:///PATH or tcp://HOST:PORT")
        }
        let authority = text.dropFirst("tcp://".count)
        guard let (host, port) = Self.split(authority.hasSuffix("/") ? authority.dropLast() : authority) else {
            throw ParseError(description: "expected tcp://HOST:PORT or tcp://[IPV6]:PORT")
        }
        self = .tcp(host: host, port: port ?? (tls == nil ? Self.ports.plain : Self.ports.secured), tls: tls)
        guard tls != nil || allowsPlain || Self.isLoopback(host) else {
            throw ParseError(
                description: "plain HTTP crosses a network, where another machine could impersonate the engine: "
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
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy(\.isASCIIDigit),
            let port = Int(rest.dropFirst()), (1...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    /// True if a host is an IP address.
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

/// The TLS configuration for engines over TCP: `ca.pem`, and `cert.pem` with `key.pem`, in one folder, as for Docker's
/// client. The engine's certificate is always verified.
///
/// New connections use renewed files. Unusable files leave the previous configuration in force.
final class EngineTLS: Hashable, Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamps: [AccessFile.Stamp?]
    }

    let folder: String
    private let state: Mutex<State>

    /// - Throws: the problem with the files. Completes "DOCKER_CERT_PATH '…': ".
    init(folder: String) throws(EngineAddress.ParseError) {
        self.folder = folder
        let stamps = Self.stamps(folder)
        state = Mutex(State(context: try Self.makeContext(folder), stamps: stamps))
    }

    /// The folder that Docker's client would use: `DOCKER_CERT_PATH`, else its configuration folder; nil without either.
    static func folder(environment: [String: String]) -> String? {
        for name in ["DOCKER_CERT_PATH", "DOCKER_CONFIG"] {
            if let path = environment[name], !path.isEmpty { return path }
        }
        return environment["HOME"].flatMap { $0.isEmpty ? nil : "\($0)/.docker" }
    }

    /// The context for a new connection, from the files as they are now.
    var context: NIOSSLContext {
        let stamps = Self.stamps(folder)
        return state.withLock { state in
            guard state.stamps != stamps else { return state.context }
            state.stamps = stamps
            // Unusable files are read again after their next change.
            do { state.context = try Self.makeContext(folder) } catch {}
            return state.context
        }
    }

    private static let names = ["ca.pem", "cert.pem", "key.pem"]

    private static func stamps(_ folder: String) -> [AccessFile.Stamp?] {
        names.map { name in
            var status = stat()
            return stat("\(folder)/\(name)", &status) == 0 ? AccessFile.Stamp(status) : nil
        }
    }

    private static func makeContext(_ folder: String) throws(EngineAddress.ParseError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.trustRoots = .certificates(try certificates("ca.pem", in: folder))
        if access("\(folder)/cert.pem", F_OK) == 0 || access("\(folder)/key.pem", F_OK) == 0 {
            configuration.certificateChain = try certificates("cert.pem", in: folder).map { .certificate($0) }
            let bytes = try bytes("key.pem", in: folder)
            do {
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: bytes, format: .pem) { $0(Array<UInt8>()) })
            } catch {
                throw EngineAddress.ParseError(description: "key.pem does not contain a PEM key without a passphrase")
            }
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw EngineAddress.ParseError(description: "cert.pem and key.pem do not match")
        }
    }

    private static func certificates(
        _ name: String, in folder: String
    ) throws(EngineAddress.ParseError) -> [NIOSSLCertificate] {
        let bytes = try bytes(name, in: folder)
        do {
            let found = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !found.isEmpty { return found }
        } catch {}
        throw EngineAddress.ParseError(description: "\(name) does not contain a PEM certificate")
    }

    private static func bytes(_ name: String, in folder: String) throws(EngineAddress.ParseError) -> [UInt8] {
        switch SmallFile.read("\(folder)/\(name)", limit: 1 << 20) {
        case .success(let bytes): return bytes
        case .failure(.missing): throw EngineAddress.ParseError(description: "\(name) is missing")
        case .failure(.denied): throw EngineAddress.ParseError(description: "\(name) cannot be read: permission denied")
        case .failure: throw EngineAddress.ParseError(description: "\(name) cannot be read")
        }
    }

    static func == (one: EngineTLS, other: EngineTLS) -> Bool { one.folder == other.folder }
    func hash(into hasher: inout Hasher) { hasher.combine(folder) }
}
