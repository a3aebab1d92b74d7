import Shared

/// What a source says of a service, weighed against what the service itself says: a pure function of both.
struct ProbeJudgement: Hashable, Sendable {
    /// With the answer in it, and a state and a reason that take it into account.
    var content: DocumentContent
    /// The two agree, or nothing that happens soon can make them.
    var isSettled: Bool

    /// Time in which a service that does not answer is one that starts.
    static let startingTime = Duration.seconds(60)

    /// - Parameter isYoung: whether an instance started within ``startingTime``.
    init(_ content: DocumentContent, _ reading: ProbeReading, isYoung: Bool) {
        self.content = content
        isSettled = true
        let said = content.state
        self.content.served = reading.answer
        guard reading.answer.outcome == .ok else {
            // Whatever the engine says, nobody is served by what does not answer.
            if said == .serving {
                self.content.state = isYoung ? .starting : .unhealthy
                isSettled = false
            }
            guard [.serving, .starting, .unhealthy].contains(said) else { return }
            let why = reading.trouble ?? reading.answer.outcome.rawValue
            remark("the service did not answer its probe at \(reading.answer.url): \(why)", said)
            return
        }
        guard !content.instances.isEmpty else { return }
        let commits = Set(content.instances.compactMap(\.gitSHA.value))
        switch reading.answer.agreement(with: commits) {
        case .same, .nothing: return
        case .silent:
            remark("the service does not tell its commit at \(reading.answer.url)\(Self.said(reading.answer))", said)
        case .other:
            isSettled = said != .serving
            let images = commits.map(\.short).sorted().joined(separator: " and ")
            remark("the service serves \(reading.answer.shownCommit), its image says \(images)", said)
        }
    }

    /// What is wrong stands first.
    private mutating func remark(_ text: String, _ said: ServiceState) {
        let parts = said == .serving ? [text, content.reason] : [content.reason, text]
        content.reason = Sanitizer.singleLine(parts.compactMap { $0 }.joined(separator: "; "))
    }

    private static func said(_ answer: ProbeResult) -> String {
        switch answer.gitSHA {
        case .unusable(let text)?:
            ": '\(Sanitizer.singleLine(text, limit: 72))'" + (GitSHA.problem(with: text).map { " \($0)" } ?? "")
        case .known?, .absent?, nil: ""
        }
    }
}
