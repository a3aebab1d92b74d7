import Inventory
import Ledger
import Logging
import Operations
import Shared
import Verdict

/// The standing checks of the configured fleets, each in a task of its own.
actor FleetChecks {
    private struct Running {
        let configured: ServiceConfiguration.Fleet
        let access: HostCredentials
        let entry: ServiceModel.Entry
        let task: Task<Void, Never>
    }

    private let ledger: Ledger
    private let pool: TransferPool
    private let changes: ChangeSignal
    private let folders = FolderWatch()
    private let recorder: ChangeRecorder
    private let recording: Task<Void, Never>
    private let logger: Logger
    private var running: [DeployedService: Running] = [:]

    init(ledger: Ledger, pool: TransferPool, changes: ChangeSignal, logger: Logger) {
        self.ledger = ledger
        self.pool = pool
        self.changes = changes
        self.logger = logger
        let recorder = ChangeRecorder(ledger: ledger, logger: logger)
        self.recorder = recorder
        recording = Task { await recorder.run() }
    }

    /// Runs the checks of these fleets and no others. A fleet whose configuration and credentials did not change goes on
    /// undisturbed.
    ///
    /// - Returns: the fleets with their boards, in their order.
    func run(_ fleets: [ServiceSetup.Fleet]) async -> [ServiceModel.Entry] {
        await end(
            running.filter { deployed, old in
                let next = fleets.first { $0.configured.deployed == deployed }
                return next.map { !$0.configured.isSame(as: old.configured) || $0.access != old.access } ?? true
            })
        // All lanes first: a session's share of the requests depends on them.
        let starting = fleets.filter { running[$0.configured.deployed] == nil }
            .map { ($0, pool.lanes(for: $0.inventory.hosts.count)) }
        for (fleet, lanes) in starting {
            let board = await board(of: fleet.configured.deployed)
            let watched = fleet.standing.tag
            let tag = watched.map { TagBoard(of: $0.image, interval: $0.interval, changes: changes) }
            let check = StandingCheck(
                of: fleet.standing, ledger: ledger, pool: pool, board: board, tag: tag, folders: folders,
                logger: logger)
            let tagCheck = watched.flatMap { watched in
                tag.map {
                    TagCheck(of: fleet.configured.deployed, tag: watched, ledger: ledger, board: $0, logger: logger)
                }
            }
            running[fleet.configured.deployed] = Running(
                configured: fleet.configured, access: fleet.access,
                entry: .init(fleet: fleet.standing, board: board, tag: tag),
                task: Task {
                    async let watch: Void? = tagCheck?.run()
                    await check.run(fleet.inventory, fleet.access, on: lanes)
                    _ = await watch
                })
        }
        return fleets.compactMap { running[$0.configured.deployed]?.entry }
    }

    /// A board that goes on with what is known of the hosts' changes.
    private func board(of service: DeployedService) async -> FleetBoard {
        if let earlier = recorder.board(of: service) { return FleetBoard(after: earlier) }
        var record = StandingRecord()
        do {
            record = try await ledger.standingRecord(of: service)
        } catch {
            logger.warning(
                "Cannot read the earlier changes of hosts",
                metadata: ["fleet": "\(service)", "reason": "\(Sanitizer.singleLine("\(error)"))"])
        }
        return FleetBoard(of: service, changes: changes, recorder: recorder, after: record)
    }

    /// Records until when hosts were seen as they are.
    func noteSeen() async { await recorder.noteSeen() }

    func stop() async {
        await end(running)
        recording.cancel()
        await recording.value
    }

    /// Ends checks, all at once.
    private func end(_ checks: [DeployedService: Running]) async {
        for check in checks.values { check.task.cancel() }
        for (deployed, check) in checks {
            await check.task.value
            running[deployed] = nil
        }
    }
}

extension ServiceConfiguration.Fleet {
    /// True if nothing but its place in the file differs.
    fileprivate func isSame(as other: Self) -> Bool {
        deployed == other.deployed && inventory.value == other.inventory.value && policy == other.policy
            && inventoryCheck == other.inventoryCheck
            && interval == other.interval && credentials.paths == other.credentials.paths
            && image?.value == other.image?.value && imageCheck.isSame(as: other.imageCheck)
    }
}

extension ServiceConfiguration.ImageCheck {
    fileprivate func isSame(as other: Self) -> Bool {
        interval == other.interval && candidates == other.candidates && authFile?.value == other.authFile?.value
            && ca?.value == other.ca?.value && usesPlainHTTP == other.usesPlainHTTP
    }
}

extension CredentialPaths {
    fileprivate var paths: [String?] { [tokenFile?.path, ca?.path, cert?.path, key?.path] }
}
