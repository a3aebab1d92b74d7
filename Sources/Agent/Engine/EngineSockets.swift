import AgentCore
import Glibc
import Shared

/// The engines in use: the configured ones, or the first default socket that exists at each observation.
///
/// The default is chosen again at each observation, because an engine can start after the agent.
struct EngineSockets: Hashable, Sendable {
    /// The configured engines; empty for the default.
    let named: [EngineAddress]
    let defaults: [String]
    /// The environment variable that names the engine; nil if a flag does, or if the default applies.
    let origin: String?

    init(named: [EngineAddress] = [], defaults: [String], origin: String? = nil) {
        self.named = named
        self.defaults = defaults
        self.origin = origin
    }

    /// Uses the flags' addresses, else `DOCKER_HOST`, else `CONTAINER_HOST`, else the default sockets. Empty variables
    /// count as unset.
    ///
    /// - Parameters:
    ///   - texts: the flags' values.
    ///   - environment: `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` secure every address over TCP, as with Docker's client.
    ///   - allowsPlain: as in ``EngineAddress``.
    init(parsing texts: [String], environment: [String: String], allowsPlain: Bool = false) throws(AgentError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let variable = texts.isEmpty ? ["DOCKER_HOST", "CONTAINER_HOST"].first { value($0) != nil } : nil
        var addresses: [EngineAddress] = []
        for text in variable.flatMap(value).map({ [$0] }) ?? texts {
            var tls: EngineTLS?
            if text.hasPrefix("tcp://"), value("DOCKER_TLS_VERIFY") != nil { tls = try Self.tls(environment) }
            do throws(EngineAddress.ParseError) {
                let address = try EngineAddress(parsing: text, tls: tls, allowsPlain: allowsPlain)
                if !addresses.contains(address) { addresses.append(address) }
            } catch {
                throw .engine(variable ?? "--engine", Sanitizer.singleLine(text, limit: 200), why: error.description)
            }
        }
        named = addresses
        origin = variable
        let runtime = value("XDG_RUNTIME_DIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? Self.defaultRuntimeFolder
        defaults =
            ["/run/docker.sock"] + (runtime.map { ["\($0)/docker.sock"] } ?? []) + ["/run/podman/podman.sock"]
            + (runtime.map { ["\($0)/podman/podman.sock"] } ?? [])
    }

    /// The folder of a user's sockets without `XDG_RUNTIME_DIR`, as in cron jobs and after `su`; nil for root, or if it
    /// does not exist.
    private static var defaultRuntimeFolder: String? {
        let folder = "/run/user/\(getuid())"
        return getuid() != 0 && access(folder, F_OK) == 0 ? folder : nil
    }

    private static func tls(_ environment: [String: String]) throws(AgentError) -> EngineTLS {
        guard let folder = EngineTLS.folder(environment: environment) else {
            throw .engine(
                "DOCKER_TLS_VERIFY", environment["DOCKER_TLS_VERIFY"] ?? "",
                why: "the certificate folder is unknown: set DOCKER_CERT_PATH")
        }
        do throws(EngineAddress.ParseError) {
            return try EngineTLS(folder: folder)
        } catch {
            throw .engine(
                "DOCKER_CERT_PATH", Sanitizer.singleLine(folder, limit: 200),
                why: "\(error): expected ca.pem, and cert.pem with key.pem if the engine requires them")
        }
    }

    /// The engines to use now; never empty.
    func current() -> [EngineAddress] {
        if !named.isEmpty { return named }
        return [.unix(path: defaults.first(where: Self.isSocket) ?? defaults.first ?? "/run/docker.sock")]
    }

    /// The default sockets that exist, and are not in use because another one comes first; empty if engines are configured.
    var unused: [String] { named.isEmpty ? Array(defaults.filter(Self.isSocket).dropFirst()) : [] }

    /// True if the first of the default sockets is in use.
    var isFirstDefault: Bool { named.isEmpty && defaults.first.map(Self.isSocket) == true }

    /// True if this process may not open the socket of an engine in use.
    var isDenied: Bool {
        current().contains { address in
            guard case .unix(let path) = address else { return false }
            return access(path, R_OK | W_OK) != 0 && errno == EACCES
        }
    }

    /// A folder does not count: Docker creates one if a container mounts a socket that does not exist.
    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    // MARK: - Failures

    /// The reason why no default socket can be used, with the finding at each path; nil if an engine is configured or a
    /// socket exists.
    var absence: EngineFailure? {
        guard named.isEmpty, !defaults.contains(where: Self.isSocket) else { return nil }
        let places = defaults.map { path in
            var status = stat()
            let state =
                if stat(path, &status) == 0 {
                    status.st_mode & S_IFMT == S_IFDIR ? "a folder, not a socket" : "not a socket"
                } else {
                    errno == EACCES ? "not permitted" : "missing"
                }
            return "\(path) (\(state))"
        }
        return EngineFailure(
            .unreachable,
            "no container engine found: tried \(places.joined(separator: ", ")): start it, or name it with --engine or "
                + "DOCKER_HOST",
            limit: 600)
    }

    /// Adds context to a failure for the operator: the variable that selected the engine, or the other default sockets.
    func explained(_ failure: EngineFailure) -> EngineFailure {
        var failure = failure
        if let origin {
            failure.description += " (engine from \(origin))"
        } else {
            let others = unused
            guard !others.isEmpty else { return failure }
            failure.description +=
                " (the first default socket; to use \(others.joined(separator: " or ")), set --engine)"
        }
        return failure
    }
}
