import AgentCore
import Logging
import Shared

/// A key of the configuration file. The table of keys drives the parser and the documentation.
struct ConfigurationKey: Hashable, Sendable {
    /// The type of a key's value.
    enum Shape: Hashable, Sendable {
        case text
        /// A list of texts, or a single text.
        case texts
        /// `true` or `false`.
        case flag
        case number(ClosedRange<Int>)
        case choice([String])
        /// The absolute path of a file.
        case path

        /// The name of the type, for the list of keys.
        var name: String {
            switch self {
            case .text: "text"
            case .texts: "list of texts"
            case .flag: "true or false"
            case .number(let range): "number from \(range.lowerBound) to \(range.upperBound)"
            case .choice(let words): "one of \(words.joined(separator: ", "))"
            case .path: "path"
            }
        }
    }

    /// The path from the root, with dots; `services[]` stands for each service.
    let path: String
    let shape: Shape
    /// The default, for people; empty without one.
    let standard: String
    let meaning: String
    /// The equivalent flag, which takes precedence; nil for keys that form a flag together.
    let flag: String?

    private init(_ path: String, _ shape: Shape, standard: String = "", flag: String? = nil, _ meaning: String) {
        self.path = path
        self.shape = shape
        self.standard = standard
        self.flag = flag
        self.meaning = meaning
    }

    /// All keys, in the recommended order for a file.
    static let all: [ConfigurationKey] = [
        ConfigurationKey(
            "listen", .texts, standard: "127.0.0.1:\(BuildinfoProtocol.defaultPort)", flag: "--listen",
            "Where to listen: HOST:PORT with an IP address, [V6]:PORT or unix:/PATH. Sockets inherited from systemd take precedence."
        ),
        ConfigurationKey(
            "from", .text, flag: "--from",
            "The reader's socket, unix:/PATH. With it, this process opens neither engine sockets nor files of services."
        ),
        ConfigurationKey(
            "engines", .texts,
            standard:
                "DOCKER_HOST, else CONTAINER_HOST, else the first socket of /run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, /run/podman/podman.sock and $XDG_RUNTIME_DIR/podman/podman.sock",
            flag: "--engine",
            "Engines: unix:///PATH, or tcp://HOST:PORT with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH in the environment."),
        ConfigurationKey(
            "allow_plain_engine", .flag, standard: "false", flag: "--allow-plain-engine",
            "Permit engines over plain TCP beyond loopback, for example to a socket proxy in a private network."),
        ConfigurationKey(
            "services[].name", .text,
            "The service's name in reports: 1 to 128 letters, digits, '.', '_' and '-'. The first service answers /buildinfo."
        ),
        ConfigurationKey(
            "services[].compose", .text,
            "Selects the containers of a Compose service: SERVICE, or PROJECT/SERVICE if several projects on the host have it. Each service has exactly one of compose, swarm, container, label, image and file."
        ),
        ConfigurationKey(
            "services[].swarm", .text,
            "Selects this host's tasks of a Swarm service, with or without the stack's name in front: canvas or shop_canvas."
        ),
        ConfigurationKey("services[].container", .text, "Selects the container of this exact name."),
        ConfigurationKey("services[].label", .text, "Selects containers with a label, KEY=VALUE."),
        ConfigurationKey(
            "services[].image", .text,
            "Selects containers of a repository, for example registry.example/canvas, without tag and digest."),
        ConfigurationKey(
            "services[].file", .path,
            "Reads the service's state from a file: a JSON object with git_sha, digest and state, or a commit on one line."
        ),
        ConfigurationKey(
            "services[].probe", .text,
            "The URL at which the service itself reports its commit: http:// on loopback, or unix:/SOCKET:/PATH. A service that does not answer is not serving, and one that reports another commit than its image is never proven. With several instances behind one URL, an answer counts only for the instance that sent it."
        ),
        ConfigurationKey(
            "services[].instances", .number(ServiceDeclaration.permittedInstances),
            "The number of instances of the service on this host. With fewer, it is not serving, and the host is not proven."
        ),
        ConfigurationKey(
            "host.id", .text, standard: "derived from the machine id", flag: "--host-id",
            "The host's id: 8 to 64 letters, digits, '.', '_' and '-'."),
        ConfigurationKey(
            "host.name", .text, standard: "the host's name", flag: "--host-name",
            "The host's name: 1 to 255 printable characters."),
        ConfigurationKey(
            "access.allow_anonymous", .flag, standard: "false", flag: "--allow-anonymous",
            "Permit listening beyond loopback without authentication."),
        ConfigurationKey(
            "access.token_file", .path, flag: "--token-file",
            "File of bearer tokens, one per line; requests need one of them."),
        ConfigurationKey(
            "access.tls.certificate", .path, flag: "--tls-certificate",
            "PEM file of the server's certificate and its chain."),
        ConfigurationKey(
            "access.tls.key", .path, flag: "--tls-key", "PEM file of the certificate's key, without a passphrase."),
        ConfigurationKey(
            "access.tls.client_ca", .path, flag: "--tls-client-ca",
            "PEM file of the certificate authorities for client certificates."),
        ConfigurationKey(
            "access.tls.client_names", .texts, flag: "--tls-client-name",
            "DNS names, of which a client certificate needs one as subject alternative name."),
        ConfigurationKey(
            "limits.connections", .number(ServerLimits.permittedConnections),
            standard: "\(ServerLimits.defaultConnections)", flag: "--max-connections",
            "Maximum number of connections. Each collector that waits for changes holds one."),
        ConfigurationKey(
            "limits.connections_per_address", .number(ServerLimits.permittedConnectionsPerAddress),
            standard: "\(ServerLimits.defaultConnectionsPerAddress)",
            flag: "--max-connections-per-address", "Maximum number of connections from one address."),
        ConfigurationKey(
            "limits.requests_per_second", .number(ServerLimits.permittedRequestsPerSecond),
            standard: "\(ServerLimits.defaultRequestsPerSecond)", flag: "--max-requests-per-second",
            "Maximum number of requests per second from one address."),
        ConfigurationKey(
            "log.level", .choice(Logger.Level.allCases.map(\.rawValue)), standard: "info", flag: "--log-level",
            "The minimum level of log lines on standard error."),
        ConfigurationKey(
            "log.format", .choice(["text", "json"]), standard: "text", flag: "--log-format", "The format of log lines."),
    ]

    /// The names of the keys directly below a path (empty for the root) in the order of the table, including parents.
    static func names(below path: String) -> [String] {
        let prefix = path.isEmpty ? "" : path + "."
        var names: [String] = []
        for key in all where key.path.hasPrefix(prefix) {
            let name = String(key.path.dropFirst(prefix.count).prefix { $0 != "." && $0 != "[" })
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    static func at(_ path: String) -> ConfigurationKey? { all.first { $0.path == path } }
}

/// The table of keys as text, for `check --keys` and the manual page.
///
/// One paragraph per key: its path, then the indented lines `type:`, `default:` and `flag:` (if any), and `meaning:`.
/// Empty lines separate the paragraphs.
enum ConfigurationKeysPage {
    static var text: String { ConfigurationKey.all.map(paragraph).joined(separator: "\n") }

    private static func paragraph(_ key: ConfigurationKey) -> String {
        var lines = [key.path, "    type: \(key.shape.name)"]
        if !key.standard.isEmpty { lines.append("    default: \(key.standard)") }
        if let flag = key.flag { lines.append("    flag: \(flag)") }
        lines.append("    meaning: \(key.meaning)")
        return lines.joined(separator: "\n") + "\n"
    }
}
