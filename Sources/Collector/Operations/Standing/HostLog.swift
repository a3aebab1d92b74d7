import CollectorSupport
import Foundation
import Ledger
import Shared
import Verdict

/// What a standing check found of a host at one time.
struct HostSight: Sendable {
    let status: HostStatus
    /// Why, in one clean line without a remedy.
    let finding: String
    /// The build that the host serves; both are nil if it gave no usable answer.
    let gitSHA: GitSHA?
    let digest: Digest?
    /// As ``LastAnswerDetails/instancesMark``.
    let instances: Int64?
    /// By the wall clock, as are all times of changes.
    let at: Date
    /// The time of the observation that this rests on: ``at`` if there was no usable answer.
    let observedAt: Date

    var isServed: Bool { gitSHA != nil || digest != nil }
}

/// What was last noted of one host: tells changes from what is as before.
///
/// A session begins with no knowledge, and so does a process. A status that says no more than that (`pending`, or `soaking` where
/// the host had converged) is no change of the host. It is held until the next status shows what the host is, or for so long that
/// it is one.
struct HostLog: Sendable {
    private let service: DeployedService
    private let host: String
    /// The last change; nil before the first.
    private(set) var last: StandingChange?
    /// The last time at which the host was seen as ``last`` says.
    private(set) var seenAt: Date?
    /// The status that later ones are compared with.
    private var status: HostStatus?
    /// The last known instances.
    private var instances: Int64?
    /// True from the beginning of a session for a known target until a status that says what the host is.
    private var isResumed = false
    private var held: StandingChange?

    init(of host: String, in service: DeployedService) {
        (self.host, self.service) = (host, service)
    }

    /// Goes on after the last change that an earlier process recorded.
    ///
    /// - Parameter seenUntil: of the fleet, RFC 3339.
    init(after last: StandingChange, seenUntil: String?) {
        (host, service) = (last.host, last.service)
        self.last = last
        (status, instances) = (last.status, last.instances)
        seenAt = Date(rfc3339: max(last.at, seenUntil ?? ""))
    }

    /// A new session begins.
    ///
    /// - Parameter isSameTarget: false if hosts are compared with another target than before, so that their statuses change.
    mutating func begin(isSameTarget: Bool) {
        isResumed = last != nil && isSameTarget
        held = nil
    }

    /// - Parameter patience: how long a status can be held.
    /// - Returns: the change to note; nil if nothing changed.
    mutating func take(_ sight: HostSight, patience: Duration) -> StandingChange? {
        let isNewBuild = sight.isServed && (sight.gitSHA != last?.gitSHA || sight.digest != last?.digest)
        let isOtherInstance = sight.instances != nil && instances != nil && sight.instances != instances
        // A crash loop is one failure, however often the container starts.
        let isLooping = sight.status == .failed && status == .failed
        let isRestart = !isNewBuild && isOtherInstance && !isLooping
        // Only for what is noted: most answers change nothing, and times take long to write.
        func seen() -> StandingChange {
            self.change(to: sight, isNewBuild: isNewBuild && last != nil, isRestart: isRestart)
        }
        var overdue: StandingChange?
        if isResumed {
            let isUnchanged = !isNewBuild && (!isRestart || status == .failed)
            if isUnchanged, sight.status != status, sight.status.saysLittle(after: status) {
                let first = held ?? seen()
                held = first
                let since = Date(rfc3339: first.at) ?? sight.at
                guard abs(sight.at.timeIntervalSince(since)) >= patience.seconds else { return nil }
                overdue = first
            } else if isUnchanged, !isRestart, sight.status.isSame(as: status) {
                status = sight.status
            }
            (isResumed, held) = (false, nil)
        }
        if let instances = sight.instances { self.instances = instances }
        guard isNewBuild || isRestart || (overdue?.status ?? sight.status) != status else {
            confirm(sight)
            return nil
        }
        var change = overdue ?? seen()
        change.instances = instances
        last = change
        status = change.status
        seenAt = sight.at
        return change
    }

    /// The change of a host that the inventory no longer lists.
    func leaving(at now: Date) -> StandingChange? {
        last.map { last in
            StandingChange(
                service: service, host: host, at: now.rfc3339, notBefore: notBefore(now), status: nil,
                finding: "the inventory no longer lists it", gitSHA: last.gitSHA, digest: last.digest)
        }
    }

    /// A state that rests on answers is confirmed by an answer only, and silence by silence.
    private mutating func confirm(_ sight: HostSight) {
        guard let last, last.isServed == sight.isServed else { return }
        seenAt = sight.observedAt
    }

    private func change(to sight: HostSight, isNewBuild: Bool, isRestart: Bool) -> StandingChange {
        StandingChange(
            service: service, host: host, at: sight.at.rfc3339, notBefore: notBefore(sight.at), status: sight.status,
            finding: sight.finding, gitSHA: sight.isServed ? sight.gitSHA : last?.gitSHA,
            digest: sight.isServed ? sight.digest : last?.digest, isServed: sight.isServed, isNewBuild: isNewBuild,
            isRestart: isRestart)
    }

    private func notBefore(_ now: Date) -> String? {
        guard last != nil, let seenAt, seenAt <= now else { return nil }
        return seenAt.rfc3339
    }
}

extension HostStatus {
    /// True for a status that a new session gives a host only because it does not know it yet.
    fileprivate func saysLittle(after former: HostStatus?) -> Bool {
        switch self {
        case .pending: true
        case .soaking: former == .converged || former == .flapping || former == .failed
        case .starting: former == .failed
        default: false
        }
    }

    /// True if a new session calls the same state so: it does not know that the host served the target before.
    fileprivate func isSame(as former: HostStatus?) -> Bool {
        self == former || self == .straggler && former == .rolledBack
    }
}
