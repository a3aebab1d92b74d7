/// The names under which files of credentials know a registry.
struct RegistryNames: Hashable, Sendable {
    /// The first that has an entry counts.
    let keys: [String]
    /// What a credential helper is asked for.
    let serverAddress: String

    static let dockerHub = "docker.io"
    static let dockerHubKey = "https://index.docker.io/v1/"
    static let dockerHubHost = "registry-1.docker.io"

    init(registry: String, path: String) {
        // containers-auth.json(5): entries may be for a namespace or a repository; the longest that fits counts.
        var parts = path.split(separator: "/" as Character).map(String.init)
        var keys: [String] = []
        while !parts.isEmpty {
            keys.append("\(registry)/\(parts.joined(separator: "/"))")
            parts.removeLast()
        }
        if registry == Self.dockerHub {
            serverAddress = Self.dockerHubKey
            let hub = [registry, "index.docker.io", Self.dockerHubHost]
            self.keys = keys + [Self.dockerHubKey] + hub + hub.map { "https://\($0)" }
        } else {
            serverAddress = registry
            // As older clients wrote them.
            self.keys =
                keys + [registry]
                + ["https", "http"].flatMap { scheme in
                    ["", "/", "/v1", "/v1/", "/v2", "/v2/"].map { "\(scheme)://\(registry)\($0)" }
                }
        }
    }
}
