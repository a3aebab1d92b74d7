internal import NIOCore
internal import Synchronization

/// The counters and open connections of a ``ScriptedHost``.
final class ScriptedHostCounters: Sendable {
    private struct State {
        var accepted = 0
        var requests = 0
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    var accepted: Int { state.withLock(\.accepted) }
    var requests: Int { state.withLock(\.requests) }
    var open: Int { state.withLock(\.channels.count) }

    func accept(_ channel: any Channel) -> Int {
        let key = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { _ in
            _ = self.state.withLock { $0.channels.removeValue(forKey: key) }
        }
        return state.withLock { state in
            state.channels[key] = channel
            state.accepted += 1
            return state.accepted
        }
    }

    func countRequest() {
        state.withLock { $0.requests += 1 }
    }

    func closeAll() async {
        for channel in state.withLock({ Array($0.channels.values) }) {
            // The connection may be closed already, which is fine.
            try? await channel.close().get()
        }
    }
}
