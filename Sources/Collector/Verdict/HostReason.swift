package import Shared

/// The reason for a host's status: a closed set of causes, each with the values that its sentence needs.
///
/// Decisions and comparisons use these values or their ``code``. Sentences are made in one place, ``text``, and only to be
/// shown or stored.
package indirect enum HostReason: Hashable, Sendable {
    // MARK: Identity

    /// Another id than expected; `given` is nil if no agent answered.
    case wrongHost(given: String?, expected: String?, isFromInventory: Bool)
    /// The same URL gave another id in another boot.
    case machineIDChanged(given: String, first: String)
    /// `other` is nil if the name of the other host is unknown.
    case duplicateID(String, other: String?)
    case clonedMachineID(String, other: String)
    case sameHostTwice(String, other: String)
    case nonceNotEchoed

    // MARK: Reachability

    case notAnsweredYet
    case noAnswerYet(waited: Duration)
    case noFreshAnswer(for: Duration)
    /// The request had no usable answer.
    case requestFailed(FailedRequest)
    /// The same, for a host that the inventory's source no longer lists.
    case notListed(FailedRequest)

    // MARK: Answers without information about the build

    case negativeAge
    /// `said` is the agent's explanation, if any.
    case sourceUnreadable(said: String?)
    case sourceLost(age: Duration)
    /// The agent answers, but its last counted observation is too old. `age` is nil if no observation was counted.
    case sourceStale(age: Duration?)
    case askedTooEarly(age: Duration)
    case noAnswerSinceStart(age: Duration)
    case otherService(String, expected: String)
    case contradiction(String)
    case agentMissing(expectedID: String)
    case unusablePlainAnswer(String)
    case cachedAnswer(by: String)
    case agedAnswer(Duration)

    // MARK: Answers that cannot be compared

    case noInstance(service: String, said: String?)
    /// No usable commit. `said` is the agent's explanation.
    case noRevision(Reported<GitSHA>, said: String?)
    case noRevisionOfDigest(Reported<GitSHA>, said: String?)
    case noRegistryDigest
    case noAgent
    case nothingToCompare

    // MARK: Another build

    case pulledNotRecreated(ServiceSetup, ImageTracking, serves: Served)
    case neverPulled(ServiceSetup, ImageTracking, serves: Served)
    case leftTarget(serves: String)
    case summaryDiffers(serves: String)
    /// The image is right, but the service itself reports another commit.
    case serviceServesOther(String, image: String, url: String)
    /// `other` is an instance that does not match; its name is empty if unknown.
    case instancesDiffer(matching: Int, of: Int, other: String, ServiceSetup, ImageTracking)
    case promotedLater(serves: String, generation: Int?)
    case promotedConfigDigest
    case wrongImage(serves: String, lookup: Lookup)
    case digestLookupPending(serves: String)
    case platformMissing(Platform)
    case wrongCommit(serves: String)
    case wentBack(to: String)
    case replacedByUnpromoted(String)

    // MARK: On the target, but not proven

    case crashLoop(Loop, Condition)
    case crashLoopNotSoaked(Condition)
    case probeFailed(ProbeResult)
    case startFailed(said: String, Condition)
    case down(Condition, answers: Int)
    case tooFewInstances(running: Int, expected: Int)
    /// `said` is the agent's explanation.
    case starting(said: String)
    case notServing(Condition)
    case onTarget
    case soaking(held: Duration, of: Duration, changes: Int, restarts: RestartSummary?)
    case flapping(changes: Int)
    case converged(BuildFact, hasHealthCheck: Bool, isSilentAboutCommit: Bool)

    // MARK: Associated values

    /// Another build, and its known properties.
    package struct Served: Hashable, Sendable {
        var build: String
        /// nil if it was never promoted here.
        var generation: Int?
        /// nil if it is serving.
        var condition: Condition?
    }

    /// The registry's ability to identify a wrong digest as another index of the promoted image.
    package enum Lookup: Hashable, Sendable {
        /// Only the digest of the promoted image is known.
        case notPossible
        case isAnotherImage
        case failed(String)
    }

    /// The instance that represents the service, and its state.
    package struct Condition: Hashable, Sendable {
        var state: ServiceState
        /// nil if no instance is known.
        var instance: String?
        /// The setup of the container whose logs explain the state.
        var setup: ServiceSetup
        var exitCode: Int?
        var isOutOfMemory = false
        /// The engine's count of restarts.
        var restartCount: Int?
        /// The engine's reason why it could not start the container.
        var error: String?
        /// The last output of the failing health check.
        var healthOutput: String?
        /// True if the answer's summary reports serving.
        var callsItServing = false
        /// The text of a host without an agent.
        var said: String?
    }

    /// A crash loop as it was observed.
    package struct Loop: Hashable, Sendable {
        var instance: String
        var count: Int
        var span: Duration
        var lastExitCode: Int?
    }
}

