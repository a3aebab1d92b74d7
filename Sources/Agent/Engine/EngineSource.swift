import AgentCore
import Logging
import NIOCore
import Shared

/// The dependencies of an ``EngineSource``.
struct EngineDependencies: Sendable {
    /// The services on engines, not those in files.
    var services: [ServiceDeclaration]
    var sockets: EngineSockets
    var group: any EventLoopGroup
    var metrics: Metrics
    var clock: Clock
    var logger: Logger
}

/// Keeps the documents of services on engines up to date: refreshes them on events, and periodically.
final class EngineSource: Refreshable {
    let refresher: Refresher
    private let dependencies: EngineDependencies
    private let builder: DocumentBuilder
    private let publisher: Publisher
    private let probes: ServiceProbes
    private let streams = EngineEventStreams()

    init(_ dependencies: EngineDependencies, builder: DocumentBuilder, publisher: Publisher, probes: ServiceProbes) {
        self.dependencies = dependencies
        self.builder = builder
        self.publisher = publisher
        self.probes = probes
        refresher = Refresher(pace: .engines, clock: dependencies.clock)
        // The metrics name the engines from the start.
        dependencies.metrics.update { counts in
            for address in dependencies.sockets.current() { counts.engineStreams[address.description] = .init() }
        }
        if let origin = dependencies.sockets.origin {
            dependencies.logger.info(
                "Engine taken from the environment",
                metadata: [
                    "engine": "\(Sanitizer.singleLine("\(dependencies.sockets.current()[0])"))",
                    "variable": "\(origin)",
                ])
        }
    }

    /// Follows the engines' events and refreshes until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for index in dependencies.sockets.current().indices {
                let subscription = EngineEventSubscription(
                    index: index, dependencies: dependencies, streams: streams, refresher: refresher)
                group.addTask { await subscription.run() }
            }
            group.addTask { await self.refresher.run(self) }
        }
    }

    func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome {
        // Concurrent with the scans, so that an observation takes as long as the slower of the two.
        let readings = probes.begin()
        let observedAt = publisher.wallClock
        let (scans, areFollowed) = await scan()
        let contents = dependencies.services.map { service in
            builder.content(for: service.name, selector: service.selector, expected: service.expected, scans: scans)
        }
        let changed = await probes.publish(
            contents, with: readings, startedAt: startedAt, observedAt: observedAt,
            retry: { [refresher] in refresher.requestRefresh(after: $0) })
        let succeeded = scans.allSatisfy { if case .success = $0 { true } else { false } }
        return Refresher.Outcome(succeeded: succeeded, changed: changed, eventsAvailable: areFollowed ? nil : false)
    }

    /// Scans all engines.
    ///
    /// - Returns: one result per engine, and whether the events of all of them are followed.
    private func scan() async -> ([Result<EngineSnapshot, EngineFailure>], areFollowed: Bool) {
        let addresses = dependencies.sockets.current()
        let scans = await withTaskGroup(of: (Int, Result<EngineSnapshot, EngineFailure>).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask { (index, await self.scan(address)) }
            }
            var results: [(Int, Result<EngineSnapshot, EngineFailure>)] = []
            for await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
        let failures = scans.compactMap { scan in
            if case .failure(let failure) = scan { failure } else { nil }
        }
        dependencies.metrics.update { counts in
            counts.scans += 1
            for failure in failures { counts.scanFailures[failure.reason, default: 0] += 1 }
        }
        // A default socket that has just appeared can take precedence over the one that is followed.
        return (scans, streams.retain(addresses.map(\.description)))
    }

    private func scan(_ address: EngineAddress) async -> Result<EngineSnapshot, EngineFailure> {
        if let absence = dependencies.sockets.absence { return .failure(absence) }
        let name = address.description
        let stored = streams.handshake(address: name)
        var handshake = stored?.handshake
        let client = EngineClient(address: address, group: dependencies.group)
        let scan = await EngineScan(client: client, services: dependencies.services).run(handshake: &handshake)
        if let stored { streams.store(handshake, address: name, number: stored.number) }
        return scan.mapError(dependencies.sockets.explained)
    }
}
