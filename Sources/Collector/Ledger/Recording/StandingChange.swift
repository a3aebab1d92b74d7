package import Shared
package import Verdict

/// One change of a host that a standing check saw: of its status, of the build that it serves, or of its instances.
package struct StandingChange: Hashable, Sendable {
    package var service: DeployedService
    package var host: String
    /// When it was seen, RFC 3339.
    package var at: String
    /// The last time at which the host was seen as it was before, RFC 3339: the change happened between the two. nil if the
    /// host was not known before, or the clock was set back since.
    package var notBefore: String?
    /// nil if the inventory no longer lists the host.
    package var status: HostStatus?
    /// Why, in one clean line without a remedy.
    package var finding: String
    /// The build of the last answer; both are nil if there was none.
    package var gitSHA: GitSHA?
    package var digest: Digest?
    /// True if the host served the build when the change was seen; false if the build is that of an earlier answer.
    package var isServed: Bool
    /// True if the host serves another build than before.
    package var isNewBuild: Bool
    /// True if an instance was restarted or replaced, and the build is the one from before.
    package var isRestart: Bool
    /// As ``LastAnswerDetails/instancesMark`` at the last answer; nil if it is not known.
    package var instances: Int64?

    package init(
        service: DeployedService, host: String, at: String, notBefore: String? = nil, status: HostStatus?,
        finding: String, gitSHA: GitSHA? = nil, digest: Digest? = nil, isServed: Bool = false, isNewBuild: Bool = false,
        isRestart: Bool = false, instances: Int64? = nil
    ) {
        self.service = service
        self.host = host
        self.at = at
        self.notBefore = notBefore
        self.status = status
        self.finding = finding
        self.gitSHA = gitSHA
        self.digest = digest
        self.isServed = isServed
        self.isNewBuild = isNewBuild
        self.isRestart = isRestart
        self.instances = instances
    }
}

/// What the ledger has of a fleet's hosts, for a standing check that goes on.
package struct StandingRecord: Sendable {
    /// The last change of each host that was listed, by its name.
    package var hosts: [String: StandingChange] = [:]
    /// When every one of them was last seen as its last change says, RFC 3339; nil if that is not known.
    package var seenUntil: String?

    package init() {}
}

/// A part of a host's changes, latest first.
package struct StandingPage: Sendable {
    package var changes: [StandingChange]
    /// The place after which earlier changes begin; nil if there are none.
    package var next: Int64?
}
