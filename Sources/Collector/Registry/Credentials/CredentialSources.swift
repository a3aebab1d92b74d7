import CollectorSupport
import Glibc
import Shared

/// The files of registry credentials, in order of precedence. The first with an entry for a registry counts.
///
/// `--registry-auth-file`, `REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json` (containers-auth.json(5)), and
/// Docker's `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. None is ever written.
package struct CredentialSources: Sendable {
    package struct Place: Hashable, Sendable {
        package var path: String
        /// True if the user named the file, so that it must exist.
        package var isNamed: Bool
    }

    private static let fileLimit = 1 << 20

    package let places: [Place]
    private let environment: [String: String]

    package init(flag: String?, environment: [String: String]) {
        self.environment = environment
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        var places: [Place] = []
        if let flag { places.append(Place(path: flag, isNamed: true)) }
        if let named = variable("REGISTRY_AUTH_FILE") { places.append(Place(path: named, isNamed: true)) }
        if let folder = variable("XDG_RUNTIME_DIR") {
            places.append(Place(path: "\(folder)/containers/auth.json", isNamed: false))
        }
        if let folder = variable("DOCKER_CONFIG") ?? variable("HOME").map({ "\($0)/.docker" }) {
            places.append(Place(path: "\(folder)/config.json", isNamed: false))
        }
        self.places = places
    }

    /// The credentials for a repository; nil if no file has any.
    ///
    /// - Parameters:
    ///   - registry: the name used in references.
    ///   - path: the repository's path, since an entry may be for a part of a registry.
    ///   - limit: the time limit for a helper.
    func credential(
        registry: String, path: String, within limit: Duration
    ) async throws(RegistryError) -> RegistryCredential? {
        for place in places {
            guard let file = try read(place) else { continue }
            let names = RegistryNames(registry: registry, path: path)
            if let helper = try helper(file, names, place) {
                let found = try await helper.credential(for: names.serverAddress, within: limit)
                if let found { return found }
            }
            do throws(AuthFile.ParseError) {
                if let found = try file.entry(for: names)?.credential() { return found }
            } catch {
                throw .credentialFile(place.path, reason: "\(error)")
            }
        }
        return nil
    }

    private func helper(
        _ file: AuthFile, _ names: RegistryNames, _ place: Place
    ) throws(RegistryError) -> CredentialHelper? {
        guard let name = file.helper(for: names) else { return nil }
        guard let helper = CredentialHelper(name: name, environment: environment) else {
            throw .credentialFile(
                place.path,
                reason: "'\(Sanitizer.singleLine(name, limit: 40))' is not a valid name of a credential helper")
        }
        return helper
    }

    private func read(_ place: Place) throws(RegistryError) -> AuthFile? {
        // A default file that is missing or not readable is skipped.
        if !place.isNamed, access(place.path, R_OK) != 0 { return nil }
        let bytes: [UInt8]
        do {
            bytes = try BoundedFile.read(place.path, limit: Self.fileLimit, flag: "file")
        } catch {
            throw .credentialFile(place.path, reason: "the file cannot be read; check its path and permissions")
        }
        // Some CI runners start with an empty file.
        guard !bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) else { return nil }
        do throws(AuthFile.ParseError) {
            return try AuthFile(parsing: bytes)
        } catch {
            throw .credentialFile(place.path, reason: "\(error)")
        }
    }
}

/// A credential for a registry. Never printed or dumped.
enum RegistryCredential: Hashable, Sendable {
    case password(user: String, password: String)
    /// An OAuth2 refresh token for the token service.
    case identityToken(String)
    /// A bearer token for the registry.
    case registryToken(String)
}

extension RegistryCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The kind of credential, without its value.
    var description: String {
        switch self {
        case .password: "RegistryCredential(password)"
        case .identityToken: "RegistryCredential(identity token)"
        case .registryToken: "RegistryCredential(registry token)"
        }
    }

    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
