import FoundationEssentials

/// Docker's `config.json` and containers' `auth.json`, as far as credentials go.
struct AuthFile: Sendable {
    package struct Entry: Decodable, Hashable, Sendable {
        /// Base64 of `user:password`.
        var auth: String?
        var username: String?
        var password: String?
        var identitytoken: String?
        var registrytoken: String?
    }

    /// Never repeats what the file holds.
    enum Defect: Error, Hashable, CustomStringConvertible {
        case notJSON
        case notBase64

        var description: String {
            switch self {
            case .notJSON: "it is no file of registry credentials: log in again with docker login or skopeo login"
            case .notBase64: "an 'auth' is no base64 of user:password: log in again with docker login or skopeo login"
            }
        }
    }

    private struct Wire: Decodable {
        var auths: [String: Entry?]?
        var credHelpers: [String: String]?
        var credsStore: String?
    }

    private let wire: Wire

    init(parsing bytes: [UInt8]) throws(Defect) {
        do {
            wire = try JSONDecoder().decode(Wire.self, from: Data(bytes))
        } catch {
            throw .notJSON
        }
    }

    /// The helper that the file names for the registry, or for all.
    func helper(for names: RegistryNames) -> String? {
        let own = names.keys.lazy.compactMap { wire.credHelpers?[$0] }.first { !$0.isEmpty }
        return own ?? wire.credsStore.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The registry's own entry; one that holds nothing is none, as beside a `credsStore`.
    func entry(for names: RegistryNames) -> Entry? {
        for key in names.keys {
            if let entry = wire.auths?[key] ?? nil, !entry.isEmpty { return entry }
        }
        return nil
    }
}

extension AuthFile.Entry {
    fileprivate var isEmpty: Bool {
        [auth, username, password, identitytoken, registrytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    func credential() throws(AuthFile.Defect) -> RegistryCredential? {
        if let registrytoken, !registrytoken.isEmpty { return .registryToken(registrytoken) }
        if let identitytoken, !identitytoken.isEmpty { return .identityToken(identitytoken) }
        if let username, !username.isEmpty { return .password(user: username, password: password ?? "") }
        guard let auth, !auth.isEmpty else { return nil }
        guard let data = Data(base64Encoded: auth) else { throw .notBase64 }
        // Docker pads the password with NUL bytes.
        var bytes = Array(data)
        while bytes.last == 0 { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":"),
            colon != text.startIndex
        else { throw .notBase64 }
        return .password(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    }
}

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
