import AgentCore
import NIOCore
import NIOHTTP1
import Synchronization

/// An open event stream of an engine.
struct EngineEventStream: Sendable {
    /// An element if anything changed since the last one was taken; ends with the stream.
    let changes: AsyncStream<Void>
    private let channel: any Channel
    private let failure: FirstError<EngineFailure>

    fileprivate init(changes: AsyncStream<Void>, channel: any Channel, failure: FirstError<EngineFailure>) {
        self.changes = changes
        self.channel = channel
        self.failure = failure
    }

    func close() { channel.close(promise: nil) }

    /// Why the stream ended.
    var endReason: EngineFailure { failure.value ?? EngineFailure(.unreachable, "the event stream was closed") }
}

extension EngineClient {
    /// Opens the engine's event stream. Returns when the engine has responded, or throws within the time limit.
    ///
    /// moby responds a moment before it subscribes (`getEvents` flushes the headers first), so a refresh immediately after
    /// this can miss a change in between: ``RefreshSchedule`` makes a second one.
    ///
    /// - Parameter count: called with the number of events that matter, before they appear in the stream.
    func events(
        version: APIVersion?, count: @escaping @Sendable (Int) -> Void
    ) async throws(EngineFailure) -> EngineEventStream {
        let loop = group.next()
        let opened = loop.makePromise(of: Void.self)
        // One element is as good as many: each asks for one refresh.
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let failure = FirstError<EngineFailure>()
        let head = Self.head(.events, version: version)
        let late = timeoutFailure(.events)
        let deadline = loop.scheduleTask(in: timeout) { opened.fail(late) }
        opened.futureResult.whenComplete { _ in deadline.cancel() }
        do {
            let channel = try await connect(sending: head) { [address] channel in
                let handler = EngineEventsHandler(
                    address: "\(address)", opened: opened, changes: continuation, failure: failure, count: count)
                try channel.pipeline.syncOperations.addHandler(handler)
            }.get()
            opened.futureResult.whenFailure { _ in channel.close(promise: nil) }
            try await opened.futureResult.get()
            return EngineEventStream(changes: changes, channel: channel, failure: failure)
        } catch {
            let reason = engineFailure(error)
            opened.fail(reason)
            throw reason
        }
    }
}

/// Receives an event stream and signals changes.
final class EngineEventsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let address: String
    private let opened: EventLoopPromise<Void>
    private let changes: AsyncStream<Void>.Continuation
    private let failure: FirstError<EngineFailure>
    private let count: @Sendable (Int) -> Void
    private var parser = EngineEventParser()

    /// - Parameters:
    ///   - opened: succeeds when the engine has responded; no change is signalled before.
    ///   - count: called with the number of events that matter.
    init(
        address: String, opened: EventLoopPromise<Void>,
        changes: AsyncStream<Void>.Continuation, failure: FirstError<EngineFailure>,
        count: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        self.opened = opened
        self.changes = changes
        self.failure = failure
        self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status == .ok else {
                end(.status(.events, Int(head.status.code), address: address), context)
                return
            }
            opened.succeed()
        case .body(let part):
            do throws(EngineFailure) {
                let events = try parser.countEvents(in: Array(part.readableBytesView))
                guard events > 0 else { return }
                count(events)
                changes.yield()
            } catch {
                end(error, context)
            }
        case .end:
            end(EngineFailure(.unreachable, "the engine at \(address) ended its event stream"), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(EngineFailure(.unreachable, "the engine at \(address) closed its event stream"), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(
            EngineFailure.isSecurity(error)
                ? .transport(error, "following the engine at \(address)") : .garbage(.events, "\(error)"), context)
    }

    /// Without effect the second time.
    private func end(_ reason: EngineFailure, _ context: ChannelHandlerContext) {
        failure.set(reason)
        opened.fail(reason)
        changes.finish()
        context.close(promise: nil)
    }
}

/// The open event streams by engine, with each engine's handshake: as long as its stream is open, the engine is the same.
final class EngineEventStreams: Sendable {
    private struct OpenStream {
        var number: Int
        var stream: EngineEventStream
        var handshake: EngineSession.Handshake?
    }

    private struct State {
        var lastNumber = 0
        var byAddress: [String: OpenStream] = [:]
    }

    private let state = Mutex(State())

    func opened(_ stream: EngineEventStream, address: String) {
        state.withLock { state in
            state.lastNumber += 1
            state.byAddress[address] = OpenStream(number: state.lastNumber, stream: stream)
        }
    }

    func ended(address: String) {
        state.withLock { _ = $0.byAddress.removeValue(forKey: address) }
    }

    /// Closes the streams of engines that are no longer in use.
    ///
    /// - Returns: true if all these engines have an open stream.
    func retain(_ addresses: [String]) -> Bool {
        let (isComplete, others) = state.withLock { state in
            (
                addresses.allSatisfy { state.byAddress[$0] != nil },
                state.byAddress.filter { !addresses.contains($0.key) }.map(\.value.stream)
            )
        }
        for stream in others { stream.close() }
        return isComplete
    }

    /// The handshake that was stored under the open stream.
    ///
    /// - Returns: nil if no stream is open; else the stream's number, for ``store(_:address:number:)``.
    func handshake(address: String) -> (number: Int, handshake: EngineSession.Handshake?)? {
        state.withLock { state in state.byAddress[address].map { ($0.number, $0.handshake) } }
    }

    /// - Parameter number: the number of the stream that was open when the scan began.
    func store(_ handshake: EngineSession.Handshake?, address: String, number: Int) {
        state.withLock { state in
            if state.byAddress[address]?.number == number { state.byAddress[address]?.handshake = handshake }
        }
    }
}
