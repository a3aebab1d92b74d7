package import Shared

/// The answer of a host without an agent.
package struct PlainAnswer: Codable, Hashable, Sendable {
    package var gitSHA: Reported<GitSHA>
    package var nonce: String?
    /// The name of the service; nil if absent.
    package var service: String?
    /// The state of the service; nil if absent.
    package var state: ServiceState?
    /// The host's own words for the state, for example `status: error`. One clean line.
    package var stateText: String?
    /// Why the answer cannot be used, although it has a commit. One clean line.
    package var problem: String?
    /// The stated age of the answer in seconds; 0 or more.
    package var ageSeconds: Double?
    /// The header by which a cache shows that it may have answered. One clean line.
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

/// Decides by the `Date` of a host's plain answers whether some of them were stored by a cache.
///
/// A plain answer carries no nonce. Its `Date` is by the host's clock, which may be wrong by any amount: it shows only how
/// much time passed between two answers. An answer was made no later than it arrived, so that the host's clock is ahead of
/// ours by at least its `Date` less its arrival; an answer that was made after it was asked for cannot be further behind that
/// than `Date` is coarse.
struct PlainClock: Hashable, Sendable {
    /// The finding of one answer's `Date`.
    enum Finding: Hashable, Sendable {
        /// It may have been made for this request. `isNew` is false if an answer before it has the same `Date`, and so may
        /// be the very same answer.
        case plausible(isNew: Bool)
        /// It was made before this request.
        case stored
        /// It may be fresh, but those before it were older than they seemed.
        case ahead
    }

    /// In milliseconds, as all below: the host's clock is ahead of ours by at least this.
    private var offset: Int64?
    private var last: Int64?
    /// The last `Date` went back, and no later one has followed yet.
    private var isDoubtful = false

    /// `Date` is cut to whole seconds, and servers keep it for up to one.
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
            // A copy that is older than the last one, or a clock that was set back: what follows tells which.
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
