import AgentCore
import NIOCore
import NIOPosix
import Shared

/// The services that a host's engines run, as the agent would report them.
struct EngineSurvey: Sendable {
    /// The engines in use, with their addresses.
    var engines: [(address: EngineAddress, identity: EngineIdentity)] = []
    /// The services in the order of their names, the stopped ones among them.
    var services: [FoundService] = []
    /// The containers of no service with the reason, one line each.
    var leftOut: [String] = []
    var containerCount = 0

    /// The time limit for the scan of one batch. It can have as many requests as some hundred observations.
    private static let budget = Duration.seconds(60)

    /// Asks the engines for their containers, and observes each service once.
    ///
    /// - Throws: ``EngineFailure`` with the remedy, if an engine cannot be read.
    static func make(_ sockets: EngineSockets) async throws -> EngineSurvey {
        if let absence = sockets.absence { throw absence }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<EngineSurvey, EngineFailure>
        do throws(EngineFailure) {
            result = .success(try await survey(sockets.current(), group))
        } catch {
            result = .failure(sockets.explained(error))
        }
        try await group.shutdownGracefully()
        return try result.get()
    }

    private static func survey(
        _ addresses: [EngineAddress], _ group: any EventLoopGroup
    ) async throws(EngineFailure) -> EngineSurvey {
        var survey = EngineSurvey()
        var clients: [EngineClient] = []
        var listed: [Listed] = []
        for address in addresses {
            let client = EngineClient(address: address, group: group)
            var session = EngineSession(client: client, deadline: ContinuousClock.now + budget)
            try await session.shakeHands()
            survey.engines.append((address, session.identity))
            for entry in try await session.list() where !listed.contains(where: { $0.entry.id == entry.id }) {
                listed.append(Listed(entry: entry, isPodman: session.isPodman))
            }
            clients.append(client)
        }
        survey.containerCount = listed.count
        for candidates in batches(survey.candidates(among: listed)) {
            var scans: [Result<EngineSnapshot, EngineFailure>] = []
            for client in clients {
                let scan = EngineScan(client: client, services: candidates.map(\.declaration), budget: budget)
                scans.append(.success(try await scan.run().get()))
            }
            for candidate in candidates { survey.add(candidate, scans) }
        }
        survey.services.sort {
            ($0.declaration.name.lowercased(), $0.declaration.name) < (
                $1.declaration.name.lowercased(), $1.declaration.name
            )
        }
        survey.leftOut.sort()
        survey.keepLimit()
        return survey
    }

    /// One container of an engine's list.
    private struct Listed {
        var entry: EngineAPI.ListedContainer
        var isPodman: Bool
    }

    /// A service before its observation.
    private struct Candidate {
        var declaration: ServiceDeclaration
        var hasFixedCount: Bool
        /// The number of containers to inspect for it.
        var containerCount: Int
    }

    /// The services of the listed containers, each once. Containers that belong to none are left out.
    private mutating func candidates(among listed: [Listed]) -> [Candidate] {
        var suggestions: Set<SelectorSuggestion> = []
        for container in listed {
            if container.entry.isOurs {
                leftOut.append("\(container.entry.displayName): the agent itself")
            } else if let suggestion = container.entry.suggestion(podman: container.isPodman) {
                suggestions.insert(suggestion)
            } else {
                leftOut.append("\(container.entry.displayName): it has no name")
            }
        }
        let ordered = suggestions.sorted {
            ($0.name, $0.qualifiedName, "\($0.selector)") < ($1.name, $1.qualifiedName, "\($1.selector)")
        }
        return zip(ordered, ServiceNames.assigned(to: ordered)).compactMap { suggestion, name in
            let selector = suggestion.selector
            let count = listed.count { selector.canMatch($0.entry, podman: $0.isPodman) }
            let declaration = ServiceDeclaration(name: name, selector: selector)
            guard declaration.canBeWritten, count <= EngineScan.containerLimit else {
                let shown = Sanitizer.singleLine("\(selector)", limit: 120)
                let isMany = count > EngineScan.containerLimit
                leftOut.append("\(shown): \(isMany ? "\(count) containers" : "no selector can be written for it")")
                return nil
            }
            return Candidate(declaration: declaration, hasFixedCount: suggestion.hasFixedCount, containerCount: count)
        }
    }

