import FoundationEssentials
import Shared

/// What a token service grants (Docker's "Token Authentication Specification"; OAuth2 calls the same `access_token`).
struct TokenResponse: Hashable, Sendable {
    var token: String
    /// How long it may be used; 60 s where the service does not say.
    var lifetime: Duration

    private static let limit = 64 << 10

    /// nil where no usable token is in the answer.
    init?(parsing bytes: [UInt8]) {
        struct Wire: Decodable {
            var token: String?
            var accessToken: String?
            var expiresIn: Double?

            enum CodingKeys: String, CodingKey {
                case token
                case accessToken = "access_token"
                case expiresIn = "expires_in"
            }
        }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes)),
            let token = [wire.token, wire.accessToken].compactMap({ $0 }).first(where: { !$0.isEmpty }),
            token.utf8.count <= Self.limit, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.token = token
        let seconds = wire.expiresIn ?? 60
        lifetime = .seconds(seconds > 0 ? min(seconds, 86_400) : 60)
    }
}

extension TokenResponse: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "TokenResponse(lifetime \(lifetime.brief))" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