/// Restarts on the target during a verification.
package struct RestartSummary: Hashable, Sendable {
    /// At least 1.
    var count: Int
    var lastExitCode: Int?

    /// For example `its container restarted 2 times during this verification, last exit 1`.
    package var text: String {
        let exit = lastExitCode.map { ", last exit \($0)" } ?? ""
        return "its container restarted \(count.times) during this verification\(exit)"
    }
}

extension HostReason {
    /// The name of a reason, for programs: in reports, in evidence, in the ledger. Values never change their meaning.
    package enum Code: String, Codable, Hashable, Sendable, CaseIterable {
        case wrongHost = "wrong_host"
        case machineIDChanged = "machine_id_changed"
        case duplicateID = "duplicate_id"
        case clonedMachineID = "cloned_machine_id"
        case sameHostTwice = "same_host_twice"
        case nonceNotEchoed = "nonce_not_echoed"
        case notAnsweredYet = "not_answered_yet"
        case noAnswerYet = "no_answer_yet"
        case noFreshAnswer = "no_fresh_answer"
        case requestFailed = "request_failed"
        case notListed = "not_listed"
        case negativeAge = "negative_age"
        case sourceUnreadable = "source_unreadable"
        case sourceLost = "source_lost"
        case sourceStale = "source_stale"
        case askedTooEarly = "asked_too_early"
        case noAnswerSinceStart = "no_answer_since_start"
        case otherService = "other_service"
        case contradiction
        case agentMissing = "agent_missing"
        case unusablePlainAnswer = "unusable_plain_answer"
        case cachedAnswer = "cached_answer"
        case agedAnswer = "aged_answer"
        case noInstance = "no_instance"
        case noRevision = "no_revision"
        case noRevisionOfDigest = "no_revision_of_digest"
        case noRegistryDigest = "no_registry_digest"
        case noAgent = "no_agent"
        case nothingToCompare = "nothing_to_compare"
        case pulledNotRecreated = "pulled_not_recreated"
        case neverPulled = "never_pulled"
        case leftTarget = "left_target"
        case summaryDiffers = "summary_differs"
        case serviceServesOther = "service_serves_other"
        case instancesDiffer = "instances_differ"
        case promotedLater = "promoted_later"
        case promotedConfigDigest = "promoted_config_digest"
        case wrongImage = "wrong_image"
        case digestLookupPending = "digest_lookup_pending"
        case platformMissing = "platform_missing"
        case wrongCommit = "wrong_commit"
        case wentBack = "went_back"
        case replacedByUnpromoted = "replaced_by_unpromoted"
        case crashLoop = "crash_loop"
        case crashLoopNotSoaked = "crash_loop_not_soaked"
        case probeFailed = "probe_failed"
        case startFailed = "start_failed"
        case down
        case tooFewInstances = "too_few_instances"
        case starting
        case notServing = "not_serving"
        case onTarget = "on_target"
        case soaking
        case flapping
        case converged

        /// True if the remedy brings a build to the host, or starts the one that is already there.
        package var bringsBuild: Bool {
            switch self {
            case .noInstance, .noRegistryDigest, .pulledNotRecreated, .neverPulled, .serviceServesOther,
                .instancesDiffer,
                .wrongImage:
                true
            case .wrongHost, .machineIDChanged, .duplicateID, .clonedMachineID, .sameHostTwice, .nonceNotEchoed,
                .notAnsweredYet, .noAnswerYet, .noFreshAnswer, .requestFailed, .notListed, .negativeAge,
                .sourceUnreadable,
                .sourceLost, .sourceStale, .askedTooEarly, .noAnswerSinceStart, .otherService, .contradiction,
                .agentMissing, .unusablePlainAnswer, .cachedAnswer, .agedAnswer, .noRevision, .noRevisionOfDigest,
                .noAgent, .nothingToCompare, .leftTarget, .summaryDiffers, .promotedLater, .promotedConfigDigest,
                .digestLookupPending, .platformMissing, .wrongCommit, .wentBack, .replacedByUnpromoted, .crashLoop,
                .crashLoopNotSoaked, .probeFailed, .startFailed, .down, .tooFewInstances, .starting, .notServing,
                .onTarget,
                .soaking, .flapping, .converged:
                false
            }
        }
    }

