import CollectorSupport
import Foundation
import Logging
import NIOCore
import Operations
import Reports
import Shared
import Verdict

/// Tells every client of `GET /api/v1/events` what changed, in batches of half a second.
///
/// An event has the whole state of its fleet or verification. To resume after a number, a client gets the present state of
/// whatever changed since: no event is kept, and resuming equals a fresh load. While nobody listens, nothing is done.
actor EventHub {
    /// What was last sent of a fleet.
    private struct FleetRecord {
        var mark: FleetMark
        /// The number of its last event.
        var number: UInt64
    }

    private struct RunRecord {
        let deployed: DeployedService
        /// The number of the verification's last change; nil once it has ended.
        var change: UInt64?
        var number: UInt64
    }

    private let model: ServiceModel
    private let verifications: Verifications
    private let logger: Logger
    private var fleets: [DeployedService: FleetRecord] = [:]
    private var listed: [DeployedService] = []
    /// The number at which the list of fleets was another one, or at which nobody listened.
    private var listedAt: UInt64
    private var runs: [String: RunRecord] = [:]
    private var clients: [EventClient] = []
    private var turnedAt: ContinuousClock.Instant?
    private var beatAt = ContinuousClock.now
    private var isOver = false
    private var wake: CheckedContinuation<Void, Never>?

    private static let interval = Duration.milliseconds(500)
    /// Three of them fit into the 15 s after which a page is out of date.
    private static let beat = Duration.seconds(5)
    private static let clientLimit = 1_000
    private static let namesLimit = 200
    private static let runsLimit = 200

    init(model: ServiceModel, verifications: Verifications, logger: Logger) {
        self.model = model
        self.verifications = verifications
        self.logger = logger
        listedAt = model.sequence.first
    }

    // MARK: - Clients

    /// Adds a client, which gets the present state first.
    ///
    /// - Parameter number: of the last event that the client has; nil for none.
    /// - Returns: nil if there are too many, or the service ends.
    func add(after number: UInt64?, close: @escaping @Sendable () -> Void) -> EventClient? {
        guard hasRoom else { return nil }
        let now = ContinuousClock.now
        if turnedAt.map({ now - $0 >= Self.interval }) ?? true { turn(at: now) }
        // Changes while nobody listened were not noticed, so that no stream can go on from before.
        if clients.isEmpty { listedAt = model.sequence.next() }
        let client = EventClient(close: close)
        do {
            for event in try welcome(after: number) { client.send(event, else: Self.reload) }
        } catch {
            logger.error("Events cannot be written", metadata: ["error": "\(error)"])
            return nil
        }
        clients.append(client)
        wake?.resume()
        wake = nil
        return client
    }

    var hasRoom: Bool { !isOver && clients.count { !$0.hasLeft } < Self.clientLimit }

    private func welcome(after number: UInt64?) throws -> [ByteBuffer] {
        let alive = try EventText.alive(at: Date())
        guard let number else { return [try snapshot(), alive] }
        guard number >= model.sequence.first, number <= model.sequence.number else {
            let event = try EventText.event(.reload, ReloadBody(reason: "the service was restarted"))
            return [event, try snapshot(), alive]
        }
        guard number >= listedAt else { return [try snapshot(), alive] }
        var events: [(number: UInt64, text: ByteBuffer)] = []
        let wall = Date()
        for entry in model.entries {
            guard let record = fleets[entry.fleet.deployed], record.number > number else { continue }
            let body = body(of: entry, changed: nil, at: .now, wall)
            events.append((record.number, try EventText.event(.fleet, number: record.number, body)))
        }
        for (id, run) in runs where run.number > number {
            let body = VerificationEventBody(id: id, of: run.deployed, isRunning: run.change != nil)
            events.append((run.number, try EventText.event(.verification, number: run.number, body)))
        }
        return events.sorted { $0.number < $1.number }.map(\.text) + [alive]
    }

    private func snapshot() throws -> ByteBuffer {
        let (now, wall) = (ContinuousClock.now, Date())
        let number = model.sequence.number
        let bodies = model.entries.map { body(of: $0, changed: nil, at: now, wall) }
        let under = runs.filter { $0.value.change != nil }
            .map { VerificationEventBody(id: $0.key, of: $0.value.deployed, isRunning: true) }.sorted { $0.id < $1.id }
        return try EventText.event(.snapshot, number: number, SnapshotBody(fleets: bodies, verifications: under))
    }

    private func body(
        of entry: ServiceModel.Entry, changed: [String]?, at now: ContinuousClock.Instant, _ wall: Date
    ) -> FleetEventBody {
        FleetEventBody(
            fleet: FleetBody(entry.board.snapshot, entry.tag?.snapshot, at: now, wall: wall),
            deployed: entry.fleet.deployed,
            changed: changed)
    }

    private static let reload = EventText.event(.reload, json: #"{"reason":"the client was too slow"}"#.utf8)

    // MARK: - Turns

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            clients.removeAll(where: \.hasLeft)
            if clients.isEmpty {
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in
                        if Task.isCancelled || !clients.isEmpty { continuation.resume() } else { wake = continuation }
                    }
                } onCancel: {
                    Task { await self.awaken() }
                }
                continue
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
            turn(at: .now)
        }
    }

    private func awaken() {
        wake?.resume()
        wake = nil
    }

    /// Compares everything with what was last sent, and sends what changed.
    private func turn(at now: ContinuousClock.Instant) {
        turnedAt = now
        let wall = Date()
        do {
            let entries = model.entries
            try take(entries.map(\.fleet.deployed))
            for entry in entries { try take(entry, at: now, wall) }
            try takeVerifications()
            if now - beatAt >= Self.beat {
                beatAt = now
                send(try EventText.alive(at: wall))
            }
        } catch {
            // Without the sign of life, pages turn grey.
            logger.error("Events cannot be written", metadata: ["error": "\(error)"])
        }
        for client in clients { client.check(at: now) }
    }

    private func send(_ event: ByteBuffer) {
        for client in clients { client.send(event, else: Self.reload) }
    }

    /// Another list of fleets is sent as a whole.
    private func take(_ deployed: [DeployedService]) throws {
        guard deployed != listed else { return }
        listed = deployed
        let known = Set(deployed)
        fleets = fleets.filter { known.contains($0.key) }
        listedAt = model.sequence.next()
        send(try snapshot())
    }

    private func take(_ entry: ServiceModel.Entry, at now: ContinuousClock.Instant, _ wall: Date) throws {
        let deployed = entry.fleet.deployed
        let snapshot = entry.board.snapshot
        let mark = FleetMark(snapshot, entry.tag?.snapshot, at: now)
        let known = fleets[deployed]
        guard known?.mark != mark else { return }
        let number = model.sequence.next()
        fleets[deployed] = FleetRecord(mark: mark, number: number)
        let changed = known.flatMap { mark.changes(since: $0.mark, in: snapshot, limit: Self.namesLimit) }
        send(try EventText.event(.fleet, number: number, body(of: entry, changed: changed, at: now, wall)))
    }

    private func takeVerifications() throws {
        let running = verifications.underWay
        for (id, run) in running {
            run.monitor.watch()
            let change = run.monitor.changes.number
            guard runs[id]?.change != change else { continue }
            try note(id, RunRecord(deployed: run.deployed, change: change, number: model.sequence.next()))
        }
        for (id, run) in runs where run.change != nil && running[id] == nil {
            try note(id, RunRecord(deployed: run.deployed, change: nil, number: model.sequence.next()))
        }
        guard runs.count > Self.runsLimit else { return }
        let old = runs.filter { $0.value.change == nil }.sorted { $0.value.number < $1.value.number }
        for (id, run) in old.prefix(runs.count - Self.runsLimit) {
            runs[id] = nil
            // A client that knows less than this gets a snapshot.
            listedAt = max(listedAt, run.number)
        }
    }

    private func note(_ id: String, _ run: RunRecord) throws {
        runs[id] = run
        let body = VerificationEventBody(id: id, of: run.deployed, isRunning: run.change != nil)
        send(try EventText.event(.verification, number: run.number, body))
    }

    // MARK: - End

    /// Ends every stream. Clients come back at different times.
    ///
    /// - Parameter isLast: true if the service ends.
    func disconnect(isLast: Bool) {
        if isLast { isOver = true }
        for client in clients {
            let end = EventText.event(.shutdown, retry: .random(in: 1_000...6_000), json: "{}".utf8)
            client.send(end, isLast: true, else: Self.reload)
        }
    }
}

