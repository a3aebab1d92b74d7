import Logging
import Shared
import Synchronization

/// Which jobs of an issuer may do what.
struct IdentityRule: Sendable {
    let issuer: String
    /// The token must be for one of them.
    let audiences: Set<String>
    /// Each claim must have one of these values.
    let claims: [String: Set<String>]
    let scopes: AccessControl.Scopes
    let authorities: String?

    func isFor(_ token: IdentityToken) -> Bool { !audiences.isDisjoint(with: token.claims["aud"]?.values ?? []) }

    /// Why a token is not of these jobs; nil if it is.
    func mismatch(_ token: IdentityToken) -> String? {
        guard isFor(token) else {
            let given = token.claims["aud"]?.values ?? []
            return given.isEmpty
                ? "has no audience" : "has the audience \(Self.shown(given)), which no rule of access.oidc accepts"
        }
        for (name, permitted) in claims.sorted(by: { $0.key < $1.key }) {
            let values = token.claims[name]?.values ?? []
            guard permitted.isDisjoint(with: values) else { continue }
            return values.isEmpty
                ? "has no usable claim '\(name)'"
                : "has the claim '\(name)' with \(Self.shown(values)), which no rule of access.oidc permits"
        }
        return nil
    }

    private static func shown(_ values: [String]) -> String {
        values.map { "'\(Sanitizer.singleLine($0, limit: 100))'" }.listed(limit: 3)
    }
}

/// Verifies identity tokens, and keeps the keys of their issuers across reloads of the configuration.
final class IdentityVerifier: Sendable {
    enum Failure: Error {
        case refused(IdentityToken.Refusal)
        /// The issuer's keys are not known, so that nothing can be said about the token.
        case unavailable(String)
    }

    private struct Issuer: Hashable {
        let name: String
        let authorities: String?

        init(_ rule: IdentityRule) { (name, authorities) = (rule.issuer, rule.authorities) }
    }

    private let issuers = Mutex<[Issuer: IssuerKeys]>([:])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Reads the keys of every issuer, so that a mistake shows in the log before the first token comes.
    func prepare(_ rules: [IdentityRule]) {
        let needed = Set(rules.map(Issuer.init))
        issuers.withLock { issuers in issuers = issuers.filter { needed.contains($0.key) } }
        for rule in rules {
            let keys = keys(of: rule)
            Task { do { _ = try await keys.keys(for: nil) } catch {} }
        }
    }

    /// The name of a token's job, and what the rules permit it.
    func grant(
        of text: Substring, _ rules: [IdentityRule], now: Double
    ) async throws(Failure) -> (name: String, scopes: AccessControl.Scopes) {
        let token = try Self.refusing { () throws(IdentityToken.Refusal) in
            let token = try IdentityToken(parsing: text)
            try token.checkTime(now)
            return token
        }
        // The issuer is taken from the token to choose among those of the configuration, and no other is asked.
        let rules = rules.filter { $0.issuer == token.issuer }
        guard let first = rules.first else {
            throw .refused(IdentityToken.Refusal("comes from an issuer that access.oidc does not list"))
        }
        let known: [SigningKey]
        do throws(IssuerFailure) {
            known = try await keys(of: first).keys(for: token.keyID)
        } catch {
            throw .unavailable("the keys of \(first.issuer) cannot be read: \(error.reason)")
        }
        return try Self.refusing { () throws(IdentityToken.Refusal) in
            try Self.verify(token, known)
            let matching = rules.filter { $0.mismatch(token) == nil }
            guard matching.isEmpty else {
                return (token.name, matching.reduce(into: []) { $0.formUnion($1.scopes) })
            }
            let nearest = rules.first { $0.isFor(token) } ?? first
            throw IdentityToken.Refusal(nearest.mismatch(token) ?? "is not permitted")
        }
    }

    private static func refusing<Value>(
        _ body: () throws(IdentityToken.Refusal) -> Value
    ) throws(Failure) -> Value {
        do throws(IdentityToken.Refusal) { return try body() } catch { throw .refused(error) }
    }

    private static func verify(_ token: IdentityToken, _ keys: [SigningKey]) throws(IdentityToken.Refusal) {
        var candidates = keys.filter { $0.can(token.algorithm) }
        if let id = token.keyID {
            guard keys.contains(where: { $0.id == id }) else {
                throw IdentityToken.Refusal("names a key that its issuer does not have")
            }
            candidates = candidates.filter { $0.id == id }
        } else if candidates.count > 1 {
            throw IdentityToken.Refusal("does not name its key, and its issuer has several")
        }
        guard !candidates.isEmpty else {
            throw IdentityToken.Refusal(
                "is signed with '\(Sanitizer.singleLine(token.algorithm, limit: 20))', which its key does not support")
        }
        guard candidates.contains(where: { $0.signed(token) }) else {
            throw IdentityToken.Refusal("has an invalid signature")
        }
    }

    private func keys(of rule: IdentityRule) -> IssuerKeys {
        issuers.withLock { issuers in
            if let known = issuers[Issuer(rule)] { return known }
            let discovery = IssuerDiscovery(issuer: rule.issuer, authorities: rule.authorities, logger: logger)
            let keys = IssuerKeys(fetch: { await discovery.keys() })
            issuers[Issuer(rule)] = keys
            return keys
        }
    }
}