    /// The candidates in batches that one scan can inspect.
    private static func batches(_ candidates: [Candidate]) -> [[Candidate]] {
        var batches: [[Candidate]] = []
        var count = 0
        for candidate in candidates {
            count += candidate.containerCount
            if batches.isEmpty || count > EngineScan.containerLimit {
                batches.append([])
                count = candidate.containerCount
            }
            batches[batches.count - 1].append(candidate)
        }
        return batches
    }

    private mutating func add(_ candidate: Candidate, _ scans: [Result<EngineSnapshot, EngineFailure>]) {
        let (name, selector) = (candidate.declaration.name, candidate.declaration.selector)
        let host = HostIdentity(id: "init", name: "init", bootID: "init")
        let content = DocumentBuilder(host: host).content(for: name, selector: selector, expected: nil, scans: scans)
        leftOut += content.leftOut.map { Sanitizer.singleLine("\($0.name): \($0.reason.phrase)", limit: 200) }
        guard !content.instances.isEmpty else { return }
        let upCount = content.instances.count(where: \.isUp)
        // Projects in folders of one name have the same labels, and their containers are no replicas of each other.
        let isCounted =
            candidate.hasFixedCount && content.folders.count <= 1
            && ServiceDeclaration.permittedInstances.contains(upCount)
        services.append(
            FoundService(
                declaration: ServiceDeclaration(
                    name: name, selector: selector, expected: isCounted && upCount > 1 ? upCount : nil),
                content: content, containerCount: candidate.containerCount,
                obstacle: upCount == 0 ? content.stateRemark ?? "it does not run" : nil))
    }

    /// Leaves out the last services, if the agent could not observe all of them.
    private mutating func keepLimit() {
        var count = 0
        for index in services.indices where services[index].obstacle == nil {
            count += services[index].containerCount
            guard count > EngineScan.containerLimit else { continue }
            count -= services[index].containerCount
            services[index].obstacle =
                "an agent observes at most \(EngineScan.containerLimit) containers: remove another service first"
        }
    }
}

/// A service that an engine runs, with the entry for the configuration file.
struct FoundService: Hashable, Sendable {
    /// The declaration, with the number of instances if several run and the operator chose their number.
    var declaration: ServiceDeclaration
    /// What the agent would report.
    var content: DocumentContent
    var containerCount: Int
    /// The reason why the entry is commented out; nil if it applies.
    var obstacle: String?

    /// True if an instance has no health check.
    var lacksHealthCheck: Bool { content.instances.contains { $0.health == Instance.Health.none } }
}

extension DocumentContent {
    /// The reason without its remarks on commit and digest, which follow the one on the state; nil without a reason.
    fileprivate var stateRemark: String? {
        reason.map { String($0[..<($0.firstRange(of: "; ")?.lowerBound ?? $0.endIndex)]) }
    }

    /// The folders of the Compose projects that started the instances, sorted.
    var folders: [String] { Set(instances.compactMap { $0.deployment?.directory }).sorted() }
}

extension Instance {
    /// True unless the container does not run, or was created and never started.
    var isUp: Bool {
        switch state {
        case .serving, .unhealthy, .paused, .restarting, .unknown: true
        case .starting: startedAt != nil
        case .exited, .absent: false
        }
    }
}

extension ServiceDeclaration {
    /// The maximum size of a selector that `init` writes, in bytes.
    private static let selectionLimit = 300

    /// True if the configuration file can express the declaration. Labels can hold any text, and `compose:a/b/c` is not a valid selector.
    fileprivate var canBeWritten: Bool {
        guard selection.utf8.count <= Self.selectionLimit, !selection.utf8.contains(0) else { return false }
        do throws(AgentError) {
            return try ServiceDeclaration(parsing: "\(name)=\(selection)") == self
        } catch {
            return false
        }
    }
}
