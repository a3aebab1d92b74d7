import Shared

/// One container as a document reports it, and what a person should be told of it.
struct ContainerReport: Hashable, Sendable {
    let instance: Instance
    /// The registry digest that speaks for the container; nil where none does.
    let digest: Digest?
    let stateRemark: String?
    let commitRemark: String?
    let digestRemark: String?

    init(_ facts: ContainerFacts, store: EngineIdentity.Store) {
        let (state, health) = Self.state(of: facts.state)
        let (revision, commitRemark) = Self.revision(of: facts)
        let image = ImageReport(facts, store: store)
        let neverStarted = facts.state.startedAt.map { $0.hasPrefix("0001-") || !RFC3339.isTimestamp($0) } ?? true
        let runs = [.serving, .starting, .unhealthy, .paused].contains(state)
        instance = Instance(
            id: facts.id, name: Hygiene.line(facts.name, limit: 255), state: state, health: health,
            startedAt: neverStarted ? nil : facts.state.startedAt, restartCount: facts.restartCount,
            exitCode: runs || neverStarted ? nil : facts.state.exitCode, oomKilled: facts.state.oomKilled,
            gitSHA: Reported(revision), image: image.evidence)
        digest = image.digest
        digestRemark = image.remark.map { "\(facts.name): \($0)" }
        self.commitRemark = commitRemark.map { "\(facts.name): \($0)" }
        stateRemark = Self.remark(on: state, facts)
    }

    /// What an engine's flags mean. The flags decide before the word does: `docker pause` leaves `Running` true.
    ///
    /// Whatever is not known here is ``ServiceState/unknown``, never serving.
    static func state(of facts: ContainerStateFacts) -> (ServiceState, Instance.Health?) {
        let health: Instance.Health? =
            switch facts.health {
            case nil, "", "none": Instance.Health.none
            case "healthy": .healthy
            case "unhealthy": .unhealthy
            case "starting": .starting
            default: nil
            }
        if facts.restarting || facts.status == "restarting" { return (.restarting, health) }
        if facts.paused || facts.status == "paused" { return (.paused, health) }
        if facts.running {
            guard facts.status == "running" || facts.status.isEmpty else { return (.unknown, health) }
            return switch health {
            case .healthy?, Instance.Health.none?: (.serving, health)
            case .starting?: (.starting, health)
            case .unhealthy?: (.unhealthy, health)
            case nil: (.unknown, nil)
            }
        }
        // The rest of Docker's words (created, removing, exited, dead) and of Podman's.
        let stopped = [
            "created", "removing", "exited", "dead", "configured", "initialized", "stopped", "stopping", "",
        ]
        return (stopped.contains(facts.status) ? .exited : .unknown, health)
    }

    /// Source: digests.md, section 3: 40 or 64 lower-case hexadecimal digits in the image's own label.
    private static func revision(of facts: ContainerFacts) -> (GitSHA?, String?) {
        guard let image = facts.image else {
            return (nil, "the engine no longer knows the image that it runs, so its commit is not known")
        }
        guard let text = image.revision else {
            return (nil, "its image has no label \(BuildinfoProtocol.revisionLabel)")
        }
        do {
            let sha = try GitSHA(parsing: text)
            guard sha.hex == text else { return (nil, "its revision label is not lower-case hexadecimal") }
            return (sha, nil)
        } catch {
            return (nil, "its revision label '\(Hygiene.line(text, limit: 72))' \(error)")
        }
    }

    private static func remark(on state: ServiceState, _ facts: ContainerFacts) -> String? {
        switch state {
        case .serving: return nil
        case .starting: return "\(facts.name) is starting: its health check has not passed yet"
        case .unhealthy: return "\(facts.name) is unhealthy"
        case .paused: return "\(facts.name) is paused"
        case .restarting: return "\(facts.name) is restarting" + exit(facts)
        case .exited:
            return facts.state.startedAt?.hasPrefix("0001-") ?? true
                ? "\(facts.name) was never started" : "\(facts.name) does not run" + exit(facts)
        case .absent, .unknown:
            return
                "\(facts.name) is in a state that this agent does not know: '\(Hygiene.line(facts.state.status, limit: 40))'"
        }
    }

    private static func exit(_ facts: ContainerFacts) -> String {
        let code = facts.state.exitCode.map { " (exit code \($0)\(facts.state.oomKilled ? ", out of memory" : ""))" }
        return code ?? ""
    }
}
