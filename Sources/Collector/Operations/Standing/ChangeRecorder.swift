import CollectorSupport
package import Ledger
package import Logging
import Shared
import Synchronization
package import Verdict

/// Writes what standing checks see of hosts to the ledger, without delaying them or verifications.
///
/// Changes wait for a quarter of a second, so that a fleet that changes at once is a few transactions, with pauses in which
/// others can write. While nothing changes, nothing is written and no timer is set. If the ledger cannot be written, changes wait,
/// the latest of each host, and are written once it can.
package final class ChangeRecorder: Sendable {
    private struct Host: Hashable {
        let service: DeployedService
        let name: String
    }

    private struct Waiting {
        let number: UInt64
        var change: StandingChange
    }

    private struct State {
        /// Each host's changes in their order.
        var waiting: [Host: [Waiting]] = [:]
        /// The hosts with waiting changes, each once, in the order in which they are written.
        var order: [Host] = []
        var lastNumber: UInt64 = 0
        /// Changes that were dropped because the ledger could not be written for too long.
        var dropped = 0
        var boards: [DeployedService: FleetBoard] = [:]
        /// Why the ledger could not be written; nil if it could.
        var problem: String?
    }

    private let state = Mutex(State())
    private let ledger: Ledger
    private let logger: Logger
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// The most changes of one transaction, which takes some tens of milliseconds.
    private static let batch = 2_500
    private static let delay = Duration.milliseconds(250)
    /// Longer than another process waits at most between two attempts to write.
    private static let pause = Duration.milliseconds(120)
    private static let firstRetry = Duration.seconds(1)
    private static let longestRetry = Duration.seconds(60)
    /// The most changes of a host that wait.
    private static let limit = 50

    package init(ledger: Ledger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Why changes are not recorded; nil if they are.
    package var problem: String? { state.withLock(\.problem) }

    /// The changes of a host that the ledger does not have yet, latest first.
    package func waiting(of host: String) -> [StandingChange] {
        let found = state.withLock { state in
            state.waiting.filter { $0.key.name == host }.flatMap(\.value)
        }
        return found.sorted { $0.number > $1.number }.map(\.change)
    }

    /// Takes over a board, in place of an earlier one of its fleet.
    func follow(_ board: FleetBoard, of service: DeployedService) {
        state.withLock { $0.boards[service] = board }
    }

    /// The last board of a fleet in this process.
    package func board(of service: DeployedService) -> FleetBoard? { state.withLock { $0.boards[service] } }

    func add(_ change: StandingChange) {
        state.withLock { state in
            let host = Host(service: change.service, name: change.host)
            state.lastNumber += 1
            var changes = state.waiting[host] ?? []
            if changes.isEmpty { state.order.append(host) }
            changes.append(Waiting(number: state.lastNumber, change: change))
            if changes.count > Self.limit {
                // What came before the dropped change was last seen before it.
                let notBefore = changes.removeFirst().change.notBefore
                changes[0].change.notBefore = notBefore
                state.dropped += 1
            }
            state.waiting[host] = changes
        }
        wake.yield()
    }

    // MARK: - Writing

    /// Writes until the task is cancelled, and then what is left, once.
    package func run() async {
        for await _ in wakes {
            await Self.rest(Self.delay)
            var retry = Self.firstRetry
            while !Task.isCancelled, let batch = next() {
                if await write(batch) {
                    retry = Self.firstRetry
                    if !batch.isLast { await Self.rest(Self.pause) }
                } else {
                    await Self.rest(retry)
                    retry = min(retry * 2, Self.longestRetry)
                }
            }
        }
        while let batch = next(), await write(batch) {}
        await noteSeen()
    }

    /// Records until when every host was seen as its last change says, for the next start.
    package func noteSeen() async {
        let seen = seen()
        guard state.withLock(\.waiting.isEmpty) else { return }
        _ = await write(Batch(changes: [], numbers: [:], seen: seen, isLast: true))
    }

    private static func rest(_ time: Duration) async {
        do { try await Task.sleep(for: time) } catch {}
    }

    private struct Batch {
        var changes: [StandingChange] = []
        /// The number of each host's last change in it.
        var numbers: [Host: UInt64] = [:]
        var seen: [DeployedService: String] = [:]
        /// True if nothing else waits.
        var isLast = true
    }

    /// The times of the fleets. Changes that are older wait, or are written.
    private func seen() -> [DeployedService: String] {
        state.withLock(\.boards).compactMapValues(\.seenUntil)
    }

    /// - Returns: nil if nothing waits.
    private func next() -> Batch? {
        // Before the changes are taken: no host of the fleet may have changed before this time without being among them.
        let seen = seen()
        return state.withLock { state in
            var batch = Batch()
            var services: Set<DeployedService> = []
            for host in state.order {
                guard batch.changes.count < Self.batch else {
                    batch.isLast = false
                    break
                }
                let changes = state.waiting[host] ?? []
                batch.changes += changes.map(\.change)
                batch.numbers[host] = changes.last?.number
                services.insert(host.service)
            }
            if batch.isLast { batch.seen = seen.filter { services.contains($0.key) } }
            return batch.changes.isEmpty ? nil : batch
        }
    }

    private func write(_ batch: Batch) async -> Bool {
        do throws(LedgerError) {
            try await ledger.record(batch.changes, seen: batch.seen)
        } catch {
            let reason = Sanitizer.singleLine("\(error)", limit: 300)
            let isNews = state.withLock { state in
                defer { state.problem = reason }
                return state.problem == nil
            }
            if isNews { logger.warning("Changes of hosts are not recorded", metadata: ["reason": "\(reason)"]) }
            return false
        }
        let recovered: Int? = state.withLock { state in
            for (host, number) in batch.numbers {
                state.waiting[host]?.removeAll { $0.number <= number }
                if state.waiting[host]?.isEmpty == true { state.waiting[host] = nil }
            }
            state.order.removeAll { state.waiting[$0] == nil }
            guard state.problem != nil else { return nil }
            state.problem = nil
            defer { state.dropped = 0 }
            return state.dropped
        }
        if let recovered {
            logger.notice("Changes of hosts are recorded again", metadata: ["dropped": "\(recovered)"])
        }
        return true
    }
}
