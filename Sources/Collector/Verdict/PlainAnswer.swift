package import Shared

/// The answer of a host without an agent.
package struct PlainAnswer: Codable, Hashable, Sendable {
    package var gitSHA: Reported<GitSHA>
    package var nonce: String?
    /// The name of the service; nil if absent.
    package var service: String?
    /// The state of the service; nil if absent.
    package var state: ServiceState?
    /// The host's text for its state, for example `status: error`. One clean line.
    package var stateText: String?
    /// The reason that the answer cannot be used although it has a commit. One clean line.
    package var problem: String?
    /// The age that the answer states, in seconds; 0 or more.
    package var ageSeconds: Double?
    /// The header that shows that a cache might have answered. One clean line.
    package var stored: String?
    /// The answer's `Date`, in seconds since 1970 by the host's clock.
    package var date: Int64?

    package init(
        gitSHA: Reported<GitSHA>, nonce: String? = nil, service: String? = nil, state: ServiceState? = nil,
        stateText: String? = nil, problem: String? = nil, ageSeconds: Double? = nil, stored: String? = nil,
        date: Int64? = nil
    ) {
        self.gitSHA = gitSHA
        self.nonce = nonce
        self.service = service
        self.state = state
        self.stateText = stateText
        self.problem = problem
        self.ageSeconds = ageSeconds
        self.stored = stored
        self.date = date
    }

    package enum CodingKeys: String, CodingKey {
        case nonce, service, state, stored
        case problem = "defect"
        case gitSHA = "git_sha"
        case stateText = "state_text"
        case ageSeconds = "age_seconds"
        case date = "date_s"
    }
}

/// Detects stored answers by the `Date` of a host's plain answers.
///
/// A plain answer carries no nonce. Its `Date` is by the host's clock, which can be wrong by any amount, so only the time
/// between two answers is known. An answer was made no later than it arrived: the host's clock is ahead of the collector's
/// by at least its `Date` minus its arrival. An answer that was made after its request cannot fall further behind this than
/// the resolution of `Date`.
struct PlainClock: Hashable, Sendable {
    /// The finding of one answer's `Date`.
    enum Finding: Hashable, Sendable {
        /// Possibly made for this request. `isNew` is false if an earlier answer has the same `Date`, so that both might be
        /// the same answer.
        case plausible(isNew: Bool)
        /// Made before this request.
        case stored
        /// Possibly fresh, but the previous answers were older than they seemed.
        case ahead
    }

    /// The lower bound of the host's clock minus the collector's, in milliseconds, as are all times below.
    private var offset: Int64?
    private var last: Int64?
    /// True if the last `Date` went back and no later one has followed.
    private var isDoubtful = false

    /// The resolution of `Date` in milliseconds: whole seconds, which servers cache for up to another second.
    static let coarseness: Int64 = 2_000

    /// - Parameters:
    ///   - date: seconds since 1970 by the host's clock.
    mutating func take(_ date: Int64, askedAt: Duration, answeredAt: Duration) -> Finding {
        let date = min(max(date, 0), 1 << 40) * 1_000
        let seen = date - answeredAt.milliseconds
        defer { last = date }
        guard let offset, let last else {
            offset = seen
            return .plausible(isNew: true)
        }
        if date < last {
            // Either a copy older than the last answer, or a clock that was set back. The next answer decides.
            self.offset = seen
            isDoubtful = true
            return .stored
        }
        if date == last, isDoubtful { return .stored }
        isDoubtful = false
        self.offset = max(offset, seen)
        if seen - offset > Self.coarseness { return .ahead }
        if offset > date + Self.coarseness - askedAt.milliseconds { return .stored }
        return .plausible(isNew: date > last)
    }
}
