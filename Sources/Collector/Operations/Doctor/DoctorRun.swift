import CollectorSupport
import Foundation
package import Inventory
package import Ledger
package import Registry
import Reports
package import Shared
import Transfer
import Verdict

/// Asks each host once, and checks everything that a verification depends on.
package struct DoctorRun: Sendable {
    typealias Check = Diagnosis.Check
    typealias Finding = Diagnosis.Finding

    private let inventory: Inventory
    private let access: HostCredentials
    private let requestTimeout: Duration
    private let concurrency: Int?

    /// A waiver that ends sooner is worth a warning.
    private static let waiverNotice = Duration.seconds(7 * 86_400)

    package init(inventory: Inventory, access: HostCredentials, requestTimeout: Duration, concurrency: Int?) {
        self.inventory = inventory
        self.access = access
        self.requestTimeout = requestTimeout
        self.concurrency = concurrency
    }

    /// - Parameters:
    ///   - ledger: the path of the ledger; nil if none is kept.
    ///   - image: reads the image that will be promoted; nil if none was named.
    package func run(
        ledger: Result<String?, LedgerError>,
        image: (reference: ImageReference, read: @Sendable () async throws -> ResolvedImage)?
    ) async throws -> Diagnosis {
        let signals = await RunSignals.caught()
        defer { withExtendedLifetime(signals) {} }
        let ledgerCheck = await LedgerCheck(ledger, of: inventory)
        var checks = [inventoryCheck(ledgerCheck.previous, now: Date())]
        var interruption: Int32?
        var hosts: [ExaminedHost] = []
        if !inventory.hosts.isEmpty {
            let examination = try await Examination.run(
                inventory.hosts, service: inventory.deployed, requestTimeout: requestTimeout, concurrency: concurrency,
                signals: signals
            ) { [access] in access[$0] }
            interruption = examination.interruption
            hosts = examination.hosts
            checks += HostChecks(hosts: hosts, now: Date()).all
            checks.append(tokenCheck)
        }
        if interruption == nil {
            checks.append(ledgerCheck.check)
            checks.append(await registryCheck(image, hosts: hosts))
        }
        return Diagnosis(
            service: "\(inventory.deployed)", inventory: inventory.source, hosts: inventory.hosts.count, checks: checks,
            interruption: interruption)
    }

    // MARK: - Inventory

    /// - Parameter previous: the sizes of the last promotion, from which a verification does not let it shrink.
    private func inventoryCheck(_ previous: InventoryCheck.Previous, now: Date) -> Check {
        let hosts = inventory.hosts
        let waived = hosts.filter(\.isWaived)
        let selection = inventory.listedWhereSelected.map { " of \($0) listed" } ?? ""
        let summary = "\(hosts.count.hostCount)\(selection)" + (waived.isEmpty ? "" : ", \(waived.count) waived")
        var findings = inventory.warnings.map { Finding(.warning, $0) }
        let refusal = InventoryCheck().refusal(
            of: hosts, listed: inventory.listed, selector: inventory.selector, previous: previous)
        findings += (refusal?.reasons ?? []).map { Finding(.problem, $0.message) }
        let expired = hosts.filter { $0.waiver?.isExpired == true }
        if !expired.isEmpty {
            findings.append(
                Finding(
                    .warning, "the waiver has expired, so the host counts again", hosts: expired.map(Self.waiverText),
                    remedy: "remove it, or set a later end"))
        }
        let limit = now.addingTimeInterval(Self.waiverNotice.seconds)
        let ending = waived.filter { $0.waiver.flatMap { Date(rfc3339: $0.until) }.map { $0 < limit } ?? false }
        if !ending.isEmpty {
            findings.append(
                Finding(
                    .warning, "the waiver ends within 7 days", hosts: ending.map(Self.waiverText),
                    remedy: "bring the host back before, or set a later end"))
        }
        return Check("inventory", summary, findings)
    }

    private static func waiverText(_ host: ExpectedHost) -> String { "\(host.name) (\(host.waiver?.until ?? ""))" }

    private var tokenCheck: Check {
        let withToken = inventory.hosts.indices.filter { access[$0].bearerToken != nil }
        guard !withToken.isEmpty else { return Check("token", "none is sent", standing: .ok) }
        let findings = access.warnings(for: inventory.hosts).map { Finding(.warning, $0) }
        return Check("token", "sent to \(withToken.count.hostCount)", findings)
    }

    // MARK: - Registry

    private func registryCheck(
        _ image: (reference: ImageReference, read: @Sendable () async throws -> ResolvedImage)?, hosts: [ExaminedHost]
    ) async -> Check {
        guard let image else { return Check("registry", "not checked: give --image REF", standing: .note) }
        let resolved: ResolvedImage
        do {
            resolved = try await image.read()
        } catch {
            return Check("registry", "\(image.reference) cannot be read", [Finding(.problem, "\(error)")])
        }
        var findings: [Finding] = []
        do throws(RegistryError) {
            if try resolved.revision() == nil {
                findings.append(
                    Finding(
                        .warning, "the image has no usable label \(BuildinfoProtocol.revisionLabel)",
                        remedy:
                            "build it with --label \(BuildinfoProtocol.revisionLabel)=\"$(git rev-parse HEAD)\", or give "
                            + "--sha and verify by --digest"))
            }
        } catch {
            findings.append(Finding(.problem, "\(error)"))
        }
        let lacking = Dictionary(
            grouping: hosts.compactMap { host -> (Platform, String)? in
                guard let text = host.document?.engine?.platform, let platform = Platform(parsing: text),
                    resolved.promotedContent.holdsNothing(forEngine: platform)
                else { return nil }
                return (platform, host.name)
            }, by: \.0)
        for (platform, hosts) in lacking.sorted(by: { $0.key.description < $1.key.description }) {
            findings.append(
                Finding(
                    .problem, "the image has nothing for \(platform)", hosts: hosts.map(\.1),
                    remedy: "build that platform, too"))
        }
        let platforms = resolved.entries.compactMap(\.platform?.description).listed(limit: 4)
        return Check(
            "registry",
            "\(image.reference) is \(resolved.digest.short)" + (platforms.isEmpty ? "" : ", for \(platforms)"),
            findings)
    }
}