/// What can be seen of a fleet at a moment: two equal marks show the same.
///
/// Statuses can become unknown without a change on the board, by their age alone.
struct FleetMark: Equatable {
    private struct HostMark: Equatable {
        let status: HostStatus?
        let number: UInt64
    }

    private let hosts: [HostMark]
    private let isFresh: Bool
    private let target: Target?
    private let promotedAt: String?
    private let problem: String?
    private let tag: TagMark?

    init(_ snapshot: FleetSnapshot, _ tag: TagSnapshot?, at now: ContinuousClock.Instant) {
        hosts = snapshot.hosts.map { HostMark(status: snapshot.status($0, at: now), number: $0.number) }
        isFresh = snapshot.isFresh(at: now)
        (target, promotedAt, problem) = (snapshot.target, snapshot.promotedAt, snapshot.problem)
        self.tag = tag.map { TagMark($0, in: snapshot, at: now) }
    }

    /// The names of the hosts that differ.
    ///
    /// - Returns: nil if there are more, or the list of hosts differs.
    func changes(since earlier: FleetMark, in snapshot: FleetSnapshot, limit: Int) -> [String]? {
        guard hosts.count == earlier.hosts.count, target == earlier.target else { return nil }
        var names: [String] = []
        for (index, host) in hosts.enumerated() where host != earlier.hosts[index] {
            guard names.count < limit else { return nil }
            names.append(snapshot.hosts[index].name)
        }
        return names
    }
}

/// What can be seen of a fleet's watched tag at a moment. The findings about hosts follow from the hosts.
private struct TagMark: Equatable {
    private let state: TagSnapshot.State
    private let build: Drift.Build?
    private let findings: [Drift.Finding]
    private let unpromoted: Int?
    private let problem: String?

    init(_ snapshot: TagSnapshot, in fleet: FleetSnapshot, at now: ContinuousClock.Instant) {
        // Its age alone makes a tag unknown.
        state = snapshot.state(in: fleet, [], at: now)
        (build, findings) = (snapshot.build, snapshot.findings)
        (unpromoted, problem) = (snapshot.unpromoted, snapshot.problem)
    }
}
