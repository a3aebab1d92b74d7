import FoundationEssentials
import Glibc
import Inventory
import Ledger
import Logging
import Operations
import Reports
import Shared
import Verdict

/// One case from its made-up fleet to what `verify` says of it: the same code path, with real requests.
struct DrillRun: Sendable {
    let drilled: DrillCase
    /// Its own; what is in it is only there while the drill runs.
    let folder: String
    /// Where the made-up hosts listen.
    let address: String

    /// - Throws: where the drill itself cannot go on. Whatever the gate does wrong is an outcome.
    func outcome() async throws(DrillError) -> DrillOutcome {
        let clock = ContinuousClock()
        let start = clock.now
        let fleet = try await DrillFleet(starting: drilled.hosts, address: address)
        let ending: DrillOutcome.Ending
        do {
            ending = .judged(try await judgement(of: fleet))
        } catch {
            ending = .broken(Sanitizer.singleLine("\(error)"))
        }
        await fleet.stop()
        return DrillOutcome(ending: ending, duration: clock.now - start)
    }

    private func judgement(of fleet: DrillFleet) async throws -> DrillJudgement {
        guard drilled.circumstance.needsLedger else { return try await judgement(of: fleet, ledger: nil) }
        let ledger = try await Ledger.open(path: "\(folder)/ledger.db")
        let judgement = try await judgement(of: fleet, ledger: ledger)
        try await ledger.close()
        return judgement
    }

    private func judgement(of fleet: DrillFleet, ledger: Ledger?) async throws -> DrillJudgement {
        let isShrunk = drilled.circumstance == .shrunkInventory
        if isShrunk {
            let before = try await verify(fleet.inventory(file: "\(folder)/before.json"), ledger: ledger)
            guard before.exitCode == 0 else {
                throw DrillCaseError(description: "the fleet was not green before it shrank: \(before.reason)")
            }
        }
        let inventory = try fleet.inventory(of: isShrunk ? 1 : nil, file: "\(folder)/fleet.json")
        return try await withThrowingTaskGroup(of: DrillJudgement?.self) { group in
            group.addTask { try await verify(inventory, ledger: ledger) }
            group.addTask {
                try await meddle(fleet, inventory, ledger)
                return nil
            }
            while let ended = try await group.next() {
                guard let judgement = ended else { continue }
                group.cancelAll()
                return judgement
            }
            throw DrillCaseError(description: "the verification never ended")
        }
    }

    /// What `buildinfo-collector verify` does once its flags are read, with nothing of the user's environment.
    private func verify(_ inventory: Inventory, ledger: Ledger?) async throws -> DrillJudgement {
        let path = "\(folder)/report.json"
        let run = VerificationRun(
            target: drilled.target, inventory: inventory, policy: drilled.policy, check: InventoryCheck(),
            access: HostCredentials(), ledger: ledger, destinations: try [ReportDestination](opening: ["json=\(path)"]),
            progress: .none, environment: [:],
            logger: Logger(label: "drill") { _ in SwiftLogNoOpLogHandler() })
        let exitCode = try await run.run().exitCode
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(filePath: path)))
        return DrillJudgement(exitCode: exitCode, report: report, faultyName: drilled.hosts.last?.name)
    }

    /// What happens beside the verification, once it has begun to ask.
    private func meddle(_ fleet: DrillFleet, _ inventory: Inventory, _ ledger: Ledger?) async throws {
        switch drilled.circumstance {
        case .none, .shrunkInventory: break
        case .newerPromotion:
            try await untilAsked(fleet)
            let now = Date()
            _ = try await ledger?.begin(
                VerificationRecord(
                    id: RunID.make(at: now), startedAt: now, target: DrillBuild.newer.target, policy: drilled.policy,
                    inventory: inventory))
        case .signal(let number):
            try await untilAsked(fleet)
            // Again and again until it ends: the first one may come before it listens.
            while !Task.isCancelled {
                kill(getpid(), number)
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func untilAsked(_ fleet: DrillFleet) async throws {
        while fleet.requests == 0 { try await Task.sleep(for: .milliseconds(10)) }
    }
}

/// Why a case came to no verdict, where no part of the gate says so itself.
struct DrillCaseError: Error, CustomStringConvertible {
    let description: String
}
