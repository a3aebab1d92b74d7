package import CollectorSupport
import Foundation
package import Inventory
import Reports
import Shared
import Transfer
import Verdict

/// Writes an inventory of hosts that were each asked once, and says what they lack for a proof.
package struct InitRun: Sendable {
    /// The service of an inventory that names none. No agent has it, so each lists those that it has.
    package static let unknownService = "-"
    /// The service to write if no host answered and none was given.
    private static let guessedService = "canvas"

    private let inventory: Inventory
    private let access: HostCredentials
    private let requestTimeout: Duration
    private let concurrency: Int?
    private let port: Int?
    private let prefersTLS: Bool
    private let flags: [String]
    /// The URLs that were given as such.
    private let given: Set<String>

    /// The inventory, and what to say about it.
    package struct Result: Sendable {
        /// The text of the file; nil if a signal came.
        package var yaml: String?
        /// The lines for people, before the file is written.
        package var findings: @Sendable (TextLayout) -> [String]
        /// The lines for people, after it was written to this path.
        package var ending: @Sendable (_ path: String, _ isWritten: Bool) -> [String]
        package var exitCode: Int32
    }

    /// - Parameters:
    ///   - inventory: with ``unknownService`` if neither a flag nor a source names one.
    ///   - port: the port of hosts without one.
    ///   - prefersTLS: true to ask hosts without a scheme by HTTPS first.
    ///   - flags: the words that the next command needs to reach the hosts.
    package init(
        inventory: Inventory, access: HostCredentials, requestTimeout: Duration, concurrency: Int?, port: Int?,
        prefersTLS: Bool, flags: [String]
    ) {
        self.inventory = inventory
        self.access = access
        self.requestTimeout = requestTimeout
        self.concurrency = concurrency
        self.port = port
        self.prefersTLS = prefersTLS
        self.flags = flags
        given = Set(inventory.hosts.map(\.url).filter { !$0.hasSuffix("/buildinfo/\(inventory.service)") })
    }

    package func run() async throws -> Result {
        let signals = await RunSignals.caught()
        defer { withExtendedLifetime(signals) {} }
        var hosts = inventory.hosts.map { prefersTLS ? withScheme("https", $0) ?? $0 : $0 }
        var notes = inventory.warnings
        var service = inventory.deployed
        if service.name == Self.unknownService {
            let offered = try await discover(&hosts)
            let name = offered.services.first?.name ?? Self.guessedService
            notes.append(Self.note(on: offered, chosen: name))
            for index in hosts.indices { hosts[index].url = Self.url(hosts[index].url, ofService: name) }
            service = DeployedService(name, in: service.environment)
        } else {
            for index in hosts.indices { hosts[index].url = Self.url(hosts[index].url, ofService: service.name) }
        }
        let (examined, interruption) = try await examine(hosts, service, signals)
        notes += access.warnings(for: examined.map(\.expected))
        let draft = InventoryDraft(
            service: service, port: port, hosts: examined, access: inventory.access.map { $0?.absolute() },
            createdAt: Date())
        guard interruption == nil else {
            return Result(
                yaml: nil, findings: { _ in [] }, ending: { _, _ in ["interrupted: nothing was written"] },
                exitCode: interruption ?? 0)
        }
        let isAnyReachable = examined.contains { $0.report.facts.reach == .ok }
        return Result(
            yaml: draft.yaml, findings: { [notes] in draft.findings($0, notes: notes) },
            ending: { [flags] in draft.ending(path: $0, isWritten: $1, flags: flags) },
            exitCode: (isAnyReachable ? ExitStatus.success : .unreachable).rawValue)
    }

    // MARK: - Asking

    /// Asks each host for its services, and those on the wrong scheme again.
    private func discover(_ hosts: inout [ExpectedHost]) async throws -> OfferedServices {
        let discovery = ServiceDiscovery(
            credentials: { [access] in access[$0] }, requestTimeout: requestTimeout, concurrency: concurrency)
        var findings = try await discovery.run(Dictionary(uniqueKeysWithValues: hosts.enumerated().map { ($0, $1) }))
        var again: [Int: ExpectedHost] = [:]
        for (index, finding) in findings {
            if case .failed(let failure) = finding { again[index] = retry(hosts[index], index, after: failure) }
        }
        for (index, finding) in try await discovery.run(again) {
            if case .failed(let failure) = finding, !failure.confirmsScheme { continue }
            findings[index] = finding
            hosts[index] = again[index] ?? hosts[index]
        }
        return OfferedServices(findings.values)
    }

    /// Asks each host what it serves, and those on the wrong scheme again.
    private func examine(
        _ hosts: [ExpectedHost], _ service: DeployedService, _ signals: RunSignals
    ) async throws -> (hosts: [ExaminedHost], interruption: Int32?) {
        let first = try await Examination.run(
            hosts, service: service, requestTimeout: requestTimeout, concurrency: concurrency, signals: signals
        ) { [access] in access[$0] }
        guard first.interruption == nil else { return (first.hosts, first.interruption) }
        var examined = first.hosts
        let again = examined.enumerated().compactMap { index, host -> (Int, ExpectedHost)? in
            guard let failure = host.answer?.failure else { return nil }
            return retry(host.expected, index, after: failure).map { (index, $0) }
        }
        guard !again.isEmpty else { return (examined, nil) }
        let second = try await Examination.run(
            again.map(\.1), service: service, requestTimeout: requestTimeout, concurrency: concurrency, signals: signals
        ) { [access] in access[again[$0].0] }
        for (place, host) in zip(again, second.hosts)
        where host.answer.map({ $0.failure?.confirmsScheme ?? true }) ?? false {
            examined[place.0] = host
        }
        return (examined, second.interruption)
    }

    /// The host by the other scheme, if its answer suggests that and no scheme was given; nil otherwise.
    ///
    /// A token that was meant for TLS is not sent in the clear.
    private func retry(_ host: ExpectedHost, _ index: Int, after failure: FailedRequest) -> ExpectedHost? {
        guard let scheme = failure.otherScheme, scheme == "https" || access[index].bearerToken == nil else {
            return nil
        }
        return withScheme(scheme, host)
    }

    /// The host with another scheme; nil if its URL is not derived from its name.
    private func withScheme(_ scheme: String, _ host: ExpectedHost) -> ExpectedHost? {
        guard let separator = host.url.firstRange(of: "://"), !host.name.contains("/") else { return nil }
        let authority = host.url[separator.upperBound...].prefix { $0 != "/" }
        let isDerived =
            authority == host.name || authority == "\(host.name):\(port ?? Inventory.standardPort)"
            || authority == "[\(host.name)]:\(port ?? Inventory.standardPort)"
        guard isDerived, !given.contains(host.url) else { return nil }
        var other = host
        other.url = scheme + host.url[separator.lowerBound...]
        return other
    }

    /// The URL at which an agent answers for the service: the same, unless it names no path, or no service yet.
    private static func url(_ url: String, ofService service: String) -> String {
        let placeholder = "/buildinfo/\(unknownService)"
        if url.hasSuffix(placeholder) { return url.dropLast(unknownService.count) + service }
        guard let separator = url.firstRange(of: "://") else { return url }
        let path = url[separator.upperBound...].drop { $0 != "/" && $0 != "?" }
        guard path.isEmpty || path == "/" else { return url }
        return "\(url.dropLast(path.count))/buildinfo/\(service)"
    }

    private static func note(on offered: OfferedServices, chosen: String) -> String {
        guard let first = offered.services.first else {
            return "no agent named its services, so '\(chosen)' is a guess: give --service NAME"
        }
        guard offered.services.count > 1 else { return "the agents have one service: \(first.name)" }
        let list = offered.services.map { "\($0.name) on \($0.hosts.hostCount)" }.listed(limit: 6)
        return
            "the agents have several services (\(list)): the inventory is for '\(chosen)'; for another, give --service NAME"
    }
}

