import Shared

/// What a proof is made of.
extension HostTracker {
    /// When a source was looked at. An answer is made between asking and its arrival, nobody knows when exactly, so that
    /// the look lies between two bounds: each of them, less the age that the answer states.
    package struct Look: Hashable, Sendable {
        var earliest: Duration
        var latest: Duration

        init(_ sample: Sample, age: Duration = .zero) {
            earliest = sample.askedAt - age
            latest = sample.answeredAt - age
        }
    }

    /// An unbroken run of answers that each proved the target on the same instances.
    struct Proof: Hashable, Sendable {
        /// The first look.
        var first: Look
        /// The latest look that is certainly another one than those before it.
        var latest: Look
        /// How many of the answers rest on different looks at the source.
        var answers = 1

        init(_ look: Look) {
            (first, latest) = (look, look)
        }

        var since: Duration { first.latest }
        /// The time that the looks cover for sure. A slow answer must not count its way as a part of the soak.
        var span: Duration { max(.zero, latest.earliest - first.latest) }
    }

    /// Why an agent's answer says nothing about the build.
    package enum Blindness: Hashable, Sendable {
        case none
        /// The agent cannot read its source, or lost it.
        case sourceUnreadable
        /// The agent's look at its source lies before the verification's start.
        case predatesStart
    }

    /// Another host of the inventory that answers with the same id.
    package struct Twin: Hashable, Sendable {
        package var name: String
        /// Of its last answer; nil where it gave none in this verification.
        package var bootID: String?

        package init(name: String, bootID: String? = nil) {
            self.name = name
            self.bootID = bootID
        }
    }

    /// What a transition told beside its status.
    package struct Told: Hashable, Sendable {
        /// That the answer was from before the start.
        var predatesStart = false
        /// So many restarts.
        var restarts = 0
    }

    /// What makes an instance the same one: another value means that it was replaced or restarted.
    package struct InstanceFingerprint: Hashable {
        var id: String
        var startedAt: String?
        var restartCount: Int?
    }
}
