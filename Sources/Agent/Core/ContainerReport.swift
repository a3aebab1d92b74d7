import Shared

/// One container as a document reports it, with remarks for the operator.
struct ContainerReport: Hashable, Sendable {
    let instance: Instance
    /// The registry digest that identifies the container's image; nil if unknown.
    let digest: Digest?
    /// The reason why the container is not serving; nil if it is serving.
    let stateRemark: String?
    /// The reason why the commit is unknown; nil if it is known.
    let commitRemark: String?
    /// The reason why the digest is unknown; nil if it is known.
    let digestRemark: String?

    init(_ facts: ContainerFacts, store: EngineIdentity.Store) {
        let (state, health) = Self.state(of: facts.state, isPodman: store == .podman)
        let (revision, commitRemark) = Self.revision(of: facts)
        let image = ImageReport(facts, store: store)
        let neverStarted = facts.state.startedAt.map { $0.hasPrefix("0001-") || !RFC3339.isTimestamp($0) } ?? true
        let isRunning = [.serving, .starting, .unhealthy, .paused].contains(state)
        instance = Instance(
            id: facts.id, name: Sanitizer.singleLine(facts.name, limit: 255), project: facts.origin.project,
            deployment: facts.origin.deployment, state: state, health: health,
            healthOutput: Self.healthOutput(of: facts.state, health: health),
            startedAt: neverStarted ? nil : facts.state.startedAt,
            restartCount: facts.restartCount,
            // A container that failed to start has the exit code of that attempt.
            exitCode: isRunning || neverStarted && facts.state.exitCode == 0 ? nil : facts.state.exitCode,
            oomKilled: facts.state.oomKilled,
            error: isRunning ? nil : Self.error(of: facts.state, limit: 256),
            gitSHA: Reported(revision), image: image.evidence)
        digest = image.digest
        digestRemark = image.remark.map { "\(facts.name): \($0)" }
        self.commitRemark = commitRemark.map { "\(facts.name): \($0)" }
        stateRemark = Self.remark(on: state, facts)
    }

    /// The state derived from an engine's flags. Flags take precedence over the status: `docker pause` leaves `Running`
    /// true.
    ///
    /// An unrecognised combination is ``ServiceState/unknown``, never serving.
    ///
    /// - Parameter isPodman: Podman up to 4.3 keeps the health of the previous run.
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

    /// The health of the current run; nil for an unknown health status.
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

    /// True if the health of a running container was determined since its start, and not in an earlier run.
    ///
    /// Docker resets the health at each start, so any result of this run is enough; it lists only the last five. Without a
    /// list of results, the engine's status is taken as it is.
    ///
    /// Podman 4.3 resets the status but keeps counting failures, so the first failure of a run can make it unhealthy.
    ///
    /// - Parameters:
    ///   - count: the number of matching results that the status requires on Podman, which lists at most five.
    ///   - isSuch: returns true if an exit code of the check agrees with the engine's status.
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

    /// The output of the latest health check of the current or last run, if that check failed; nil for a healthy container.
    private static func healthOutput(of facts: ContainerStateFacts, health: Instance.Health?) -> String? {
        guard health == .unhealthy || health == .starting, let start = facts.startTime else { return nil }
        let latest = (facts.healthLog ?? []).compactMap { result in result.startedAt.map { (time: $0, result) } }
            .filter { $0.time >= start }.max { $0.time < $1.time }
        guard let (_, result) = latest, let exitCode = result.exitCode, exitCode != 0 else { return nil }
        let output = ForeignOutput.singleLine(result.output ?? "", limit: 256)
        return output.isEmpty ? "no output (exit code \(exitCode))" : output
    }

    /// The engine's reason why the last start failed; nil without one.
    private static func error(of facts: ContainerStateFacts, limit: Int) -> String? {
        let text = ForeignOutput.singleLine(facts.error ?? "", limit: limit)
        return text.isEmpty ? nil : text
    }

    /// The commit in the image's own label: 40 or 64 lower-case hexadecimal digits.
    private static func revision(of facts: ContainerFacts) -> (GitSHA?, String?) {
        guard let image = facts.image else {
            return (nil, "the engine no longer knows its image, so its commit is unknown")
        }
        guard !facts.isImageOfOtherPlatform else {
            let platform = facts.manifest?.platform.map { " (\(Sanitizer.singleLine("\($0)", limit: 64)))" } ?? ""
            return (
                nil,
                "the engine describes its image for another platform than its own\(platform), so its commit is unknown: "
                    + "upgrade to Docker 28.1 or later"
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
                // A host cannot see whether Swarm has moved the slot to another host.
                let remedy =
                    facts.origin.slot?.tool == .swarm
                    ? "; if Swarm has scaled it down or moved it away, remove it with docker rm" : ""
                return "\(facts.name) does not run" + exit(facts) + remedy
            }
            let hasFailed = facts.state.exitCode ?? 0 != 0 || !(facts.state.error ?? "").isEmpty
            return "\(facts.name) " + (hasFailed ? "could not be started" + exit(facts) : "was never started")
        case .absent, .unknown:
            return
                "\(facts.name) is in an unknown state: '\(Sanitizer.singleLine(facts.state.status, limit: 40))'"
        }
    }

    private static func exit(_ facts: ContainerFacts) -> String {
        let code = facts.state.exitCode.map { " (exit code \($0)\(facts.state.oomKilled ? ", out of memory" : ""))" }
        return (code ?? "") + (error(of: facts.state, limit: 160).map { ": \($0)" } ?? "")
    }
}

