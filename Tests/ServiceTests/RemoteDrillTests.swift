import Foundation
import Inventory
import Ledger
import Logging
import Reports
import Shared
import Support
import Testing
import Transfer

@testable import Drill
@testable import Operations
@testable import Verdict

/// Every fleet of the drill, verified through a service.
@Suite("Verify through a service: the drill's fleets", .timeLimit(.minutes(3)))
struct RemoteDrillTests {
    /// A fleet of the drill as the service knows it: in an environment of its own.
    private struct Fleet: Sendable {
        let drillCase: DrillCase
        let fleet: DrillFleet
        let folder: TemporaryFolder

        var environment: String { "e-\(drillCase.name)" }
        var path: String { folder.path("\(drillCase.name).json") }

        /// The fleet's entry in the configuration. A standing check asks each host once.
        var entry: String {
            let policy = drillCase.policy
            let times = [
                ("timeout", policy.timeout), ("interval", policy.interval), ("request_timeout", policy.requestTimeout),
                ("soak", policy.soak), ("stall", policy.stall),
            ].map { "\($0): \(Int(($1.seconds * 1_000).rounded()))ms" }
            return """
                  - service: \(DrillBuild.service)
                    environment: \(environment)
                    inventory: \(path)
                    policy: {\(times.joined(separator: ", ")), max_unreachable: "\(policy.maxUnreachable)"}
                    check: {interval: 1h}
                """
        }
    }

    @Test("Verify through a service equals verify on every fleet of the drill: verdict, statuses, exit code")
    func equal() async throws {
        let folder = try TemporaryFolder()
        var fleets: [Fleet] = []
        for drillCase in DrillCase.all {
            let fleet = Fleet(
                drillCase: drillCase,
                fleet: try await DrillFleet(starting: drillCase.hosts.map(\.afterStandingCheck), address: "127.0.0.1"),
                folder: folder)
            // The service starts with hosts only.
            if drillCase.hosts.isEmpty {
                try folder.write("\(drillCase.name).json", #"[{"targets": ["127.0.0.1:1"]}]"#)
            } else {
                _ = try fleet.fleet.inventory(file: fleet.path)
            }
            fleets.append(fleet)
        }
        let service = try await ServedCollector.start(fleets: fleets.map(\.entry).joined(separator: "\n"), in: folder)
        let token = folder.path("verify.token")
        let address = try ServiceAddress(parsing: "http://\(service.authority)")
        let ledger = try await Ledger.open(path: folder.path("ledger.db"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for fleet in fleets {
                group.addTask {
                    let judged = try await WebClient.with { web in
                        let remote = RemoteVerification(
                            address: address, identity: try ServiceIdentity(file: token, environment: [:]),
                            certificateAuthorities: nil, web: web, policy: [:], timeout: .seconds(10), environment: [:])
                        return try await judgement(of: fleet, remote, ledger)
                    }
                    let drillCase = fleet.drillCase
                    let mismatch = drillCase.expectation.mismatch(with: judged)
                    #expect(mismatch == nil, "\(drillCase.name): \(mismatch ?? "")")
                    #expect(judged.report.evidence != nil, "\(drillCase.name)")
                }
            }
            try await group.waitForAll()
        }
        for fleet in fleets { await fleet.fleet.stop() }
        try await ledger.close()
        service.program.signal(SIGTERM)
        #expect(try await service.program.wait().exitCode == 0)
    }

    @Test("A service that dies for good ends the run with 69 after the deadline and the grace")
    func lost() async throws {
        let folder = try TemporaryFolder()
        let drillCase = try #require(DrillCase.all.first { $0.name == "straggler" })
        let hosts = try await DrillFleet(starting: drillCase.hosts, address: "127.0.0.1")
        let fleet = Fleet(drillCase: drillCase, fleet: hosts, folder: folder)
        _ = try hosts.inventory(file: fleet.path)
        let service = try await ServedCollector.start(fleets: fleet.entry, in: folder)
        let address = try ServiceAddress(parsing: "http://\(service.authority)")
        let error = await #expect(throws: ServiceError.self) {
            try await WebClient.with { web in
                var remote = RemoteVerification(
                    address: address,
                    identity: try ServiceIdentity(file: folder.path("verify.token"), environment: [:]),
                    certificateAuthorities: nil, web: web, policy: [:], timeout: .seconds(5), environment: [:])
                remote.grace = .seconds(1)
                let program = service.program
                let killing = Task {
                    while hosts.requests <= drillCase.hosts.count { try await Task.sleep(for: .milliseconds(10)) }
                    program.kill()
                }
                _ = try await verify(fleet, remote, interruptions: nil)
                try await killing.value
            }
        }
        await hosts.stop()
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("nothing is proven") == true, "\(error?.description ?? "")")
        #expect(!FileManager.default.fileExists(atPath: folder.path("report-straggler.json")))
    }

