package import Shared
package import Verdict

/// One change of a host, as its standing check saw it: of its status, of the build that it serves, or of its instances.
package struct StandingChange: Sendable {
    package let at: ContinuousClock.Instant
    package let status: HostStatus
    /// Why, in one clean line without a remedy.
    package let finding: String
    /// The build of the last answer; both are nil if there was none.
    package let gitSHA: GitSHA?
    package let digest: Digest?
    /// True if the host serves another build than before.
    package let isNewBuild: Bool
    /// True if an instance was restarted or replaced, and the build is the one from before.
    package let isRestart: Bool
}

/// The latest changes of one host.
struct HostLog: Sendable {
    private(set) var changes: [StandingChange] = []
    private var instances: Int?

    /// The most changes that are kept; older ones are dropped.
    static let limit = 50

    /// Takes over what is known of the host now, if it differs from what was noted last.
    ///
    /// - Parameter instances: a hash of the instances; nil if it is not known.
    mutating func take(_ host: HostView, instances: Int?, at moment: ContinuousClock.Instant) {
        let last = changes.last
        let isKnown = host.gitSHA != nil || host.digest != nil
        let isNewBuild = isKnown && (host.gitSHA != last?.gitSHA || host.digest != last?.digest)
        let isRestart = !isNewBuild && instances != nil && self.instances != nil && instances != self.instances
        if let instances { self.instances = instances }
        guard isNewBuild || isRestart || last?.status != host.status else { return }
        changes.append(
            StandingChange(
                at: moment, status: host.status, finding: host.reason.finding, gitSHA: host.gitSHA, digest: host.digest,
                isNewBuild: isNewBuild && last != nil, isRestart: isRestart))
        if changes.count > Self.limit { changes.removeFirst(changes.count - Self.limit) }
    }
}
