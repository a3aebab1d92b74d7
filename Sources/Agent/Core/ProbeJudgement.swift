package import Shared

/// A source's view of a service combined with the service's own answer: a pure function of both.
package struct ProbeJudgement: Hashable, Sendable {
    /// The content with the answer in it, and a state and a reason that take the answer into account.
    package private(set) var content: DocumentContent
    /// False if another probe should follow soon, because it might make both agree.
    package private(set) var isSettled = true

    /// The time after its start in which a service that does not answer counts as starting.
    package static let startingTime = Duration.seconds(60)

    /// - Parameter isYoung: true if an instance started within ``startingTime``.
    package init(_ content: DocumentContent, _ reading: ProbeReading, isYoung: Bool) {
        self.content = content
        let state = content.state
        self.content.served = reading.answer
        guard reading.answer.outcome == .ok else {
            // Whatever the engine reports, a service that does not answer serves no users.
            if state == .serving {
                self.content.state = isYoung ? .starting : .unhealthy
                isSettled = false
            }
            guard [.serving, .starting, .unhealthy].contains(state) else { return }
            let why = reading.problem ?? reading.answer.outcome.rawValue
            addReason(
                "the service did not answer its probe at \(reading.answer.url): \(why)", isFirst: state == .serving)
            return
        }
        guard !content.instances.isEmpty else { return }
        let commits = Set(content.instances.compactMap(\.gitSHA.value))
        switch reading.answer.agreement(with: commits) {
        case .same, .nothing: return
        case .silent:
            addReason(
                "the service does not report its commit at \(reading.answer.url)\(Self.unusableCommit(reading.answer))",
                isFirst: state == .serving)
        case .other:
            isSettled = state != .serving
            let images = commits.map(\.short).sorted().joined(separator: " and ")
            addReason(
                "the service serves \(reading.answer.shownCommit), its image says \(images)", isFirst: state == .serving
            )
        }
    }

    private mutating func addReason(_ text: String, isFirst: Bool) {
        let parts = isFirst ? [text, content.reason] : [content.reason, text]
        content.reason = Sanitizer.singleLine(parts.compactMap { $0 }.joined(separator: "; "))
    }

    private static func unusableCommit(_ answer: ProbeResult) -> String {
        switch answer.gitSHA {
        case .unusable(let text)?:
            ": '\(Sanitizer.singleLine(text, limit: 72))'" + (GitSHA.problem(with: text).map { " \($0)" } ?? "")
        case .known?, .absent?, nil: ""
        }
    }
}

/// The ages of a service's instances: by their start times, or else by when they were first seen.
package struct InstanceAges: Sendable {
    /// One start of an instance.
    private struct Start: Hashable {
        let id: String
        let startedAt: String?
        let restartCount: Int?

        init(_ instance: Instance) {
            (id, startedAt, restartCount) = (instance.id, instance.startedAt, instance.restartCount)
        }
    }

    private var firstSeen: [Start: ContinuousClock.Instant] = [:]

    package init() {}

    /// Records the current instances.
    ///
    /// - Returns: true if they differ from the previous ones.
    package mutating func see(_ instances: [Instance], at now: ContinuousClock.Instant) -> Bool {
        let before = firstSeen
        firstSeen = [:]
        for instance in instances {
            let start = Start(instance)
            firstSeen[start] = before[start] ?? now
        }
        return Set(before.keys) != Set(firstSeen.keys)
    }

    /// True if an instance started within this time. After the wall clock was set back, a start in the future counts, too.
    package func anyStarted(
        within time: Duration, at now: ContinuousClock.Instant, unixMilliseconds: Int64
    ) -> Bool {
        firstSeen.contains { start, seen in
            guard let started = start.startedAt.flatMap({ RFC3339.unixMilliseconds($0) }) else {
                return now - seen < time
            }
            return .milliseconds(unixMilliseconds - started) < time
        }
    }
}
