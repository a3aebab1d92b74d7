import CollectorSupport
import Glibc
import Shared

/// Where credentials may lie, in the order in which they are looked for. The first that has any for a registry counts.
///
/// `--registry-auth-file`, `REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json` (containers-auth.json(5)), and
/// `$DOCKER_CONFIG/config.json` or `~/.docker/config.json` (Docker's). Nothing is ever written.
package struct CredentialSources: Sendable {
    package struct Place: Hashable, Sendable {
        package var path: String
        /// Somebody named it: it has to be there.
        package var isNamed: Bool

        package init(path: String, isNamed: Bool) {
            self.path = path
            self.isNamed = isNamed
        }
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

    /// The credentials for a repository; nil where there are none anywhere.
    ///
    /// - Parameters:
    ///   - registry: as it stands in references.
    ///   - path: the repository's; entries for a part of a registry's repositories are longer than its name.
    ///   - limit: how long a helper may take.
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
            do throws(AuthFile.Defect) {
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
                place.path, reason: "'\(Sanitizer.singleLine(name, limit: 40))' is no credential helper's name")
        }
        return helper
    }

    private func read(_ place: Place) throws(RegistryError) -> AuthFile? {
        // A home that is not there, or not ours to read, is as good as one without the file.
        if !place.isNamed, access(place.path, R_OK) != 0 { return nil }
        let bytes: [UInt8]
        do {
            bytes = try LocalFile.read(place.path, limit: Self.fileLimit, flag: "file")
        } catch {
            throw .credentialFile(place.path, reason: "it cannot be read, check the path and its permissions")
        }
        // `touch auth.json` is how some runners start.
        guard !bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) else { return nil }
        do throws(AuthFile.Defect) {
            return try AuthFile(parsing: bytes)
        } catch {
            throw .credentialFile(place.path, reason: "\(error)")
        }
    }
}

/// How a registry is told who asks. Never shown: neither printed nor dumped.
enum RegistryCredential: Hashable, Sendable {
    case password(user: String, password: String)
    /// An OAuth2 refresh token, for the token service alone.
    case identityToken(String)
    /// A bearer token, ready to be sent.
    case registryToken(String)
}

extension RegistryCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Which kind it is, never what it says.
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
