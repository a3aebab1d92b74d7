import FoundationEssentials
import Logging
import Shared
import Transfer

/// Why the keys of an issuer are not known, in one line.
struct IssuerFailure: Error, Hashable {
    let reason: String
}

/// The keys of one issuer, read when they are needed and kept for a while.
///
/// Nothing is accepted without them. Keys that the issuer withdraws are gone after ten minutes, or after an hour if it cannot be
/// asked.
actor IssuerKeys {
    typealias Fetch = @Sendable () async -> Result<[SigningKey], IssuerFailure>

    /// The age from which keys are read again while they are used.
    static let refreshAge = Duration.seconds(600)
    /// The age from which they are not used.
    static let longestAge = Duration.seconds(3_600)
    /// The time between two reads, whatever tokens ask for.
    static let pause = Duration.seconds(60)
    /// The time after a read that failed.
    static let pauseAfterFailure = Duration.seconds(10)

    private let fetch: Fetch
    private let now: @Sendable () -> ContinuousClock.Instant
    private var known: (keys: [SigningKey], at: ContinuousClock.Instant)?
    private var next: ContinuousClock.Instant?
    private var failure = IssuerFailure(reason: "its keys have not been read yet")
    private var reading: Task<Void, Never>?

    init(fetch: @escaping Fetch, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        (self.fetch, self.now) = (fetch, now)
    }

    /// The keys for a token.
    ///
    /// - Parameter id: the name of its key. One that is not known is looked for again, at most once a minute.
    func keys(for id: String?) async throws(IssuerFailure) -> [SigningKey] {
        if let usable, id == nil || usable.contains(where: { $0.id == id }) {
            if let known, now() - known.at >= Self.refreshAge { read() }
            return usable
        }
        read()
        await reading?.value
        guard let usable else { throw failure }
        return usable
    }

    private var usable: [SigningKey]? {
        guard let known, now() - known.at < Self.longestAge else { return nil }
        return known.keys
    }

    /// Begins to read, unless it is under way or too soon.
    private func read() {
        guard reading == nil, next.map({ now() >= $0 }) ?? true else { return }
        // The caller may be cancelled, and others wait for the same.
        reading = Task {
            let outcome = await fetch()
            take(outcome)
        }
    }

    private func take(_ outcome: Result<[SigningKey], IssuerFailure>) {
        switch outcome {
        case .success(let keys):
            known = (keys, now())
            next = now() + Self.pause
        case .failure(let failure):
            self.failure = failure
            next = now() + Self.pauseAfterFailure
        }
        reading = nil
    }
}

/// Finds the keys of an issuer by its own description (OpenID Connect Discovery 1.0).
struct IssuerDiscovery: Sendable {
    let issuer: String
    /// The authorities of its certificate; nil for the system's.
    let authorities: String?
    let logger: Logger

    private struct Description: Decodable {
        let issuer: String
        let keys: String

        private enum CodingKeys: String, CodingKey {
            case issuer
            case keys = "jwks_uri"
        }
    }

    private static let sizeLimit = 256 << 10
    private static let patience = Duration.seconds(5)

    /// True for an address that may be asked: https, or http on this machine.
    static func isPermitted(_ url: String) -> Bool {
        guard url.utf8.count <= 1_000, url.isVisibleASCII,
            !url.contains(where: { "@\\#\"<>".contains($0) })
        else { return false }
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty, !parts[2].isEmpty else { return false }
        return parts[0] == "https:" || isLocal(url)
    }

    private static func isLocal(_ url: String) -> Bool {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count >= 3 && parts[0] == "http:" && AccessControl.isLoopbackName(String(parts[2]))
    }

    func keys() async -> Result<[SigningKey], IssuerFailure> {
        let outcome = await read()
        if case .failure(let failure) = outcome {
            logger.warning("Issuer keys not read", metadata: ["issuer": "\(issuer)", "reason": "\(failure.reason)"])
        }
        return outcome
    }

    private func read() async -> Result<[SigningKey], IssuerFailure> {
        do {
            return try await WebClient.with(bodyBytes: Self.sizeLimit) { client in
                let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
                let document = try await get("\(base)/.well-known/openid-configuration", client)
                let description: Description
                do {
                    description = try JSONDecoder().decode(Description.self, from: Data(document))
                } catch {
                    throw IssuerFailure(reason: "its openid-configuration has no 'issuer' and 'jwks_uri'")
                }
                guard description.issuer == issuer else {
                    throw IssuerFailure(
                        reason:
                            "it names itself '\(Sanitizer.singleLine(description.issuer, limit: 200))': write exactly this in "
                            + "access.oidc")
                }
                // Only an issuer on this machine may have its keys there.
                guard Self.isPermitted(description.keys),
                    Self.isLocal(issuer) || !Self.isLocal(description.keys)
                else { throw IssuerFailure(reason: "its jwks_uri is not an https address") }
                guard let keys = await SigningKey.keys(of: try await get(description.keys, client)) else {
                    throw IssuerFailure(reason: "its jwks_uri does not return a key set")
                }
                guard !keys.isEmpty else { throw IssuerFailure(reason: "its key set has no usable key") }
                return .success(keys)
            }
        } catch let failure as IssuerFailure {
            return .failure(failure)
        } catch {
            return .failure(IssuerFailure(reason: Sanitizer.singleLine("\(error)", limit: 200)))
        }
    }

    private func get(_ url: String, _ client: WebClient) async throws -> [UInt8] {
        let access = RequestCredentials(certificateAuthorities: authorities, usesProxy: !Self.isLocal(url))
        let request = WebRequest(
            url: url, headers: [("Accept", "application/json")], within: Self.patience, access: access)
        let response: TransferResponse
        do throws(TransferFailure) {
            response = try await client.send(request)
        } catch {
            throw IssuerFailure(reason: Sanitizer.singleLine("\(url): \(error.detail)", limit: 300))
        }
        // A redirect is not followed: the issuer's name would prove nothing.
        guard response.status == 200 else {
            throw IssuerFailure(reason: Sanitizer.singleLine("\(url) answered with \(response.status)", limit: 300))
        }
        return response.body
    }
}
