import Synchronization

/// Which engines' event streams stand now, and what is known of an engine while its stream stands.
final class EngineStreams: Sendable {
    private struct Standing {
        var number: Int
        var stream: EngineEventStream
        var greeting: EngineSession.Greeting?
    }

    private struct State {
        var last = 0
        var byPath: [String: Standing] = [:]
    }

    private let state = Mutex(State())

    func opened(_ stream: EngineEventStream, path: String) {
        state.withLock { state in
            state.last += 1
            state.byPath[path] = Standing(number: state.last, stream: stream)
        }
    }

    func ended(path: String) {
        state.withLock { _ = $0.byPath.removeValue(forKey: path) }
    }

    /// Whether all these have one. Those of other sockets are closed: nobody looks at them any more.
    func cover(_ paths: [String]) -> Bool {
        let (isCovered, others) = state.withLock { state in
            (
                paths.allSatisfy { state.byPath[$0] != nil },
                state.byPath.filter { !paths.contains($0.key) }.map(\.value.stream)
            )
        }
        for stream in others { stream.close() }
        return isCovered
    }

    /// What the engine said of itself in a look that began under this stream: while it stands, the engine is the same.
    ///
    /// - Returns: the stream's number, for ``learn(_:path:number:)``; nil where none stands.
    func greeting(path: String) -> (number: Int, greeting: EngineSession.Greeting?)? {
        state.withLock { state in state.byPath[path].map { ($0.number, $0.greeting) } }
    }

    /// - Parameter number: of the stream that stood when the look began.
    func learn(_ greeting: EngineSession.Greeting?, path: String, number: Int) {
        state.withLock { state in
            if state.byPath[path]?.number == number { state.byPath[path]?.greeting = greeting }
        }
    }
}