    private func judgement(
        of fleet: Fleet, _ remote: RemoteVerification, _ ledger: Ledger
    ) async throws -> DrillJudgement {
        let drillCase = fleet.drillCase
        if drillCase.disturbance == .shrunkInventory {
            let before = try await verify(fleet, remote, interruptions: nil)
            #expect(before.exitCode == 0, "\(drillCase.name): \(before.reason)")
            _ = try fleet.fleet.inventory(of: 1, file: fleet.path)
        }
        if drillCase.hosts.isEmpty { _ = try fleet.fleet.inventory(file: fleet.path) }
        let (interruptions, interrupt) = AsyncStream.makeStream(of: Int32.self)
        let disturbing = Task {
            switch drillCase.disturbance {
            case .none, .shrunkInventory: break
            case .newerPromotion:
                // The standing check asks each host once.
                while fleet.fleet.requests <= drillCase.hosts.count { try await Task.sleep(for: .milliseconds(10)) }
                let now = Date()
                var newer = DrillBuild.newer.target
                newer.environment = try #require(EnvironmentName(fleet.environment))
                _ = try await ledger.begin(
                    VerificationRecord(
                        id: RunID.make(at: now), startedAt: now, target: newer, policy: drillCase.policy,
                        inventory: try Inventory.load(
                            sources: [InventorySource(argument: fleet.path)], service: DrillBuild.service, now: now)))
            case .signal(let number):
                while fleet.fleet.requests <= drillCase.hosts.count { try await Task.sleep(for: .milliseconds(10)) }
                interrupt.yield(number)
            }
        }
        let judgement = try await verify(fleet, remote, interruptions: interruptions)
        try await disturbing.value
        return judgement
    }

    private func verify(
        _ fleet: Fleet, _ remote: RemoteVerification, interruptions: AsyncStream<Int32>?
    ) async throws -> DrillJudgement {
        var target = fleet.drillCase.target
        target.environment = try #require(EnvironmentName(fleet.environment))
        let path = fleet.folder.path("report-\(fleet.drillCase.name).json")
        var run = VerificationRun(
            target: target,
            inventory: try Inventory.load(sources: [], service: target.service, now: Date()), policy: Policy(),
            check: InventoryCheck(), access: HostCredentials(),
            destinations: try [ReportDestination](opening: ["json=\(path)"]), progress: .none, environment: [:],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        run.remote = remote
        let exitCode = try await run.run(until: interruptions ?? AsyncStream { _ in }).exitCode
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(filePath: path)))
        return DrillJudgement(exitCode: exitCode, report: report, faultyName: fleet.drillCase.hosts.last?.name)
    }
}

extension DrillHost {
    /// The host after the standing check has asked it once: the verification's first request is its first one, too.
    fileprivate var afterStandingCheck: DrillHost {
        guard let reply else { return self }
        return DrillHost(name: name, expectedID: expectedID) {
            reply(DrillRequest(host: $0.host, nonce: $0.nonce, number: $0.number - 1))
        }
    }
}
