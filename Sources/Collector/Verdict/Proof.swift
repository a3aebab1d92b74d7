import Shared

/// The bounds between which a source was observed.
///
/// An answer is made between its request and its arrival, and its age is as of then: each bound is one of these, less the age.
struct ObservationWindow: Hashable, Sendable {
    let earliest: Duration
    let latest: Duration

    init(_ sample: Sample, age: Duration) {
        earliest = sample.askedAt - age
        latest = sample.answeredAt - age
    }
}

/// An unbroken run of answers that each proved the target on the same instances.
struct Proof: Hashable, Sendable {
    private let first: ObservationWindow
    /// The latest observation that is certainly another one than those before it.
    private var latest: ObservationWindow
    /// How many of the answers rest on different observations.
    private var observations = 1
    private let fingerprint: [InstanceFingerprint]

    /// What makes an instance the same one: another value means that it was replaced or restarted.
    struct InstanceFingerprint: Hashable, Sendable {
        let id: String
        let startedAt: String?
        let restartCount: Int?
    }

    static func fingerprint(of instances: [Instance]) -> [InstanceFingerprint] {
        instances.map { InstanceFingerprint(id: $0.id, startedAt: $0.startedAt, restartCount: $0.restartCount) }
            .sorted { $0.id < $1.id }
    }

    /// Adds a proving answer to a run, or begins one if there is none, or where it cannot go on.
    ///
    /// - Parameter isNew: false if it may be the very answer that came before.
    init(
        extending run: Proof?, window: ObservationWindow, fingerprint: [InstanceFingerprint], isNew: Bool,
        freshness: Duration
    ) {
        guard var run, run.fingerprint == fingerprint, window.latest - run.latest.latest <= freshness else {
            (first, latest, self.fingerprint) = (window, window, fingerprint)
            return
        }
        // Two answers that may rest on one observation are one piece of evidence.
        if isNew, window.earliest > run.latest.latest {
            run.latest = window
            run.observations += 1
        }
        self = run
    }

    /// When the target was first seen.
    var since: Duration { first.latest }

    /// The time that the observations cover for certain. A slow answer must not count its way as a part of the soak.
    var span: Duration { max(.zero, latest.earliest - first.latest) }

    func hasSoaked(_ soak: Duration) -> Bool { observations >= 2 && span >= soak }
}
