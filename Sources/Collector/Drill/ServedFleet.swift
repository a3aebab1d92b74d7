package import CollectorSupport
import FoundationEssentials
import Shared
import UnixSignals
import Verdict

/// A simulated fleet that runs until interrupted, to try other checks on it.
package struct ServedFleet: Sendable {
    private let drillCase: DrillCase
    private let temporaryFolder: String

    /// The name and the fault of every simulated fleet, one a line.
    package static var listing: String {
        var table = TextTable(["NAME", "FAULT"])
        for drillCase in DrillCase.all { table.add([drillCase.name, drillCase.fault]) }
        return table.render()
    }

    package init(named name: String, temporaryFolder: String) throws(UsageError) {
        guard let drillCase = DrillCase.all.first(where: { $0.name == name }) else {
            throw UsageError(
                "unknown simulated fleet '\(Sanitizer.singleLine(name, limit: 100))': pass one that --list shows")
        }
        (self.drillCase, self.temporaryFolder) = (drillCase, temporaryFolder)
    }

    /// Serves until SIGINT, SIGTERM or SIGHUP.
    ///
    /// - Parameter announce: receives one line of JSON once all hosts listen, and `asked` once a host has read a request.
    /// - Throws: if the fleet cannot be served.
    package func run(announce: @escaping @Sendable (String) -> Void) async throws(DrillError) {
        let signals = await EndingSignals.caught()
        let folder = try DrillFolder(in: temporaryFolder)
        defer { folder.remove() }
        let fleet = try await DrillFleet(starting: drillCase.hosts, address: "127.0.0.1")
        let description: String
        do {
            description = try self.description(of: fleet, in: folder.path)
        } catch {
            await fleet.stop()
            throw .noFolder(path: folder.path, reason: "\(error)")
        }
        announce(description + "\n")
        let watching = Task {
            while fleet.requests == 0 { try await Task.sleep(for: .milliseconds(10)) }
            announce("asked\n")
        }
        for await _ in signals { break }
        watching.cancel()
        await fleet.stop()
    }

    private func description(of fleet: DrillFleet, in folder: String) throws -> String {
        let isShrunk = drillCase.disturbance == .shrunkInventory
        let before = isShrunk ? "\(folder)/before.json" : nil
        if let before { _ = try fleet.inventory(file: before) }
        _ = try fleet.inventory(of: isShrunk ? 1 : nil, file: "\(folder)/fleet.json")
        let description = ServedFleetDescription(
            drillCase, inventory: "\(folder)/fleet.json", inventoryBefore: before,
            index: try drillCase.target.content.map { _ in try index(in: folder) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(description), as: UTF8.self)
    }

    /// Writes the promoted index, whose hash is the promoted digest.
    private func index(in folder: String) throws -> String {
        let path = "\(folder)/index.json"
        try Data(DrillBuild.promoted.index).write(to: URL(filePath: path))
        return path
    }
}

/// What a check of a served fleet needs to know, as JSON; keys are snake case.
struct ServedFleetDescription: Encodable {
    struct Build: Encodable {
        var gitSHA: String?
        var digest: String?

        enum CodingKeys: String, CodingKey {
            case digest
            case gitSHA = "git_sha"
        }
    }

    enum Disturbance: String, Encodable {
        case shrunkInventory = "shrunk_inventory"
        case newerPromotion = "newer_promotion"
        case signal
    }

    var schema = 1
    var name: String
    var fault: String
    var service = DrillBuild.service
    /// The promoted build. Without a digest, hosts without an agent can prove it.
    var target: Build
    /// The file with the bytes of the promoted index; absent if the case does not need it.
    var index: String?
    /// The file for `--fleet`.
    var inventory: String
    /// The file with the hosts of an earlier verification; absent without one.
    var inventoryBefore: String?
    /// The event that must happen while the check runs; absent without one.
    var disturbance: Disturbance?
    /// The build of the newer promotion; absent without one.
    var newer: Build?
    /// The flags of `verify` for this fleet's times and tolerances.
    var policy: [String]
    var timeoutSeconds: Double
    /// The verdict that `verify` must reach.
    var verdict: Verdict
    var exitCode: Int32

    enum CodingKeys: String, CodingKey {
        case schema, name, fault, service, target, index, inventory, disturbance, newer, policy, verdict
        case inventoryBefore = "inventory_before"
        case timeoutSeconds = "timeout_seconds"
        case exitCode = "exit_code"
    }

    init(_ drillCase: DrillCase, inventory: String, inventoryBefore: String?, index: String?) {
        name = drillCase.name
        fault = drillCase.fault
        target = Build(drillCase.target)
        self.index = index
        self.inventory = inventory
        self.inventoryBefore = inventoryBefore
        switch drillCase.disturbance {
        case .none: break
        case .shrunkInventory: disturbance = .shrunkInventory
        case .newerPromotion: (disturbance, newer) = (.newerPromotion, Build(DrillBuild.newer.target))
        case .signal: disturbance = .signal
        }
        policy = drillCase.policy.flags
        timeoutSeconds = drillCase.policy.timeout.seconds
        verdict = drillCase.expectation.verdict
        exitCode = drillCase.expectation.exitCode
    }
}

extension ServedFleetDescription.Build {
    fileprivate init(_ target: Target) {
        self.init(gitSHA: target.gitSHA?.hex, digest: target.digest.map { "\($0)" })
    }
}

extension Policy {
    /// The flags of `verify` for the parts of a policy that cases set.
    fileprivate var flags: [String] {
        let durations = [
            ("--timeout", timeout), ("--interval", interval), ("--request-timeout", requestTimeout), ("--soak", soak),
            ("--stall", stall),
        ]
        var flags = durations.flatMap { [$0, "\(Int(($1.seconds * 1_000).rounded()))ms"] }
        if case .hosts(let hosts) = maxUnreachable, hosts > 0 { flags += ["--max-unreachable", "\(hosts)"] }
        return flags
    }
}
