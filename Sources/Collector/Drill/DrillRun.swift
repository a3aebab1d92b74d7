import FoundationEssentials
import Glibc
import Inventory
import Ledger
import Logging
import Operations
import Reports
import Shared
import Verdict

/// A case from its simulated fleet to the result of `verify`, on the same code path and with real requests.
struct DrillRun: Sendable {
    let drillCase: DrillCase
    /// A temporary folder of the case's own.
    let folder: String
    /// The address of the simulated hosts.
    let address: String

    /// - Throws: if the drill cannot run. A mistake of the gate is an outcome.
    func outcome() async throws(DrillError) -> DrillOutcome {
        let clock = ContinuousClock()
        let start = clock.now
        let fleet = try await DrillFleet(starting: drillCase.hosts, address: address)
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
        guard drillCase.disturbance.needsLedger else { return try await judgement(of: fleet, ledger: nil) }
        let ledger = try await Ledger.open(path: "\(folder)/ledger.db")
        let judgement = try await judgement(of: fleet, ledger: ledger)
        try await ledger.close()
        return judgement
    }

    private func judgement(of fleet: DrillFleet, ledger: Ledger?) async throws -> DrillJudgement {
        let isShrunk = drillCase.disturbance == .shrunkInventory
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
                try await disturb(fleet, inventory, ledger)
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

    /// Does what `buildinfo-collector verify` does after parsing its flags, without the user's environment.
    private func verify(_ inventory: Inventory, ledger: Ledger?) async throws -> DrillJudgement {
        let path = "\(folder)/report.json"
        let run = VerificationRun(
            target: drillCase.target, inventory: inventory, policy: drillCase.policy, check: InventoryCheck(),
            access: HostCredentials(), ledger: ledger, destinations: try [ReportDestination](opening: ["json=\(path)"]),
            progress: .none, environment: [:],
            logger: Logger(label: "drill") { _ in SwiftLogNoOpLogHandler() })
        let exitCode = try await run.run().exitCode
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(filePath: path)))
        return DrillJudgement(exitCode: exitCode, report: report, faultyName: drillCase.hosts.last?.name)
    }

    /// Causes the case's disturbance once the verification has sent requests.
    private func disturb(_ fleet: DrillFleet, _ inventory: Inventory, _ ledger: Ledger?) async throws {
        switch drillCase.disturbance {
        case .none, .shrunkInventory: break
        case .newerPromotion:
            try await untilAsked(fleet)
            let now = Date()
            _ = try await ledger?.begin(
                VerificationRecord(
                    id: RunID.make(at: now), startedAt: now, target: DrillBuild.newer.target, policy: drillCase.policy,
                    inventory: inventory))
        case .signal(let number):
            try await untilAsked(fleet)
            // Repeatedly until the run ends: the first signal may come before the verification traps it.
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

/// The reason that a case reached no verdict, if the gate gave none.
struct DrillCaseError: Error, CustomStringConvertible {
    let description: String
}

/// The running hosts of one case.
struct DrillFleet: Sendable {
    private let hosts: [DrillHost]
    private let servers: [DrillServer]
    private let address: String

    /// Starts all hosts or none.
    init(starting hosts: [DrillHost], address: String) async throws(DrillError) {
        var servers: [DrillServer] = []
        do {
            for host in hosts { servers.append(try await DrillServer.start(host, address: address)) }
        } catch {
            for server in servers { await server.stop() }
            throw error
        }
        (self.hosts, self.servers, self.address) = (hosts, servers, address)
    }

    func stop() async {
        for server in servers { await server.stop() }
    }

    /// The number of requests that the hosts have read.
    var requests: Int { servers.reduce(0) { $0 + $1.requests } }

    /// Writes an inventory and reads it as `--fleet` does.
    ///
    /// - Parameter count: the number of hosts to list; nil for all.
    func inventory(of count: Int? = nil, file path: String) throws -> Inventory {
        let listed = zip(hosts, servers).prefix(count ?? hosts.count).map { host, server in
            File.Host(name: host.name, url: "http://\(address):\(server.port)/buildinfo", id: host.expectedID)
        }
        try JSONEncoder().encode(File(service: DrillBuild.service, hosts: listed)).write(to: URL(filePath: path))
        return try Inventory.load(sources: [.file(path: path)], now: Date())
    }

    /// An inventory in the form that users write.
    private struct File: Encodable {
        struct Host: Encodable {
            var name: String
            var url: String
            var id: String?
        }

        var service: String
        var hosts: [Host]
    }
}

/// A temporary folder for the inventories, reports and ledgers of the simulated fleets.
package struct DrillFolder: Sendable {
    let path: String

    /// Creates the folder, accessible to its owner only.
    init(in parent: String) throws(DrillError) {
        var template = Array("\(parent)/buildinfo-drill-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .noFolder(path: parent, reason: String(cString: strerror(errno)))
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The system's folder for temporary files.
    package static func standardParent(environment: [String: String]) -> String {
        environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    /// Creates a folder for one case.
    func subfolder(_ name: String) throws(DrillError) -> String {
        let subfolder = "\(path)/\(name)"
        guard mkdir(subfolder, 0o700) == 0 else {
            throw .noFolder(path: subfolder, reason: String(cString: strerror(errno)))
        }
        return subfolder
    }

    /// Removes the folder and its content.
    func remove() {
        // A failure leaves the folder to the system's cleaning of temporary files; the drill's result stands.
        try? FileManager.default.removeItem(atPath: path)
    }
}
