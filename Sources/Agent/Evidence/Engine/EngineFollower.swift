import Logging
import NIOCore
import Shared

/// Keeps one engine's event stream open, and has a look made for everything that it tells, and for its end.
struct EngineFollower: Sendable {
    /// Which of the sockets.
    let index: Int
    let parts: EngineParts
    let streams: EngineStreams
    let looker: Looker

    /// Returns when the task is cancelled.
    func run() async {
        var backoff = Backoff()
        var lastReason: EngineFailure.Reason?
        while !Task.isCancelled {
            let path = parts.sockets.current()[index]
            let (failure, stood) = await follow(path)
            if Task.isCancelled { return }
            // Said once, and again when it is another reason or there was a stream in between.
            if failure.reason != lastReason || stood > .zero {
                parts.logger.notice(
                    "The engine's events cannot be followed, so it is looked at every two seconds",
                    metadata: ["engine": "\(Hygiene.line(path))", "reason": "\(failure)"])
            }
            lastReason = failure.reason
            await Alarm().wait(backoff.pause(after: stood))
        }
    }

    /// Opens the stream and follows it to its end.
    ///
    /// - Returns: why it ended, and how long it stood; zero where it was not opened.
    private func follow(_ path: String) async -> (EngineFailure, stood: Duration) {
        do throws(EngineFailure) {
            let client = EngineClient(socketPath: path, group: parts.group)
            var greeter = EngineLook(client: client, deadline: ContinuousClock.now + .seconds(5))
            let version = try await greeter.agree().version
            let stream = try await client.events(version: version) { [metrics = parts.metrics] count in
                metrics.update { $0.engineStreams[path, default: .init()].events += count }
            }
            let openedAt = parts.clock.now()
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
        parts.logger.info("Following the engine's events", metadata: ["engine": "\(Hygiene.line(path))"])
        if streams.cover(parts.sockets.current()) { looker.follows(true) }
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
