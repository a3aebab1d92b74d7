package import Inventory
import Synchronization
package import Transfer

/// The transfers of one session: clients of its own, or a share in a ``TransferPool``.
struct SessionTransfers: Sendable {
    /// The most requests in progress at once.
    let concurrency: Int
    /// Batches of finished requests, one stream for each client, each for one reader.
    let completions: [AsyncStream<[TransferCompletion]>]
    let submit: @Sendable ([TransferRequest]) -> Void
    /// Begins to close the session's own connections; shared ones stay.
    let stop: @Sendable () -> Void

    /// The transfers of a session that has these clients for itself.
    ///
    /// - Parameter endsProcess: true to leave the connections to the end of the process.
    init(_ clients: [TransferClient], endsProcess: Bool = false) {
        concurrency = clients.reduce(0) { $0 + $1.concurrency }
        completions = clients.map(\.completions)
        submit = { requests in
            for client in clients {
                client.submit(clients.count == 1 ? requests : requests.filter { client.serves(lane: $0.lane) })
            }
        }
        stop = { for client in clients { if endsProcess { client.abandon() } else { client.stop() } } }
    }

    init(
        concurrency: Int, completions: [AsyncStream<[TransferCompletion]>],
        submit: @escaping @Sendable ([TransferRequest]) -> Void
    ) {
        self.concurrency = concurrency
        self.completions = completions
        self.submit = submit
        stop = {}
    }
}

/// The transfer clients of a process that many sessions share: standing checks and verifications at the same time.
///
/// A session sends requests with ids and lanes of its own. The pool moves both into ranges that no other session uses, and
/// gives each session its own answers.
package final class TransferPool: Sendable {
    /// The hosts of one fleet in the pool. Sessions of one fleet share their hosts' kept connections.
    package struct Lanes: Sendable {
        fileprivate let first: Int
        /// The number of hosts that they have room for.
        package let count: Int
    }

    private struct State {
        var lanes = 0
        var released: [Lanes] = []
        var lastSession: UInt64 = 0
        var sessions: [UInt64: Session] = [:]
    }

    private struct Session {
        let lanes: Lanes
        let streams: [AsyncStream<[TransferCompletion]>.Continuation]
        /// The requests in progress, by their ids in the pool.
        var pending: Set<UInt64> = []
    }

    private let clients: [TransferClient]
    private let hosts: Int
    private let state = Mutex(State())

    /// The bits of an id in the pool that are the session's own. No session sends a trillion requests.
    private static let idBits: UInt64 = 40

    /// - Parameter fleets: every fleet that is asked at once, which decides how many clients there are.
    package convenience init(for fleets: [Inventory]) throws(TransferClientError) {
        let hosts = fleets.flatMap(\.hosts)
        // Every host holds a request, and may be asked by a verification at the same time.
        let concurrency = max(TransferLimits.defaultConcurrency, 3 * hosts.count)
        self.init(
            try TransferClients(hosts: hosts, concurrency: concurrency, keepsConnections: true).all,
            hosts: hosts.count)
    }

    /// - Parameter hosts: the number of hosts of all fleets.
    init(_ clients: [TransferClient], hosts: Int) {
        self.clients = clients
        self.hosts = max(1, hosts)
        for (place, client) in clients.enumerated() {
            // Ends with the client.
            Task { [weak self] in
                for await batch in client.completions { self?.deliver(batch, from: place) }
            }
        }
    }

    package func shutdown() async {
        for client in clients { await client.shutdown() }
        let sessions = state.withLock { state in
            defer { state.sessions = [:] }
            return state.sessions.values
        }
        for session in sessions { session.streams.forEach { $0.finish() } }
    }

    /// Reserves lanes for a fleet, until they are released.
    package func lanes(for hosts: Int) -> Lanes {
        state.withLock { state in
            // Low numbers first: the highest lanes keep no connections.
            if let index = state.released.firstIndex(where: { $0.count >= hosts }) {
                return state.released.remove(at: index)
            }
            defer { state.lanes += hosts }
            return Lanes(first: state.lanes, count: hosts)
        }
    }

    /// Gives back the lanes of a fleet that has no more sessions.
    package func release(_ lanes: Lanes) {
        state.withLock { state in
            state.released.append(lanes)
            state.released.sort { $0.first < $1.first }
        }
    }

    /// Runs a session on the pool's clients, and cancels what it leaves in progress.
    func withTransfers<Result: Sendable>(
        on lanes: Lanes, _ use: (SessionTransfers) async throws -> Result
    ) async rethrows -> Result {
        let opened = clients.map { _ in AsyncStream.makeStream(of: [TransferCompletion].self) }
        let (number, share) = state.withLock { state in
            state.lastSession += 1
            state.sessions[state.lastSession] = Session(lanes: lanes, streams: opened.map(\.continuation))
            // The fleet's share, and room for a few hosts at least. Verifications do not lessen it: what a standing check may
            // hold must not depend on how many run when its session begins.
            let all = clients.reduce(0) { $0 + $1.concurrency }
            return (state.lastSession, max(8, min(all, all * max(1, lanes.count) / hosts)))
        }
        defer { end(number) }
        return try await use(
            SessionTransfers(concurrency: share, completions: opened.map(\.stream)) { [self] requests in
                submit(requests, of: number)
            })
    }

    private func submit(_ requests: [TransferRequest], of number: UInt64) {
        guard !requests.isEmpty else { return }
        let moved: [TransferRequest] = state.withLock { state in
            guard let lanes = state.sessions[number]?.lanes else { return [] }
            return requests.map { request in
                var request = request
                request.id |= number << Self.idBits
                request.lane += lanes.first
                state.sessions[number]?.pending.insert(request.id)
                return request
            }
        }
        for client in clients {
            client.submit(clients.count == 1 ? moved : moved.filter { client.serves(lane: $0.lane) })
        }
    }

    private func deliver(_ batch: [TransferCompletion], from client: Int) {
        let parts = state.withLock { state in
            var parts: [UInt64: [TransferCompletion]] = [:]
            for var completion in batch {
                let number = completion.id >> Self.idBits
                guard let session = state.sessions[number] else { continue }
                state.sessions[number]?.pending.remove(completion.id)
                completion.id &= 1 << Self.idBits - 1
                completion.lane -= session.lanes.first
                parts[number, default: []].append(completion)
            }
            return parts.compactMap { number, part in state.sessions[number].map { ($0.streams[client], part) } }
        }
        for (stream, part) in parts { stream.yield(part) }
    }

    private func end(_ number: UInt64) {
        guard let session = state.withLock({ $0.sessions.removeValue(forKey: number) }) else { return }
        for client in clients { client.cancel(ids: session.pending) }
        session.streams.forEach { $0.finish() }
    }
}