// MARK: - Words

extension InventoryDraft {
    private static let maximumGaps = 12

    /// The hosts, what they lack, and what to do about it.
    fileprivate func findings(_ layout: TextLayout, notes: [String]) -> [String] {
        let (rows, hidden) = table
        var lines = rows.rowLines(layout, maximumWidth: 40).flatMap(\.self)
        if hidden > 0 { lines.append(layout.encoded("… and \(hidden) more hosts, which lack less or the same")) }
        let gaps = self.gaps
        if !gaps.isEmpty { lines += ["", "What to do:"] }
        for (gap, hosts) in gaps.prefix(Self.maximumGaps) {
            let cause = hosts.count == 1 ? gap.text.finding : gap.cause
            lines.append("  " + layout.encoded(gap.text.remedy.map { "\(cause): \($0)" } ?? cause))
            lines.append("    " + hosts.listed(limit: 8))
        }
        if gaps.count > Self.maximumGaps {
            lines.append(layout.encoded("  … and \(gaps.count - Self.maximumGaps) more: the table has all"))
        }
        lines.append("")
        return lines + notes.flatMap { layout.wrapped("note: \($0)") }
    }

    /// - Parameter isWritten: false if the file went to standard output.
    fileprivate func ending(path: String, isWritten: Bool, flags: [String]) -> [String] {
        let answered = hosts.count(where: \.hasAnswered)
        let rest = hosts.count - answered
        let absent =
            rest == 0
            ? "" : "; \(rest) did not, and \(rest == 1 ? "is" : "are") in the inventory all the same"
        var lines = [
            "\(answered) of \(hosts.count.hostCount) said what \(answered == 1 ? "it serves" : "they serve")\(absent)."
        ]
        lines.append(
            isWritten ? "Wrote \(path)." : "Keep the inventory from standard output in a file, for example \(path).")
        guard let most = mostServed, let command = verifyCommand(path: path, flags: flags) else {
            return lines + ["Next: make at least one host answer with a commit or a digest, and run this again."]
        }
        lines.append(
            "Next, prove what most hosts serve now (\(most.build.short) on \(most.hosts) of \(most.known.hostCount)). After a "
                + "promotion, give its commit and digest instead:")
        return lines + ["  \(command)"]
    }
}
