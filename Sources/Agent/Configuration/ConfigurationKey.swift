import AgentCore
import Logging
import Shared

/// A key of the configuration file: the one table that the reader follows, and that documentation is made from.
struct ConfigurationKey: Hashable, Sendable {
    /// What may stand behind a key.
    enum Shape: Hashable, Sendable {
        case text
        /// A list of texts; one text will do.
        case texts
        /// `true` or `false`.
        case flag
        case number(ClosedRange<Int>)
        case choice([String])
        /// An absolute path of a file.
        case path

        /// For people.
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

    /// From the root, with dots; `services[]` stands for each service.
    let path: String
    let shape: Shape
    /// For people; empty where there is none.
    let standard: String
    let meaning: String
    /// The flag that says the same, and wins; nil where several keys make one flag.
    let flag: String?

    private init(_ path: String, _ shape: Shape, standard: String = "", flag: String? = nil, _ meaning: String) {
        self.path = path
        self.shape = shape
        self.standard = standard
        self.flag = flag
        self.meaning = meaning
    }

    /// All of them, in the order in which a file is best written.
    static let all: [ConfigurationKey] = [
        ConfigurationKey(
            "listen", .texts, standard: "127.0.0.1:\(BuildinfoProtocol.defaultPort)", flag: "--listen",
            "Where to listen: HOST:PORT with a numeric HOST, [V6]:PORT or unix:/PATH. Sockets inherited from systemd win."
        ),
        ConfigurationKey(
            "from", .text, flag: "--from",
            "The reader's socket, unix:/PATH: then this process opens no engine's socket and no file of a service itself."
        ),
        ConfigurationKey(
            "engines", .texts,
            standard:
                "DOCKER_HOST, else CONTAINER_HOST, else the first socket of /run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, /run/podman/podman.sock and $XDG_RUNTIME_DIR/podman/podman.sock",
            flag: "--engine",
            "Engines: unix:///PATH, or tcp://HOST:PORT with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH in the environment."),
        ConfigurationKey(
            "allow_plain_engine", .flag, standard: "false", flag: "--allow-plain-engine",
            "Permit engines over plain TCP beyond loopback, as behind a socket proxy in a network of its own."),
        ConfigurationKey(
            "services[].name", .text,
            "The name under which the service is reported: 1 to 128 letters, digits, '.', '_' and '-'. The first service answers /buildinfo."
        ),
        ConfigurationKey(
            "services[].compose", .text,
            "Selects the containers of a Compose service: SERVICE, or PROJECT/SERVICE where the host runs it in several projects. Each service has exactly one of compose, swarm, container, label, image and file."
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
            "Reads what is served from a file: a JSON object with git_sha, digest and state, or a bare commit on one line."
        ),
        ConfigurationKey(
            "services[].probe", .text,
            "Where the service itself says what it serves: http:// on loopback, or unix:/SOCKET:/PATH. A service that does not answer is not serving, and one that tells another commit than its image is never proven. Of several instances behind one URL, an answer speaks for the one that gave it, and for no other."
        ),
        ConfigurationKey(
            "services[].instances", .number(ServiceDeclaration.permittedInstances),
            "How many instances the service has on this host. With fewer, it is not serving, and its host is not proven."
        ),
        ConfigurationKey(
            "host.id", .text, standard: "derived from the machine id", flag: "--host-id",
            "The host's id: 8 to 64 letters, digits, '.', '_' and '-'."),
        ConfigurationKey(
            "host.name", .text, standard: "the host's name", flag: "--host-name",
            "The host's name: 1 to 255 printable characters."),
        ConfigurationKey(
            "access.allow_anonymous", .flag, standard: "false", flag: "--allow-anonymous",
            "Permit listening beyond loopback although nobody has to authenticate."),
        ConfigurationKey(
            "access.token_file", .path, flag: "--token-file",
            "File of bearer tokens, one a line, of which a request must have one."),
        ConfigurationKey(
            "access.tls.certificate", .path, flag: "--tls-certificate",
            "PEM file of the server's certificate and its chain."),
        ConfigurationKey(
            "access.tls.key", .path, flag: "--tls-key", "PEM file of the certificate's key, without a passphrase."),
        ConfigurationKey(
            "access.tls.client_ca", .path, flag: "--tls-client-ca",
            "PEM file of the authorities whose certificates clients must have."),
        ConfigurationKey(
            "access.tls.client_names", .texts, flag: "--tls-client-name",
            "DNS names of which a client's certificate must have one."),
        ConfigurationKey(
            "limits.connections", .number(ServerLimits.permittedConnections),
            standard: "\(ServerLimits.defaultConnections)", flag: "--max-connections",
            "Connections at a time. Each collector that waits for changes holds one."),
        ConfigurationKey(
            "limits.connections_per_address", .number(ServerLimits.permittedConnectionsPerAddress),
            standard: "\(ServerLimits.defaultConnectionsPerAddress)",
            flag: "--max-connections-per-address", "Connections at a time from one address."),
        ConfigurationKey(
            "limits.requests_per_second", .number(ServerLimits.permittedRequestsPerSecond),
            standard: "\(ServerLimits.defaultRequestsPerSecond)", flag: "--max-requests-per-second",
            "Requests a second from one address."),
        ConfigurationKey(
            "log.level", .choice(Logger.Level.allCases.map(\.rawValue)), standard: "info", flag: "--log-level",
            "The least important lines that are written to standard error."),
        ConfigurationKey(
            "log.format", .choice(["text", "json"]), standard: "text", flag: "--log-format", "How lines are written."),
    ]

    /// The keys right below a path (empty for the root), those that lead to others included, in the table's order.
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

/// The table of keys as text: what `check --keys` prints, and a manual page is made from.
///
/// One paragraph a key: its path, then indented lines `type:`, `default:`, `flag:` (each only where there is one) and
/// `meaning:`; paragraphs are parted by an empty line.
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
