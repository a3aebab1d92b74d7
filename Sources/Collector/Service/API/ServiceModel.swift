import CollectorSupport
import Foundation
import Ledger
import Operations
import Reports
import Shared
import Synchronization
import Verdict

/// What routes and pages read: the boards of the fleets, the ledger, and who may ask.
///
/// Every route gets its data from here, and pages do, too, so that they agree.
final class ServiceModel: Sendable {
    /// A fleet and what is known of it.
    struct Entry: Sendable {
        let fleet: StandingFleet
        let board: FleetBoard
        /// nil if no tag is watched.
        let tag: TagBoard?
    }

    private struct State {
        var entries: [Entry]
        var access: AccessControl
        var publicURL: String?
    }

    let ledger: Ledger
    /// The numbers of events, in pages and in the stream.
    let sequence = EventSequence()
    let startedAt = ContinuousClock.now
    private let state: Mutex<State>
    let refusals = RefusalCounters()
    private let ledgerHealth = LedgerHealth()

    init(ledger: Ledger, entries: [Entry], access: AccessControl, publicURL: String?) {
        self.ledger = ledger
        state = Mutex(State(entries: entries, access: access, publicURL: publicURL))
    }

    /// In the order of the configuration.
    var entries: [Entry] { state.withLock(\.entries) }
    var access: AccessControl { state.withLock(\.access) }
    var publicURL: String? { state.withLock(\.publicURL) }

    /// Takes over a new configuration.
    func replace(entries: [Entry], access: AccessControl, publicURL: String?) {
        state.withLock { $0 = State(entries: entries, access: access, publicURL: publicURL) }
    }

    /// - Throws: ``Problem`` if no such fleet is configured.
    func entry(service: String, environment: String) throws(Problem) -> Entry {
        let entries = entries
        let found = entries.first {
            $0.fleet.deployed.name == service && $0.fleet.deployed.environment.description == environment
        }
        guard let found else {
            let known = entries.map { "\($0.fleet.deployed.name)/\($0.fleet.deployed.environment)" }
            throw .notFound(
                "no fleet '\(service)/\(environment)' is configured",
                remedy: "use one of \(known.listed(limit: 5)), or add it to the service's configuration")
        }
        return found
    }

    /// The reasons that the service is not ready; none if it is.
    func obstacles(at now: ContinuousClock.Instant = .now) async -> [String] {
        var obstacles = [await ledgerHealth.problem(of: ledger)].compactMap { $0 }
        if obstacles.isEmpty, let problem = entries.first?.board.recorder?.problem {
            obstacles.append("the changes of hosts are not recorded: \(problem)")
        }
        for entry in entries {
            let snapshot = entry.board.snapshot
            guard !snapshot.isFresh(at: now), !snapshot.hosts.isEmpty else { continue }
            let problem = snapshot.problem.map { ": \($0)" } ?? ""
            obstacles.append(
                snapshot.isKept(snapshot.roundAt, at: now)
                    ? "no host of \(entry.fleet.deployed) answers\(problem)"
                    : "not all hosts of \(entry.fleet.deployed) were asked in the last \(snapshot.freshness.brief)\(problem)"
            )
        }
        return obstacles
    }
}

/// Whether the ledger can be read and written, looked at every few seconds at most.
private final class LedgerHealth: Sendable {
    private struct Look {
        var at: ContinuousClock.Instant
        var problem: String?
    }

    private let last = Mutex<Look?>(nil)
    private static let interval = Duration.seconds(5)

    func problem(of ledger: Ledger) async -> String? {
        if let last = last.withLock({ $0 }), ContinuousClock.now - last.at < Self.interval { return last.problem }
        var look = Look(at: .now)
        do {
            try await ledger.probe()
        } catch {
            look.problem = "the ledger is not usable: \(error.serviceText)"
        }
        last.withLock { $0 = look }
        return look.problem
    }
}