    package var code: Code {
        switch self {
        case .wrongHost: .wrongHost
        case .machineIDChanged: .machineIDChanged
        case .duplicateID: .duplicateID
        case .clonedMachineID: .clonedMachineID
        case .sameHostTwice: .sameHostTwice
        case .nonceNotEchoed: .nonceNotEchoed
        case .notAnsweredYet: .notAnsweredYet
        case .noAnswerYet: .noAnswerYet
        case .noFreshAnswer: .noFreshAnswer
        case .requestFailed: .requestFailed
        case .notListed: .notListed
        case .negativeAge: .negativeAge
        case .sourceUnreadable: .sourceUnreadable
        case .sourceLost: .sourceLost
        case .sourceStale: .sourceStale
        case .askedTooEarly: .askedTooEarly
        case .noAnswerSinceStart: .noAnswerSinceStart
        case .otherService: .otherService
        case .contradiction: .contradiction
        case .agentMissing: .agentMissing
        case .unusablePlainAnswer: .unusablePlainAnswer
        case .cachedAnswer: .cachedAnswer
        case .agedAnswer: .agedAnswer
        case .noInstance: .noInstance
        case .noRevision: .noRevision
        case .noRevisionOfDigest: .noRevisionOfDigest
        case .noRegistryDigest: .noRegistryDigest
        case .noAgent: .noAgent
        case .nothingToCompare: .nothingToCompare
        case .pulledNotRecreated: .pulledNotRecreated
        case .neverPulled: .neverPulled
        case .leftTarget: .leftTarget
        case .summaryDiffers: .summaryDiffers
        case .serviceServesOther: .serviceServesOther
        case .instancesDiffer: .instancesDiffer
        case .promotedLater: .promotedLater
        case .promotedConfigDigest: .promotedConfigDigest
        case .wrongImage: .wrongImage
        case .digestLookupPending: .digestLookupPending
        case .platformMissing: .platformMissing
        case .wrongCommit: .wrongCommit
        case .wentBack: .wentBack
        case .replacedByUnpromoted: .replacedByUnpromoted
        case .crashLoop: .crashLoop
        case .crashLoopNotSoaked: .crashLoopNotSoaked
        case .probeFailed: .probeFailed
        case .startFailed: .startFailed
        case .down: .down
        case .tooFewInstances: .tooFewInstances
        case .starting: .starting
        case .notServing: .notServing
        case .onTarget: .onTarget
        case .soaking: .soaking
        case .flapping: .flapping
        case .converged: .converged
        }
    }
}
