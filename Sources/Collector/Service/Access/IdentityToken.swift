import CollectorSupport
import FoundationEssentials
import Shared

/// An identity token of a CI runner: a JSON web token (RFC 7519) in its compact form, parsed and not yet verified.
struct IdentityToken: Sendable {
    /// Why a token is not accepted. The text has nothing of the token but its public claims.
    struct Refusal: Error, Hashable {
        let detail: String

        init(_ detail: String) { self.detail = "the identity token \(detail)" }
    }

    private struct Header: Decodable {
        let alg: String
        let kid: String?
        let crit: [String]?
    }

    let algorithm: String
    /// The name of its key.
    let keyID: String?
    let claims: [String: Claim]
    /// The bytes that the signature is over.
    let signed: [UInt8]
    let signature: [UInt8]

    /// Tokens of GitHub and GitLab have 1 to 3 KiB.
    static let sizeLimit = 8 << 10
    /// The difference of the clocks of issuer and service that is tolerated, in seconds.
    static let leeway = 60.0

    /// True for text that looks like one. Other tokens are random.
    static func isOne(_ text: Substring) -> Bool { text.hasPrefix("eyJ") && text.count(where: { $0 == "." }) == 2 }

    init(parsing text: Substring) throws(Refusal) {
        guard text.utf8.count <= Self.sizeLimit else { throw Refusal("is larger than \(Self.sizeLimit >> 10) KiB") }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw Refusal("does not have three parts in base64url") }
        let decoded: Header
        do {
            decoded = try JSONDecoder().decode(Header.self, from: Data(header))
            claims = try JSONDecoder().decode([String: Claim].self, from: Data(payload))
        } catch {
            throw Refusal("has a header or claims that are not valid JSON")
        }
        // Whoever sets it wants it understood, and there is nothing that this service understands (RFC 7515, section 4.1.11).
        guard decoded.crit == nil else { throw Refusal("has critical headers, which this service does not support") }
        (algorithm, keyID, self.signature) = (decoded.alg, decoded.kid, signature)
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    var issuer: String? { claims["iss"]?.text }

    /// A name of its job for the log.
    var name: String { Sanitizer.singleLine(claims["sub"]?.text ?? issuer ?? "identity token", limit: 120) }

    /// Checks that it holds now.
    ///
    /// - Parameter now: seconds since 1970.
    func checkTime(_ now: Double) throws(Refusal) {
        guard let end = claims["exp"] else { throw Refusal("has no 'exp', so it would never expire") }
        guard case .number(let end) = end else { throw Refusal("has an 'exp' that is not a number") }
        guard now < end + Self.leeway else {
            throw Refusal(
                "expired \(Self.seconds(now - end)) s ago: request a new one, or synchronize the clocks of issuer and service"
            )
        }
        for name in ["nbf", "iat"] {
            guard let claim = claims[name] else { continue }
            guard case .number(let begin) = claim else { throw Refusal("has a '\(name)' that is not a number") }
            guard begin <= now + Self.leeway else {
                throw Refusal(
                    "is not valid for another \(Self.seconds(begin - now)) s, by its '\(name)': synchronize the clocks of issuer "
                        + "and service")
            }
        }
    }

    private static func seconds(_ value: Double) -> Int { Int(min(max(0, value), 1e12)) }

    /// The value of a claim.
    enum Claim: Decodable, Sendable {
        case text(String)
        case number(Double)
        case flag(Bool)
        case list([Claim])
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            // One after the other: the types of JSON exclude each other.
            if let value = Self.value(String.self, container) {
                self = .text(value)
            } else if let value = Self.value(Bool.self, container) {
                self = .flag(value)
            } else if let value = Self.value(Double.self, container) {
                self = .number(value)
            } else if let value = Self.value([Claim].self, container) {
                self = .list(value)
            } else {
                self = .other
            }
        }

        private static func value<Value: Decodable>(
            _ type: Value.Type, _ container: any SingleValueDecodingContainer
        ) -> Value? {
            do { return try container.decode(type) } catch { return nil }
        }

        var text: String? { if case .text(let text) = self { text } else { nil } }

        /// The values that a rule can name: a text as it is, `true`, `false`, whole numbers, and each of a list.
        var values: [String] {
            switch self {
            case .text(let text): [text]
            case .flag(let flag): [flag ? "true" : "false"]
            case .number(let number): number == number.rounded() && abs(number) < 1e15 ? ["\(Int64(number))"] : []
            case .list(let items):
                items.flatMap { item -> [String] in
                    if case .list = item { return [] }
                    return item.values
                }
            case .other: []
            }
        }
    }
}
