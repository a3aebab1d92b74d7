import FoundationEssentials
import Glibc
import Shared

/// A program that keeps credentials: `docker-credential-NAME get`, the server's address on its standard input.
///
/// Source: docker/docker-credential-helpers, README ("Development"). What it writes is bounded in size and time, and shown to
/// nobody.
struct CredentialHelper: Sendable {
    let name: String
    private let environment: [String: String]

    private static let outputLimit = 64 << 10
    private static let longestRun = Duration.seconds(30)

    /// nil where the name is none: it becomes a part of a program's path.
    init?(name: String, environment: [String: String]) {
        let isName = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "._-".utf8.contains(byte)
        }
        guard isName, (1...64).contains(name.utf8.count) else { return nil }
        self.name = name
        self.environment = environment
    }

    /// - Returns: nil where the helper has none for this server.
    func credential(
        for server: String, within limit: Duration
    ) async throws(RegistryError) -> RegistryCredential? {
        guard let path = path else {
            throw .helper(name, reason: "there is no such program in PATH: install it, or log in without it")
        }
        let limit = min(limit, Self.longestRun)
        let outcome = await BoundedSubprocess.run(
            path, ["get"], environment: environment, input: Array(server.utf8), outputLimit: Self.outputLimit,
            within: limit)
        switch outcome {
        case .ended(0, let output): return try Self.parse(output, name)
        case .ended(_, let output) where Self.meansNone(output): return nil
        case .ended(let code, _):
            throw .helper(name, reason: "it ended with exit code \(code), run it by hand to see why")
        case .tooMuchOutput: throw .helper(name, reason: "it wrote more than \(Self.outputLimit) bytes")
        case .cancelled: throw .helper(name, reason: "the work was cancelled")
        case .tooLate: throw .helper(name, reason: "it took longer than \(limit.brief)")
        case .notStarted(let reason): throw .helper(name, reason: "it could not be started (\(reason))")
        }
    }

    private var path: String? {
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":" as Character)
        return folders.lazy.map { "\($0)/docker-credential-\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// `errCredentialsNotFoundMessage` of the helpers' library.
    private static func meansNone(_ output: [UInt8]) -> Bool {
        String(decoding: output, as: UTF8.self).contains("credentials not found in native keychain")
    }

    private static func parse(_ output: [UInt8], _ name: String) throws(RegistryError) -> RegistryCredential? {
        struct Wire: Decodable {
            var user: String?
            var secret: String?

            enum CodingKeys: String, CodingKey {
                case user = "Username"
                case secret = "Secret"
            }
        }
        let wire: Wire
        do {
            wire = try JSONDecoder().decode(Wire.self, from: Data(output))
        } catch {
            throw .helper(name, reason: "what it wrote is not what the helpers' protocol says")
        }
        guard let secret = wire.secret, !secret.isEmpty else { return nil }
        if wire.user == "<token>" { return .identityToken(secret) }
        return .password(user: wire.user ?? "", password: secret)
    }
}
