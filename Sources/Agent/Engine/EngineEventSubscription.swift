import AgentCore
import Logging
import NIOCore
import Shared

/// Keeps one engine's event stream open, and requests a refresh for its events and for its end.
struct EngineEventSubscription: Sendable {
    /// The engine's index in ``EngineSockets/current()``.
    let index: Int
    let dependencies: EngineDependencies
    let streams: EngineEventStreams
    let refresher: Refresher

    /// Returns when the task is cancelled.
    func run() async {
        var backoff = Backoff()
        var last: (reason: EngineFailure.Reason, lifetime: Duration)?
        while !Task.isCancelled {
            let address = dependencies.sockets.current()[index]
            // An engine that keeps opening and closing its stream is logged only once.
            let isFlapping = last.map { $0.lifetime > .zero && $0.lifetime < Backoff.stability } ?? false
            let (failure, lifetime) = await follow(address, level: isFlapping ? .debug : .info)
            if Task.isCancelled { return }
            if failure.reason != last?.reason || lifetime >= Backoff.stability {
                dependencies.logger.notice(
                    "Event stream unavailable; polling the engine every 2 s",
                    metadata: [
                        "engine": "\(Sanitizer.singleLine("\(address)"))",
                        "reason": "\(dependencies.sockets.explained(failure))",
                    ])
            }
            last = (failure.reason, lifetime)
            await WakeableSleep().wait(backoff.pause(after: lifetime))
        }
    }

    /// Opens the stream and follows it to its end.
    ///
    /// - Returns: why it ended, and how long it was open; zero if it was not opened.
    private func follow(_ address: EngineAddress, level: Logger.Level) async -> (EngineFailure, lifetime: Duration) {
        let name = "\(address)"
        do throws(EngineFailure) {
            if let absence = dependencies.sockets.absence { throw absence }
            let client = EngineClient(address: address, group: dependencies.group)
            var session = EngineSession(client: client, deadline: ContinuousClock.now + .seconds(5))
            let version = try await session.negotiate().version
            let stream = try await client.events(version: version) { [metrics = dependencies.metrics] count in
                metrics.update { $0.engineStreams[name, default: .init()].events += count }
            }
            let openedAt = dependencies.clock.now()
            dependencies.logger.log(
                level: level, "Following the engine's events", metadata: ["engine": "\(Sanitizer.singleLine(name))"])
            began(stream, name)
            for await _ in stream.changes { refresher.requestRefresh() }
            stream.close()
            ended(name)
            return (stream.endReason, dependencies.clock.now() - openedAt)
        } catch {
            return (error, .zero)
        }
    }

    private func began(_ stream: EngineEventStream, _ address: String) {
        streams.opened(stream, address: address)
        dependencies.metrics.update { counts in
            counts.engineStreams[address, default: .init()].isUp = true
            counts.engineStreams[address, default: .init()].openings += 1
        }
        if streams.retain(dependencies.sockets.current().map(\.description)) { refresher.setEventsAvailable(true) }
        // A refresh that began before the stream was open can have missed a change.
        refresher.requestRefresh()
    }

    private func ended(_ address: String) {
        streams.ended(address: address)
        dependencies.metrics.update { $0.engineStreams[address, default: .init()].isUp = false }
        // In this order: otherwise a refresh that is already due would be followed by a second one.
        refresher.requestRefresh()
        refresher.setEventsAvailable(false)
    }
}
