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
