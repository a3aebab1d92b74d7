import Foundation
import Logging
import Support
import Testing

@testable import EndToEndFixtures
@testable import Ledger
@testable import Operations
@testable import Service
@testable import Verdict

@Suite("Service, the health of its records", .timeLimit(.minutes(1)))
struct RecordingHealthTests {
    @Test("A service that cannot record changes of hosts is not ready, although its ledger has room for a row")
    func notReady() async throws {
        let folder = try TemporaryFolder()
        let service = DeployedService("canvas", in: .standard)
        // A ledger that is locked stands for one without space for as many rows.
        let locked = try await Ledger.open(
            path: folder.path("locked.db"), options: .init(busyTimeout: .milliseconds(50)))
        let healthy = try await Ledger.open(path: folder.path("ledger.db"))
        let recorder = ChangeRecorder(
            ledger: locked, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let board = FleetBoard(of: service, changes: ChangeSignal(), recorder: recorder)
        let fleet = StandingFleet(deployed: service, policy: Policy(), interval: .seconds(15)) {
            throw CancellationError()
        }
        let model = ServiceModel(
            ledger: healthy, entries: [.init(fleet: fleet, board: board, tag: nil)],
            access: AccessControl(), publicURL: nil)
        #expect(await model.obstacles() == [])
        let lock = try LedgerLock(folder.path("locked.db"))
        let running = Task { await recorder.run() }
        recorder.add(
            StandingChange(service: service, host: "a", at: "2026-11-29T12:00:00.000Z", status: .failed, finding: "f"))
        try await eventually("the service says so") {
            await model.obstacles().contains { $0.hasPrefix("the changes of hosts are not recorded: the ledger") }
        }
        try lock.release()
        try await eventually("it is ready again") { await model.obstacles() == [] }
        running.cancel()
        await running.value
        try await locked.close()
        try await healthy.close()
    }
}