/// The image of a container: every known digest, and the one that identifies it.
struct ImageReport: Hashable, Sendable {
    let evidence: ImageEvidence
    /// The registry digest that identifies the image; nil if unknown.
    let digest: Digest?
    /// The reason why the digest is unknown; nil if it is known.
    let remark: String?

    /// The maximum number of digests in the schema.
    static let digestLimit = 64

    init(_ facts: ContainerFacts, store: EngineIdentity.Store) {
        let typed = ImageReference(parsing: facts.typedImage)
        let all =
            switch store {
            case .containerd: Self.containerdDigests(facts, typed: typed)
            case .classic, .podman, .unknown: Self.configStoreDigests(facts, typed: typed, store: store)
            }
        let digests = Array(Self.withoutDuplicates(all).prefix(Self.digestLimit))
        let fromRegistry = digests.filter { Self.isFromRegistry($0, typed: typed) }
        evidence = ImageEvidence(
            reference: Sanitizer.singleLine(facts.typedImage),
            platform: (facts.manifest?.platform ?? facts.image?.platform).map {
                Sanitizer.singleLine("\($0)", limit: 64)
            },
            origin: fromRegistry.isEmpty ? .none : .registry, digests: digests,
            tagMoved: facts.tagImageID.map { $0 != facts.imageID } ?? false)
        switch store {
        case .containerd: (digest, remark) = (facts.imageID, nil)
        case .classic, .podman, .unknown: (digest, remark) = Self.identifyingDigest(among: fromRegistry, typed: typed)
        }
    }

    /// The digests in Docker's containerd store, where the container's `.Image` is itself a content digest. The image's
    /// `RepoDigests` are derived from local tags there and prove nothing, so they are not read.
    private static func containerdDigests(_ facts: ContainerFacts, typed: ImageReference?) -> [DigestEvidence] {
        let described = [facts.manifest, facts.image?.descriptor].compactMap { $0 }.first { $0.digest == facts.imageID }
        var digests = [
            DigestEvidence(digest: facts.imageID, kind: described?.kind ?? .indexOrManifest, source: .containerImage)
        ]
        if let manifest = facts.manifest {
            let kind: DigestEvidence.Kind = manifest.kind == .indexOrManifest ? .manifest : manifest.kind
            digests.append(DigestEvidence(digest: manifest.digest, kind: kind, source: .containerManifestDescriptor))
        }
        return digests + pin(typed)
    }

    /// The digests in Docker's classic store and in Podman, where the container's `.Image` is a config digest. Registry
    /// digests are in the image's `RepoDigests`, one for each reference that it was pulled by.
    private static func configStoreDigests(
        _ facts: ContainerFacts, typed: ImageReference?, store: EngineIdentity.Store
    ) -> [DigestEvidence] {
        let kind: DigestEvidence.Kind = store == .unknown ? .unknown : .config
        var digests = [DigestEvidence(digest: facts.imageID, kind: kind, source: .containerImage)]
        let pulled = (facts.image?.repoDigests ?? []).compactMap { text -> DigestEvidence? in
            guard let reference = ImageReference(parsing: text), let digest = reference.digest else { return nil }
            return DigestEvidence(
                digest: digest, kind: .indexOrManifest, repository: reference.repository, source: .imageRepoDigests)
        }
        // The typed repository comes first, so that the limit cuts off the least important digests.
        let rank = { (entry: DigestEvidence) in
            (entry.repository == typed?.repository ? 0 : 1, entry.repository ?? "", entry.digest.hex)
        }
        digests += pulled.sorted { rank($0) < rank($1) }
        if let digest = facts.libpodImageDigest {
            digests.append(DigestEvidence(digest: digest, kind: .indexOrManifest, source: .libpodImageDigest))
        }
        return digests + pin(typed)
    }

    private static func pin(_ typed: ImageReference?) -> [DigestEvidence] {
        guard let typed, let digest = typed.digest else { return [] }
        return [
            DigestEvidence(digest: digest, kind: .indexOrManifest, repository: typed.repository, source: .configPin)
        ]
    }

    /// Drops entries that add nothing to an earlier one: those with the same digest and either the same repository or nil.
    private static func withoutDuplicates(_ entries: [DigestEvidence]) -> [DigestEvidence] {
        entries.reduce(into: []) { kept, entry in
            let isKnown = kept.contains {
                $0.digest == entry.digest && (entry.repository == nil || entry.repository == $0.repository)
            }
            if !isKnown { kept.append(entry) }
        }
    }

    /// True if the digest comes from a registry. Podman stores images that are built on the host under `localhost/`, with
    /// digests that no registry knows.
    private static func isFromRegistry(_ entry: DigestEvidence, typed: ImageReference?) -> Bool {
        guard [.index, .manifest, .indexOrManifest].contains(entry.kind) else { return false }
        if let repository = entry.repository { return !repository.hasPrefix("localhost/") }
        return entry.source != .libpodImageDigest || typed?.registry != "localhost"
    }

    /// The pinned digest, else the only digest of the repository in `Config.Image`; nil with the reason otherwise.
    private static func identifyingDigest(
        among entries: [DigestEvidence], typed: ImageReference?
    ) -> (Digest?, String?) {
        guard !entries.isEmpty else {
            return (nil, "its image has no registry digest on this host: it was built, loaded, committed or untagged")
        }
        if let pinned = typed?.digest { return (pinned, nil) }
        guard let typed else { return (nil, "it was created from an image's id, which names no repository") }
        let candidates = Set(entries.filter { $0.repository == typed.repository }.map(\.digest))
        switch candidates.count {
        case 1: return (candidates.first, nil)
        case 0: return (nil, "its image has no digest of \(typed.repository)")
        default: return (nil, "its image has \(candidates.count) digests of \(typed.repository), and none is pinned")
        }
    }
}
