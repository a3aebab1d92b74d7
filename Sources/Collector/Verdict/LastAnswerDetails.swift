package import Shared

/// The details of a host's last answer, for reports and reasons.
package struct LastAnswerDetails: Sendable {
    private enum Answer {
        case none
        case agent(DocumentContent, OwnValues)
        /// The state that a host without an agent reported, in its words.
        case plain(state: String?)
    }

    private let answer: Answer
    /// The time of the agent's observation since the verification's start, at the latest; nil unless it was counted.
    private var countedAt: Duration?

    /// Details before the first answer.
    init() { answer = .none }

    init(_ agent: AgentAnswer) { answer = .agent(agent.content, agent.own) }

    init(_ plain: PlainAnswer) { answer = .plain(state: plain.stateText) }

    /// What the answer has in common with other hosts' answers; nil if no agent answered.
    var content: DocumentContent? { if case .agent(let content, _) = answer { content } else { nil } }

    /// nil if no agent answered.
    var own: OwnValues? { if case .agent(_, let own) = answer { own } else { nil } }

    /// The agent's own explanation of the service's state. One clean line.
    var explanation: String? { content?.explanation }

    var engine: EngineIdentity.Name? { content?.document.engine?.name }

    /// True if the agent keeps leftovers and one-off containers out of the instances. Such agents also report the engine's
    /// platform.
    var separatesInstances: Bool { content?.document.engine?.platform != nil }

    package var hasHealthCheck: Bool {
        switch answer {
        case .none: true
        case .agent(let content, _): content.hasHealthCheck
        case .plain: false
        }
    }

    /// nil if no agent answered.
    package var hostID: String? { own?.hostID }

    var bootID: String? { own?.bootID }

    /// The version of the agent that answered, as it states it; nil if no agent answered.
    package var agentVersion: String? { content?.document.agent.version }

    /// Differs once an instance was restarted or replaced, or the host was booted again, and is the same in every process; nil
    /// if no agent answered, or there is no instance.
    package var instancesMark: Int64? {
        guard let own, !own.fingerprint.isEmpty else { return nil }
        var hash = SHA256()
        for text in [own.bootID] + own.fingerprint.map(\.mark) { hash.update(text.utf8 + [0]) }
        return hash.finalize().prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    }

    package var observedAt: String? { own?.observedAt }

    /// The state that a host without an agent reported, in its words.
    var plainState: String? { if case .plain(let state) = answer { state } else { nil } }

    /// The numbers of running and of declared instances; nil unless too few run.
    var shortage: (running: Int, expected: Int)? { content?.shortage }

    /// True if the summary reports serving although an instance is not.
    var callsItServing: Bool { content?.callsItServing ?? false }

    /// The result of the agent's probe; nil without a probe.
    var served: ProbeResult? { content?.document.served }

    /// The instance that represents the service: the first one in the worst state.
    package var worst: Instance? {
        guard case .agent(let content, let own) = answer, let worst = content.worst else { return nil }
        return content.document.instances[worst].with(own.instances[worst])
    }

    /// The deployments that the instances belong to, distinct and sorted.
    package var projects: [String] { content?.projects ?? [] }

    package var instancesExpected: Int? { content?.document.instancesExpected }

    package var leftOut: [LeftOutContainer] { own?.leftOut ?? [] }

    /// The setup of a service on the host.
    ///
    /// - Parameter container: the name of one of its instances; empty or nil for any.
    func setup(of service: String, container: String? = nil) -> ServiceSetup {
        let setups = content?.setups ?? []
        guard var setup = setups.first(where: { $0.container == container }) ?? setups.first else {
            return ServiceSetup(service: service, engine: engine)
        }
        if let container, !container.isEmpty, setup.engine != nil { setup.container = container }
        return setup
    }

    /// Records how long after the verification's start the agent observed the service, at the latest.
    mutating func observed(at moment: Duration) { countedAt = moment }

    /// True if the instance was started after the verification, by the host's own clock throughout.
    func startedSince(_ instance: Instance) -> Bool {
        // `observed_at` is the counted moment by the same clock as `started_at`.
        guard let countedAt, let observed = observedAt.flatMap(RFC3339.unixMilliseconds),
            let started = instance.startedAt.flatMap({ RFC3339.unixMilliseconds($0) })
        else { return false }
        return observed - started <= countedAt.milliseconds
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
