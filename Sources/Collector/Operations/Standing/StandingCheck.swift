import CollectorSupport
import Foundation
package import Inventory
package import Ledger
package import Logging
import Shared
package import Verdict

/// One fleet as a service knows it: who is expected, how they are asked, and what a verification of it may tolerate.
package struct StandingFleet: Sendable {
    package var deployed: DeployedService
    /// The policy of the fleet's verifications. The standing check has its soak and its rules of failure.
    package var policy: Policy
    /// What the inventory of a verification must hold.
    package var inventoryCheck: InventoryCheck
    /// How often each host is asked while nothing is under way.
    package var interval: Duration
    /// nil if no tag is watched.
    package var tag: WatchedTag?
    /// Reads the inventory and the credentials.
    package var load: @Sendable () async throws -> (Inventory, HostCredentials)

    package init(
        deployed: DeployedService, policy: Policy, inventoryCheck: InventoryCheck = InventoryCheck(),
        interval: Duration, tag: WatchedTag? = nil,
        load: @escaping @Sendable () async throws -> (Inventory, HostCredentials)
    ) {
        self.deployed = deployed
        self.policy = policy
        self.inventoryCheck = inventoryCheck
        self.interval = interval
        self.tag = tag
        self.load = load
    }
}

/// Asks the hosts of a fleet for as long as the process runs, and compares them with the last promotion.
///
/// It proves hosts by the rules of every verification, and ends no pipeline. Its board records what changes. A
/// change of the inventory or of
/// the ledger's promotions begins a new session.
package struct StandingCheck: Sendable {
    private let fleet: StandingFleet
    private let ledger: Ledger
    private let pool: TransferPool
    private let board: FleetBoard
    private let tag: TagBoard?
    private let folders: FolderWatch
    private let logger: Logger

    /// The wait before something that failed is tried again.
    private static let pause = Duration.seconds(1)

    /// - Parameter tag: of the fleet; read again when a session begins.
    package init(
        of fleet: StandingFleet, ledger: Ledger, pool: TransferPool, board: FleetBoard, tag: TagBoard? = nil,
        folders: FolderWatch,
        logger: Logger
    ) {
        self.fleet = fleet
        self.ledger = ledger
        self.pool = pool
        self.board = board
        self.tag = tag
        self.folders = folders
        self.logger = logger
    }

    /// Runs until the task is cancelled.
    ///
    /// - Parameters:
    ///   - inventory: as it was read first, with its credentials.
    ///   - lanes: for the hosts of this inventory.
    package func run(_ inventory: Inventory, _ access: HostCredentials, on lanes: TransferPool.Lanes) async {
        var (inventory, access, lanes) = (inventory, access, lanes)
        defer { pool.release(lanes) }
        let state = WatchState()
        while !Task.isCancelled {
            do {
                try await session(inventory, access, lanes, state)
            } catch {
                note("cannot read the ledger: \(error)", of: .ledger, in: state)
                await Self.rest()
            }
            guard !Task.isCancelled, state.takeInventoryChange() else { continue }
            do {
                (inventory, access) = try await fleet.load()
                note(nil, of: .inventory, in: state)
            } catch {
                // A list that is being written, or is wrong for now, proves nothing about its hosts.
                note("cannot use the changed inventory: \(error)", of: .inventory, in: state)
            }
            guard inventory.hosts.count > lanes.count else { continue }
            pool.release(lanes)
            lanes = pool.lanes(for: inventory.hosts.count)
        }
    }

    private static func rest() async {
        do { try await Task.sleep(for: pause) } catch {}
    }

    private func note(_ problem: String?, of source: WatchState.Source, in state: WatchState) {
        state.note(problem, of: source)
        board.note(state.problem)
        guard let problem else { return }
        logger.warning(
            "Standing check", metadata: ["fleet": "\(fleet.deployed)", "problem": "\(Sanitizer.singleLine(problem))"])
    }

    private func session(
        _ inventory: Inventory, _ access: HostCredentials, _ lanes: TransferPool.Lanes, _ state: WatchState
    ) async throws {
        let promotions = try await ledger.promotions(of: fleet.deployed)
        state.note(nil, of: .ledger)
        board.note(state.problem)
        var policy = fleet.policy
        policy.interval = fleet.interval
        let verification = Verification(
            standing: inventory.hosts, for: target(promotions.last), policy: policy,
            lateFrom: lateFrom(promotions.last), promotions: promotions)
        await pool.withTransfers(on: lanes) { transfers in
            var session = FleetSession(transfers: transfers, noncePrefix: RunID.nonce()) { access[$0] }
            session.holdsConverged = true
            // Answers and watches bring their own turns, once an interval; the others find what is stale, which readers find by
            // themselves.
            session.heartbeat = min(max(policy.interval, .seconds(1)), .seconds(15))
            session.watches = [
                state.inventoryWatch(inventory) { [folders] look in
                    await folders.repeatedly(after: inventory.watch.paths, patience: .seconds(30), look)
                },
                state.promotionWatch(ledger, of: fleet.deployed, known: promotions, limit: 1) { [folders] look in
                    // SQLite's log needs a local file system, which announces every change.
                    await folders.repeatedly(after: [ledger.path], patience: .seconds(120), look)
                },
            ]
            session.isComplete = { _ in state.isSessionOver }
            board.begin(verification, promotion: promotions.last, at: .now)
            // The tag is compared with the new promotion.
            tag?.readNow()
            _ = await session.run(
                verification, observers: [BoardObserver(board: board, state: state)])
        }
    }

    private func target(_ promotion: Promotion?) -> Target {
        Target(
            service: fleet.deployed.name, environment: fleet.deployed.environment, gitSHA: promotion?.gitSHA,
            digest: promotion?.digest, generation: promotion?.generation)
    }

    /// A promotion is young for as long as its verification may take.
    private func lateFrom(_ promotion: Promotion?) -> Duration {
        guard let moment = promotion.flatMap({ Date(rfc3339: $0.at) }) else { return .zero }
        // A clock that was set must not keep a promotion young for longer.
        let age = max(.zero, Duration(clampingSeconds: Date().timeIntervalSince(moment)))
        return max(.zero, fleet.policy.timeout - age)
    }
}

/// Writes what a session finds to a board.
private struct BoardObserver: SessionObserver {
    let board: FleetBoard
    let state: WatchState

    mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {
        var answered: Int?
        if case .sample(let sample) = input {
            board.take(sample.host, of: verification, at: sample.answeredAt, isAnswer: true)
            answered = sample.host
        }
        for case .changed(let host, let transition) in actions where host != answered {
            board.take(host, of: verification, at: transition.at, isAnswer: false)
        }
    }

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        board.note(state.problem)
    }

    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {}
}
