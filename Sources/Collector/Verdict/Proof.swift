import Shared

/// The bounds between which a source was observed.
///
/// An answer is made between its request and its arrival, and states its age at that time. Each bound is one of these times
/// minus the age.
struct ObservationWindow: Hashable, Sendable {
    let earliest: Duration
    let latest: Duration
    /// The time from which the observation's age counts: the latest one, or earlier if the answer waited for a suspended
    /// collector.
    let moment: Duration

    /// - Parameter unattended: the times in which an answer that had arrived was not noticed.
    init(_ sample: Sample, age: Duration, unattended: Suspensions = Suspensions()) {
        earliest = sample.askedAt - age
        latest = sample.answeredAt - age
        moment = latest - unattended.overlap(sample.askedAt, sample.answeredAt)
    }
}

/// An unbroken run of answers that each proved the target on the same instances.
struct Proof: Hashable, Sendable {
    private let first: ObservationWindow
    /// The latest observation that is certainly distinct from the previous ones.
    private var latest: ObservationWindow
    /// The number of distinct observations.
    private var observations = 1
    private let fingerprint: [InstanceFingerprint]

    /// The identity of an instance: another value means that it was replaced or restarted.
    struct InstanceFingerprint: Hashable, Sendable {
        let id: String
        let startedAt: String?
        let restartCount: Int?

        init(_ instance: Instance) {
            (id, startedAt, restartCount) = (instance.id, instance.startedAt, instance.restartCount)
        }

        /// The same in every process.
        var mark: String { "\(id)\0\(startedAt ?? "")\0\(restartCount.map(String.init) ?? "")" }
    }

    /// The instances in an order that does not depend on the answer.
    static func sorted(_ instances: [InstanceFingerprint]) -> [InstanceFingerprint] {
        // One instance keeps the memory of its array.
        instances.count > 1 ? instances.sorted { $0.id < $1.id } : instances
    }

    /// Extends a run by a proving answer, or begins a new run if the old one cannot continue.
    ///
    /// - Parameter isNew: false if the answer might be the same as the previous one.
    init(
        extending run: Proof?, window: ObservationWindow, fingerprint: [InstanceFingerprint], isNew: Bool,
        freshness: Duration
    ) {
        guard var run, run.fingerprint == fingerprint, window.latest - run.latest.latest <= freshness else {
            (first, latest, self.fingerprint) = (window, window, fingerprint)
            return
        }
        // Two answers that might share an observation are one piece of evidence.
        if isNew, window.earliest > run.latest.latest {
            run.latest = window
            run.observations += 1
        }
        self = run
    }

    /// The time at which the target was first seen.
    var since: Duration { first.latest }

    /// The time that the observations certainly cover. The latency of a slow answer is not part of it.
    var span: Duration { max(.zero, latest.earliest - first.latest) }

    func hasSoaked(_ soak: Duration) -> Bool { observations >= 2 && span >= soak }
}
