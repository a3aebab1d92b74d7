import NIOCore
import NIOHTTP1
import NIOPosix

extension EngineClient {
    /// Opens the engine's event stream; returns when the engine has agreed, or throws within the time limit.
    ///
    /// moby agrees a moment before it subscribes (`getEvents` flushes the headers first), so a look right behind this can
    /// miss what happens in that moment: ``RefreshSchedule`` makes a second one.
    ///
    /// - Parameter count: is told how many events that matter came, before they ring.
    func events(
        version: APIVersion?, count: @escaping @Sendable (Int) -> Void
    ) async throws(EngineFailure) -> EngineEventStream {
        let loop = group.next()
        let opened = loop.makePromise(of: Void.self)
        // One ring is as good as many: all of them ask for one look.
        let (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let failure = FirstError<EngineFailure>()
        let path = socketPath
        let head = Self.head(.events, version: version)
        let late = lateness(.events)
        let deadline = loop.scheduleTask(in: timeout) { opened.fail(late) }
        opened.futureResult.whenComplete { _ in deadline.cancel() }
        do {
            let channel = try await connect(sending: head) { channel in
                let handler = EngineEventsHandler(
                    socketPath: path, opened: opened, ring: ring, failure: failure, count: count)
                try channel.pipeline.syncOperations.addHandler(handler)
            }.get()
            opened.futureResult.whenFailure { _ in channel.close(promise: nil) }
            try await opened.futureResult.get()
            return EngineEventStream(rings: rings, channel: channel, failure: failure)
        } catch {
            let reason = engineFailure(error)
            opened.fail(reason)
            throw reason
        }
    }
}
