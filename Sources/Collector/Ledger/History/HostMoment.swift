import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// What a host was seen to serve, in a verification, a recorded status or a standing check.
struct HostObservation: Codable, Hashable, Sendable {
    enum Kind: String, Codable, Sendable {
        case verification, status
        case standingCheck = "standing_check"
    }

    /// The time of the observation, RFC 3339, by the collector's clock.
    var at: String
    var kind: Kind
    /// The verification's id; nil for any other kind.
    @ExplicitNull var verification: String?
    var status: HostStatus
    /// A recorded status's word; nil for any other kind.
    var sweep: SweepStatus?
    var reason: String
    /// Both are nil if the host gave no usable answer.
    @ExplicitNull var gitSHA: GitSHA?
    @ExplicitNull var digest: Digest?

    /// The status as people read it.
    var statusText: String { sweep?.text ?? status.rawValue }

    var hasBuild: Bool { gitSHA != nil || digest != nil }

    /// True if both show the same build. A commit alone says nothing about a digest.
    func showsSameBuild(as other: HostObservation) -> Bool {
        guard hasBuild, other.hasBuild else { return false }
        let commits = gitSHA == other.gitSHA || gitSHA == nil || other.gitSHA == nil
        let digests = digest == other.digest || digest == nil || other.digest == nil
        let isShared = (gitSHA != nil && other.gitSHA != nil) || (digest != nil && other.digest != nil)
        return commits && digests && isShared
    }

    enum CodingKeys: String, CodingKey {
        case at, kind, verification, status, sweep, reason, digest
        case gitSHA = "git_sha"
    }
}

/// What a host served at a moment, as far as it is recorded.
package struct HostMoment: Codable, Hashable, Sendable {
    /// How certain the answer is.
    enum Finding: String, Codable, Sendable {
        /// A verification proved the build over a span that includes the moment.
        case proven
        /// The last observation before and the first one after show the same build.
        case unchanged
        /// They show different builds, or one of them shows none.
        case changed
        /// Nothing was recorded after the moment.
        case lastKnown = "last_known"
        /// Nothing was recorded before the moment.
        case firstKnown = "first_known"
    }

    var host: String
    var service: String
    var environment: EnvironmentName
    /// RFC 3339.
    var at: String
    var finding: Finding
    /// The build that is stated for the moment; both are nil if the findings leave it open.
    @ExplicitNull var gitSHA: GitSHA?
    @ExplicitNull var digest: Digest?
    /// The last observation up to the moment.
    @ExplicitNull var before: HostObservation?
    /// The first observation after the moment.
    @ExplicitNull var after: HostObservation?
    /// If ``before`` shows no build, the last observation that did.
    var lastServed: HostObservation?

    enum CodingKeys: String, CodingKey {
        case host, service, environment, at, finding, digest, before, after
        case gitSHA = "git_sha"
        case lastServed = "last_served"
    }
}

/// An observation that holds for a span of time.
struct ObservedSpan {
    var from: Date
    var to: Date
    var observation: HostObservation

    init(from: Date, to: Date, _ observation: HostObservation) {
        self.from = min(from, to)
        self.to = to
        self.observation = observation
        self.observation.at = to.rfc3339
    }

    /// The span's first moment as an observation.
    var first: HostObservation {
        var first = observation
        first.at = from.rfc3339
        return first
    }
}

/// The observations of one host around a moment, from which ``HostMoment`` is made.
struct ObservationsAround {
    let moment: Date
    private(set) var before: ObservedSpan?
    private var after: ObservedSpan?
    private var proof: ObservedSpan?
    private(set) var lastServed: ObservedSpan?

    init(_ moment: Date) {
        self.moment = moment
    }

    var hasAfter: Bool { after != nil || proof != nil }

    mutating func take(_ span: ObservedSpan) {
        if span.from <= moment, moment < span.to {
            if span.from < span.to { proof = span }
        } else if span.to <= moment {
            if before.map({ $0.to < span.to }) ?? true { before = span }
            if span.observation.hasBuild, lastServed.map({ $0.to < span.to }) ?? true { lastServed = span }
        } else if after.map({ span.from < $0.from }) ?? true {
            after = span
        }
    }

    /// - Returns: nil if nothing was observed.
    func answer(host: String, of service: DeployedService) -> HostMoment? {
        var answer = HostMoment(
            host: host, service: service.name, environment: service.environment, at: moment.rfc3339, finding: .proven,
            before: before?.observation, after: after?.first)
        var stated: HostObservation?
        switch (proof, before, after) {
        case (let proof?, _, _):
            // Both ends of the proof.
            (answer.before, answer.after) = (proof.first, proof.observation)
            stated = proof.observation
        case (nil, let before?, let after?):
            let isSame = before.observation.showsSameBuild(as: after.observation)
            answer.finding = isSame ? .unchanged : .changed
            stated = isSame ? before.observation : nil
        case (nil, let before?, nil):
            answer.finding = .lastKnown
            stated = before.observation
        case (nil, nil, _?): answer.finding = .firstKnown
        case (nil, nil, nil): return nil
        }
        (answer.gitSHA, answer.digest) = (stated?.gitSHA, stated?.digest)
        if let before = answer.before, !before.hasBuild { answer.lastServed = lastServed?.observation }
        return answer
    }
}
