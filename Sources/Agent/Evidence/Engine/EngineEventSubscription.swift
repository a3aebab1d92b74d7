import Logging
import NIOCore
import Shared

/// Keeps one engine's event stream open, and has a look made for everything that it tells, and for its end.
struct EngineEventSubscription: Sendable {
    /// Which of the sockets.
    let index: Int
    let parts: EngineDependencies
    let streams: EngineStreams
    let looker: Refresher

    /// Returns when the task is cancelled.
    func run() async {
        var backoff = Backoff()
        var last: (reason: EngineFailure.Reason, stood: Duration)?
        while !Task.isCancelled {
            let address = parts.sockets.current()[index]
            let path = address.description
            // An engine that opens its stream and closes it at once, again and again, is worth one line.
            let isFlapping = last.map { $0.stood > .zero && $0.stood < Backoff.stability } ?? false
            let (failure, stood) = await follow(address, level: isFlapping ? .debug : .info)
            if Task.isCancelled { return }
            if failure.reason != last?.reason || stood >= Backoff.stability {
                parts.logger.notice(
                    "The engine's events cannot be followed, so it is looked at every two seconds",
                    metadata: [
                        "engine": "\(Sanitizer.singleLine(path))", "reason": "\(parts.sockets.explained(failure))",
                    ])
            }
            last = (failure.reason, stood)
            await WakeableSleep().wait(backoff.pause(after: stood))
        }
    }

    /// Opens the stream and follows it to its end.
    ///
    /// - Returns: why it ended, and how long it stood; zero where it was not opened.
    private func follow(_ address: EngineAddress, level: Logger.Level) async -> (EngineFailure, stood: Duration) {
        let path = address.description
        do throws(EngineFailure) {
            if let absence = parts.sockets.absence { throw absence }
            let client = EngineClient(address: address, group: parts.group)
            var greeter = EngineSession(client: client, deadline: ContinuousClock.now + .seconds(5))
            let version = try await greeter.agree().version
            let stream = try await client.events(version: version) { [metrics = parts.metrics] count in
                metrics.update { $0.engineStreams[path, default: .init()].events += count }
            }
            let openedAt = parts.clock.now()
            parts.logger.log(
                level: level, "Following the engine's events", metadata: ["engine": "\(Sanitizer.singleLine(path))"])
            begin(stream, path)
            for await _ in stream.rings { looker.told() }
            stream.close()
            end(path)
            return (stream.end, parts.clock.now() - openedAt)
        } catch {
            return (error, .zero)
        }
    }

    private func begin(_ stream: EngineEventStream, _ path: String) {
        streams.opened(stream, path: path)
        parts.metrics.update { counts in
            counts.engineStreams[path, default: .init()].isUp = true
            counts.engineStreams[path, default: .init()].openings += 1
        }
        if streams.cover(parts.sockets.current().map(\.description)) { looker.follows(true) }
        // Only a look that begins now has missed nothing.
        looker.told()
    }

    private func end(_ path: String) {
        streams.ended(path: path)
        parts.metrics.update { $0.engineStreams[path, default: .init()].isUp = false }
        // In this order, or a look that is due by then would be one of two.
        looker.told()
        looker.follows(false)
    }
}
