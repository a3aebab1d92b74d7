import FoundationEssentials
import Shared
import Transfer

/// A request to a token service, and whether credentials may be sent to it.
struct TokenRequest: Sendable {
    private let realm: String
    private let origin: WebOrigin
    private let service: String?
    private let scope: String

    static let clientID = "buildinfo-collector"

    /// - Parameters:
    ///   - needed: the scope used if the challenge names none, as with some versions of Gitea.
    /// - Returns: nil if the realm is not a valid URL.
    init?(_ challenge: AuthenticationChallenge, needed: String) {
        guard let realm = challenge.parameters["realm"], let origin = WebOrigin(realm), !realm.contains("#") else {
            return nil
        }
        self.realm = realm
        self.origin = origin
        service = challenge.parameters["service"].flatMap { $0.isEmpty ? nil : $0 }
        scope = challenge.parameters["scope"].flatMap { $0.isEmpty ? nil : $0 } ?? needed
    }

    var shownOrigin: String { origin.shown }
    var isLoopback: Bool { origin.isLoopback }

    /// True if credentials may be sent to it: over https, or to the host of a registry that itself uses plain HTTP.
    func mayHaveCredentials(of registry: WebOrigin) -> Bool {
        origin.isEncrypted || (!registry.isEncrypted && origin.host == registry.host)
    }

    func request(_ credential: RegistryCredential?, within limit: Duration, access: RequestCredentials) -> WebRequest {
        var fields: [(String, String)] = []
        if let service { fields.append(("service", service)) }
        fields.append(("scope", scope))
        switch credential {
        case .identityToken(let token):
            fields += [("grant_type", "refresh_token"), ("client_id", Self.clientID), ("refresh_token", token)]
            return WebRequest(
                .post(.init(mediaType: "application/x-www-form-urlencoded", bytes: Array(Self.encode(fields).utf8))),
                url: realm, headers: [("Accept", "application/json")], within: limit, access: access)
        case .password(let user, let password):
            return get(
                fields + [("account", user)], within: limit, access: access,
                headers: [
                    ("Authorization", RegistryAuthorization.basic(user: user, password: password).header)
                ])
        case .registryToken, nil: return get(fields, within: limit, access: access, headers: [])
        }
    }

    private func get(
        _ fields: [(String, String)], within limit: Duration, access: RequestCredentials,
        headers: [(name: String, value: String)]
    ) -> WebRequest {
        // One parameter for each scope, as Docker does.
        let listed = fields.flatMap { name, value in
            name == "scope" ? value.split(separator: " " as Character).map { (name, String($0)) } : [(name, value)]
        }
        let separator = realm.contains("?") ? "&" : "?"
        return WebRequest(
            url: "\(realm)\(separator)\(Self.encode(listed))", headers: [("Accept", "application/json")] + headers,
            within: limit, access: access)
    }

    private static func encode(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(encode($1))" }.joined(separator: "&")
    }

    /// Escapes all bytes but unreserved characters (RFC 3986, section 2.3).
    private static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: result.unicodeScalars.append(Unicode.Scalar(byte))
            case _ where "-._~".utf8.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}

/// The token that a token service grants (Docker's "Token Authentication Specification"; in OAuth2 it is `access_token`).
struct TokenResponse: Hashable, Sendable {
    let token: String
    /// The token's lifetime; 60 s by default.
    let lifetime: Duration

    private static let limit = 64 << 10

    /// nil if the response holds no usable token.
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
            token.utf8.count <= Self.limit, token.isVisibleASCII
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

/// The value of an `Authorization` header. Never printed.
struct RegistryAuthorization: Hashable, Sendable {
    let header: String

    static func bearer(_ token: String) -> RegistryAuthorization { .init(header: "Bearer \(token)") }

    static func basic(user: String, password: String) -> RegistryAuthorization {
        .init(header: "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")
    }
}

extension RegistryAuthorization: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "RegistryAuthorization" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
