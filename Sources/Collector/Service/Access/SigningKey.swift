import FoundationEssentials
import JWTKit

/// A public key of an issuer, with the algorithms that it can be used for.
///
/// The key decides about the algorithm. A token that names another one (`none`, or an HMAC with the public key as its secret) has no
/// key.
struct SigningKey: Sendable {
    /// Its name; nil if the issuer gives none.
    let id: String?
    private let algorithms: [String: any JWTAlgorithm]

    func can(_ algorithm: String) -> Bool { algorithms[algorithm] != nil }

    /// True if the signature of a token is this key's.
    func signed(_ token: IdentityToken) -> Bool {
        guard let algorithm = algorithms[token.algorithm] else { return false }
        do { return try algorithm.verify(token.signature, signs: token.signed) } catch { return false }
    }

    /// A key of a set (RFC 7517), with the members that matter here.
    private struct Member: Decodable {
        let kind: String
        let id, use, algorithm, curve: String?
        let operations: [String]?
        let n, e, x, y: String?

        private enum CodingKeys: String, CodingKey {
            case use, n, e, x, y
            case kind = "kty"
            case id = "kid"
            case algorithm = "alg"
            case curve = "crv"
            case operations = "key_ops"
        }

        /// True if it is for signatures.
        var isForSignatures: Bool { use ?? "sig" == "sig" && operations?.contains("verify") ?? true }
    }

    /// A member that may be anything: keys of kinds that are not known here are no mistake.
    private struct AnyMember: Decodable {
        let member: Member?

        init(from decoder: any Decoder) throws {
            do { member = try Member(from: decoder) } catch { member = nil }
        }
    }

    private struct KeySet: Decodable {
        let keys: [AnyMember]
    }

    private static let mostKeys = 64

    /// The usable keys of a set; nil if it is none.
    static func keys(of bytes: [UInt8]) async -> [SigningKey]? {
        let set: KeySet
        do { set = try JSONDecoder().decode(KeySet.self, from: Data(bytes)) } catch { return nil }
        var keys: [SigningKey] = []
        for member in set.keys.prefix(mostKeys).compactMap(\.member) where member.isForSignatures {
            var algorithms: [String: any JWTAlgorithm] = [:]
            // A key that cannot be used, such as one that is too short, is left out.
            do { algorithms = try await Self.algorithms(member) } catch { continue }
            if let only = member.algorithm { algorithms = algorithms.filter { $0.key == only } }
            if !algorithms.isEmpty { keys.append(SigningKey(id: member.id, algorithms: algorithms)) }
        }
        return keys
    }

    private static func algorithms(_ key: Member) async throws -> [String: any JWTAlgorithm] {
        func made(_ add: (JWTKeyCollection) async throws -> Void) async throws -> any JWTAlgorithm {
            let collection = JWTKeyCollection()
            try await add(collection)
            return try await collection.getKey()
        }
        switch (key.kind, key.curve) {
        case ("RSA", _):
            guard let modulus = key.n, let exponent = key.e else { return [:] }
            let rsa = try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
            let digests: [(String, DigestAlgorithm)] = [("RS256", .sha256), ("RS384", .sha384), ("RS512", .sha512)]
            var algorithms: [String: any JWTAlgorithm] = [:]
            for (name, digest) in digests {
                algorithms[name] = try await made { await $0.add(rsa: rsa, digestAlgorithm: digest) }
            }
            return algorithms
        case ("EC", "P-256"):
            guard let x = key.x, let y = key.y else { return [:] }
            let ec = try ES256PublicKey(parameters: (x, y))
            return ["ES256": try await made { await $0.add(ecdsa: ec) }]
        case ("EC", "P-384"):
            guard let x = key.x, let y = key.y else { return [:] }
            let ec = try ES384PublicKey(parameters: (x, y))
            return ["ES384": try await made { await $0.add(ecdsa: ec) }]
        case ("EC", "P-521"):
            guard let x = key.x, let y = key.y else { return [:] }
            let ec = try ES512PublicKey(parameters: (x, y))
            return ["ES512": try await made { await $0.add(ecdsa: ec) }]
        case ("OKP", "Ed25519"):
            guard let x = key.x else { return [:] }
            let ed = try EdDSA.PublicKey(x: x, curve: .ed25519)
            return ["EdDSA": try await made { await $0.add(eddsa: ed) }]
        default: return [:]
        }
    }
}
