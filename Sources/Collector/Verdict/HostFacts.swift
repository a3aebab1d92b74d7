package import Shared

/// The facts about one host in a report; names and values as in the report's schema.
package struct HostFacts: Codable, Hashable, Sendable {
    package var reach: RequestOutcome
    package var identity: IdentityFact
    package var build: BuildFact
    package var runtime: ServiceState

    package init(
        reach: RequestOutcome = .never, identity: IdentityFact = .unknown, build: BuildFact = .unknown,
        runtime: ServiceState = .unknown
    ) {
        self.reach = reach
        self.identity = identity
        self.build = build
        self.runtime = runtime
    }
}

/// The identity of the host that answered.
package enum IdentityFact: String, Codable, Hashable, Sendable, CaseIterable {
    case expected
    /// The id differs from the inventory's, or from the first id that this host gave in this verification.
    case wrongHost = "wrong_host"
    /// Two hosts of the inventory answered with one id.
    case duplicate
    /// The request's nonce was not echoed: a cached answer to another request.
    case replayed
    /// No agent answered.
    case unknown

    /// True if the answer must not be used for anything.
    var isConflict: Bool {
        switch self {
        case .wrongHost, .duplicate, .replayed: true
        case .expected, .unknown: false
        }
    }
}

/// A host's build, compared with the promoted one.
package enum BuildFact: String, Codable, Hashable, Sendable, CaseIterable {
    /// The promoted digest itself is among the host's.
    case match
    /// The promoted index's manifest for the host's platform is among the host's digests.
    case matchPlatform = "match_platform"
    /// A host's digest is another index with the same manifest for the platform.
    case matchIndex = "match_index"
    /// The host runs the promoted image's configuration for the platform.
    case matchConfig = "match_config"
    /// No digest is required, and the commit is equal.
    case matchSHA = "match_sha"
    /// A build that was promoted earlier, or one whose tag names a newer image on the host.
    case behind
    /// A build that was promoted later.
    case ahead
    /// A build that was never promoted here.
    case foreign
    /// The right commit in another image: rebuilt or tampered with.
    case digestWrong = "digest_wrong"
    /// The right image, labelled with another commit.
    case shaWrong = "sha_wrong"
    /// The instances differ.
    case mixed
    /// No usable commit or digest to compare.
    case unidentified
    case unknown

    package var isMatch: Bool {
        switch self {
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA: true
        case .behind, .ahead, .foreign, .digestWrong, .shaWrong, .mixed, .unidentified, .unknown: false
        }
    }

    /// True for a build that is earlier than the target or was never promoted.
    package var isOther: Bool { self == .behind || self == .foreign }
}

/// The result of a request to a host, as the `reach` fact of a host.
///
/// A host that *answered something else* is never the same as one that *did not answer*: ``isSilence`` distinguishes them.
package enum RequestOutcome: String, Codable, Hashable, Sendable, CaseIterable {
    /// A buildinfo document, or a plain answer with a `git_sha`.
    case ok
    case dns
    case refused
    case timeout
    case tls
    /// 401 or 403.
    case auth
    /// Any status except 200, 401 and 403. Redirects are included and not followed.
    case httpStatus = "http_status"
    /// 200, but no document: HTML, empty, invalid JSON, no `git_sha` key, an unknown schema.
    case notBuildinfo = "not_buildinfo"
    case tooLarge = "too_large"
    /// The connection broke, or the answer was not HTTP.
    case protocolError = "protocol"
    /// The collector lacked a local port, a file descriptor or memory to send the request, so nothing is known of the host.
    case notSent = "not_sent"
    /// Not queried, or not answered yet.
    case never

    /// True if neither the host nor anything on the way to it gave an answer.
    package var isSilence: Bool {
        switch self {
        case .dns, .refused, .timeout, .tls, .notSent, .never: true
        case .ok, .auth, .httpStatus, .notBuildinfo, .tooLarge, .protocolError: false
        }
    }
}
