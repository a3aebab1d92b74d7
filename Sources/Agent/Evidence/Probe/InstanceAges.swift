import Shared

/// How long a service's instances have been there: by what their engine says, or else by when they were first seen.
struct InstanceAges: Sendable {
    /// Another value is another start.
    fileprivate struct Start: Hashable {
        var id: String
        var startedAt: String?
        var restartCount: Int?
    }

    private var firstSeen: [Start: ContinuousClock.Instant] = [:]

    /// - Returns: whether they are other ones than before.
    mutating func see(_ instances: [Instance], at now: ContinuousClock.Instant) -> Bool {
        let before = firstSeen
        firstSeen = [:]
        for instance in instances {
            let start = Start(instance)
            firstSeen[start] = before[start] ?? now
        }
        return Set(before.keys) != Set(firstSeen.keys)
    }

    /// Whether an instance started within this time. A wall clock that was set back makes a start lie in the future, and
    /// the instance young.
    func anyStarted(within time: Duration, at now: ContinuousClock.Instant, unixMilliseconds: Int64) -> Bool {
        firstSeen.contains { start, seen in
            guard let started = start.startedAt.flatMap({ RFC3339.unixMilliseconds($0) }) else {
                return now - seen < time
            }
            return .milliseconds(unixMilliseconds - started) < time
        }
    }
}

extension InstanceAges.Start {
    fileprivate init(_ instance: Instance) {
        self.init(id: instance.id, startedAt: instance.startedAt, restartCount: instance.restartCount)
    }
}
