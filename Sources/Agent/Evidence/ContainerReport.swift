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
        let (state, health) = Self.state(of: facts.state, isPodman: store == .podman)
        let (revision, commitRemark) = Self.revision(of: facts)
        let image = ImageReport(facts, store: store)
        let neverStarted = facts.state.startedAt.map { $0.hasPrefix("0001-") || !RFC3339.isTimestamp($0) } ?? true
        let runs = [.serving, .starting, .unhealthy, .paused].contains(state)
        instance = Instance(
            id: facts.id, name: Sanitizer.singleLine(facts.name, limit: 255), project: facts.origin.project,
            state: state,
            health: health, startedAt: neverStarted ? nil : facts.state.startedAt, restartCount: facts.restartCount,
            // A container that could not be started has the code of the attempt.
            exitCode: runs || neverStarted && facts.state.exitCode == 0 ? nil : facts.state.exitCode,
            oomKilled: facts.state.oomKilled,
            gitSHA: Reported(revision), image: image.evidence)
        digest = image.digest
        digestRemark = image.remark.map { "\(facts.name): \($0)" }
        self.commitRemark = commitRemark.map { "\(facts.name): \($0)" }
        stateRemark = Self.remark(on: state, facts)
    }

    /// What an engine's flags mean. The flags decide before the word does: `docker pause` leaves `Running` true.
    ///
    /// Whatever is not known here is ``ServiceState/unknown``, never serving.
    ///
    /// - Parameter isPodman: Podman up to 4.3 keeps the health of the run before.
    static func state(
        of facts: ContainerStateFacts, isPodman: Bool = false
    ) -> (ServiceState, Instance.Health?) {
        let health = health(of: facts, isPodman: isPodman)
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
        if facts.isWaiting { return (.starting, health) }
        return (facts.isStopped ? .exited : .unknown, health)
    }

    /// nil for a word that is not known.
    private static func health(of facts: ContainerStateFacts, isPodman: Bool) -> Instance.Health? {
        switch facts.health {
        case nil, "", "none": Instance.Health.none
        case "healthy": hasResult(facts, isPodman: isPodman) { $0 == 0 } ? .healthy : .starting
        case "unhealthy":
            hasResult(facts, isPodman: isPodman, count: facts.healthRetries ?? 1) { $0 != 0 } ? .unhealthy : .starting
        case "starting": .starting
        default: nil
        }
    }

    /// Whether the health of a running container was found since it was started, and not in an earlier run.
    ///
    /// Docker forgets at each start what was before, so that with it any result of this run will do: of many failures that
    /// are not too many yet, only the last five are listed. A list that the engine does not give says nothing.
    ///
    /// Podman 4.3 forgets the word and keeps counting, so that the first failure of a run can be one too many.
    ///
    /// - Parameters:
    ///   - count: how many such results make up the word on Podman, which lists five at most.
    ///   - isSuch: whether an exit code of the check is what the engine's word says.
    private static func hasResult(
        _ facts: ContainerStateFacts, isPodman: Bool, count: Int = 1, isSuch: (Int) -> Bool
    ) -> Bool {
        guard facts.running, let log = facts.healthLog else { return true }
        guard let start = facts.startTime else { return false }
        let results = log.filter { result in
            guard let time = result.startedAt, time >= start else { return false }
            return !isPodman || result.exitCode.map(isSuch) ?? true
        }
        return results.count >= (isPodman ? min(max(count, 1), 5) : 1)
    }

    /// Source: digests.md, section 3: 40 or 64 lower-case hexadecimal digits in the image's own label.
    private static func revision(of facts: ContainerFacts) -> (GitSHA?, String?) {
        guard let image = facts.image else {
            return (nil, "the engine no longer knows the image that it runs, so its commit is not known")
        }
        guard !facts.isImageOfOtherPlatform else {
            let platform = facts.manifest?.platform.map { " (\(Sanitizer.singleLine("\($0)", limit: 64)))" } ?? ""
            return (
                nil,
                "the engine describes its image for another platform than the one that it runs\(platform), so its commit "
                    + "is not known: Docker 28.1 and later can tell"
            )
        }
        guard let text = image.revision else {
            return (nil, "its image has no label \(BuildinfoProtocol.revisionLabel)")
        }
        do {
            let sha = try GitSHA(parsing: text)
            guard sha.hex == text else { return (nil, "its revision label is not lower-case hexadecimal") }
            return (sha, nil)
        } catch {
            return (nil, "its revision label '\(Sanitizer.singleLine(text, limit: 72))' \(error)")
        }
    }

    private static func remark(on state: ServiceState, _ facts: ContainerFacts) -> String? {
        switch state {
        case .serving: return nil
        case .starting:
            if !facts.state.isUp { return "\(facts.name) was created and has not been started yet" }
            let isOld = ["healthy", "unhealthy"].contains(facts.state.health)
            return "\(facts.name) is starting: its health check has "
                + (isOld ? "no result since it was started" : "not passed yet")
        case .unhealthy: return "\(facts.name) is unhealthy"
        case .paused: return "\(facts.name) is paused"
        case .restarting: return "\(facts.name) is restarting" + exit(facts)
        case .exited:
            guard facts.state.startedAt?.hasPrefix("0001-") ?? true else {
                // From one host it cannot be seen whether a slot has moved to another one.
                let remedy =
                    facts.origin.slot?.tool == .swarm
                    ? "; where Swarm has scaled or moved it away, docker rm removes what is left" : ""
                return "\(facts.name) does not run" + exit(facts) + remedy
            }
            let hasFailed = facts.state.exitCode ?? 0 != 0 || !(facts.state.error ?? "").isEmpty
            return "\(facts.name) " + (hasFailed ? "could not be started" + exit(facts) : "was never started")
        case .absent, .unknown:
            return
                "\(facts.name) is in a state that this agent does not know: '\(Sanitizer.singleLine(facts.state.status, limit: 40))'"
        }
    }

    private static func exit(_ facts: ContainerFacts) -> String {
        let code = facts.state.exitCode.map { " (exit code \($0)\(facts.state.oomKilled ? ", out of memory" : ""))" }
        guard let error = facts.state.error, !error.isEmpty else { return code ?? "" }
        return "\(code ?? ""): \(Sanitizer.singleLine(error, limit: 160))"
    }
}
