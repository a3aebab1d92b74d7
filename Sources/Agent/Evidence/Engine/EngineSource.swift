import Logging
import NIOCore
import Shared

/// Keeps the board true about containers: looks when an engine tells that something happened, and now and then.
struct EngineSource: Sendable {
    let looker: Refresher
    private let parts: EngineDependencies
    private let streams: EngineStreams

    init(_ parts: EngineDependencies, builder: DocumentBuilder, publisher: Publisher, probes: Probes) {
        let streams = EngineStreams()
        self.parts = parts
        self.streams = streams
        // Named in the metrics before anything comes of it.
        parts.metrics.update { counts in
            for address in parts.sockets.current() { counts.engineStreams[address.description] = .init() }
        }
        if let origin = parts.sockets.origin {
            parts.logger.info(
                "The engine is the environment's",
                metadata: [
                    "engine": "\(Sanitizer.singleLine("\(parts.sockets.current()[0])"))", "variable": "\(origin)",
                ])
        }
        looker = Refresher(pace: .engines, clock: parts.clock) { looker, start in
            // At the same time as the engines, so that one look is as fast as the slower of the two.
            let readings = probes.begin()
            let observedAt = publisher.wallClock
            let (looks, isFollowed) = await Self.look(parts, streams)
            let changed = await probes.publish(
                parts.services.map { builder.content(for: $0, looks: looks) }, with: readings, lookedAt: start,
                observedAt: observedAt, again: { looker.told(after: $0) })
            let succeeded = looks.allSatisfy { if case .success = $0 { true } else { false } }
            return Refresher.Outcome(succeeded: succeeded, changed: changed, isFollowed: isFollowed ? nil : false)
        }
    }

    /// Follows the engines and looks until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for index in parts.sockets.current().indices {
                let follower = EngineEventSubscription(index: index, parts: parts, streams: streams, looker: looker)
                group.addTask { await follower.run() }
            }
            group.addTask { await looker.run() }
        }
    }

    /// One look at all engines.
    ///
    /// - Returns: one outcome an engine, and whether all of them are followed.
    private static func look(
        _ parts: EngineDependencies, _ streams: EngineStreams
    ) async -> ([Result<EngineSnapshot, EngineFailure>], isFollowed: Bool) {
        let addresses = parts.sockets.current()
        let looks = await withTaskGroup(of: (Int, Result<EngineSnapshot, EngineFailure>).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask { (index, await look(at: address, parts, streams)) }
            }
            var outcomes: [(Int, Result<EngineSnapshot, EngineFailure>)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes.sorted { $0.0 < $1.0 }.map(\.1)
        }
        let failures = looks.compactMap { look in
            if case .failure(let failure) = look { failure } else { nil }
        }
        parts.metrics.update { counts in
            counts.looks += 1
            for failure in failures { counts.lookFailures[failure.reason, default: 0] += 1 }
        }
        // A default socket may have come to be that is asked before the one that is followed.
        return (looks, streams.cover(addresses.map(\.description)))
    }

    private static func look(
        at address: EngineAddress, _ parts: EngineDependencies, _ streams: EngineStreams
    ) async -> Result<EngineSnapshot, EngineFailure> {
        if let absence = parts.sockets.absence { return .failure(absence) }
        let path = address.description
        let standing = streams.greeting(path: path)
        var greeting = standing?.greeting
        let client = EngineClient(address: address, group: parts.group)
        let look = await EngineScan(client: client, services: parts.services).look(greeting: &greeting)
        if let standing { streams.learn(greeting, path: path, number: standing.number) }
        return look.mapError(parts.sockets.explained)
    }
}
