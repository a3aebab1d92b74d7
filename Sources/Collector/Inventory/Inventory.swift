import CollectorSupport
package import FoundationEssentials
import Glibc
import Shared
package import Verdict

/// The hosts that a verification is about, read once and frozen.
///
/// ```swift
/// let inventory = try Inventory.load(
///     sources: [.file(path: "fleet.yaml")], hosts: ["canvas-09:9480"], service: nil, now: Date())
/// ```
package struct Inventory: Sendable {
    /// The selected ones, in the order of the sources; names are unique. May be empty: whether that will do is
    /// ``InventoryCheck``'s to say.
    package let hosts: [ExpectedHost]
    /// All that the sources list, selected or not.
    package let listed: [ExpectedHost]
    /// Which of the listed hosts are ``hosts``.
    package let selector: HostSelector
    /// How each of ``hosts`` is asked, as far as the sources say it: its own access, and what that leaves open from the
    /// first access for many that selects it.
    package let access: [InventoryCredentials?]
    /// What every host is asked for: the flag's, else the sources'.
    package let service: String
    /// Where the hosts come from, for reports: `fleet.yaml, 2 --host`.
    package let source: String
    /// `sha256:<64 hex>` of the selected hosts, whatever their order and the format that listed them.
    package let hash: String
    /// What a reader of the report should know, one line each.
    package let warnings: [String]
    /// Reads the sources again while the verification runs.
    package let watch: InventoryReloader

    /// The selector's terms, as reports and ledger have them; nil where it has none.
    package var selected: [String]? { selector.isEverything ? nil : selector.terms.map(\.description) }
    /// How many hosts are listed; nil where there is no selection.
    package var listedWhereSelected: Int? { selector.isEverything ? nil : listed.count }

    static let standardPort = 9_480

    /// Reads all sources and unites them.
    ///
    /// A name that stands twice is an error, unless both say the same about it and stand in different sources.
    ///
    /// - Parameters:
    ///   - hosts: values of `--host`: names, `name:port`, or URLs.
    ///   - service: the value of `--service`, nil where it was not given. It wins over what a source names.
    ///   - selector: which of the hosts are expected.
    ///   - now: the wall clock, for waivers.
    ///   - standardInput: the descriptor that `-` stands for.
    package static func load(
        sources: [InventorySource], hosts: [String] = [], service: String? = nil,
        selector: HostSelector = .everything, now: Date, standardInput: Int32 = STDIN_FILENO
    ) throws(InventoryError) -> Inventory {
        guard sources.count(where: { $0 == .standardInput }) <= 1 else { throw .standardInputTwice }
        if let service, !ServiceName.isUsable(service) { throw .unusableService(service) }
        let loader = InventoryLoader(now: now, reader: InventoryReader(standardInput: standardInput))
        var readings: [InventoryLoader.Reading] = []
        for source in sources { readings.append(try loader.read(source)) }
        var flags = ParsedInventory()
        for host in hosts {
            let place = SourceLocation(source: "--host", line: nil)
            flags.hosts.append(ListedHost(place: place, address: host))
        }
        return try Inventory(readings: readings, flags: flags, service: service, selector: selector, now: now)
    }

    private init(
        readings: [InventoryLoader.Reading], flags: ParsedInventory, service: String?, selector: HostSelector,
        now: Date
    ) throws(InventoryError) {
        var warnings: [String] = []
        let named = readings.compactMap(\.listing.service)
        if let first = named.first {
            for other in named.dropFirst() where other.name != first.name && service == nil {
                throw .services(other.place, other.name, first: first.place, first.name)
            }
            for other in named where service != nil && other.name != service {
                warnings.append(
                    "\(other.place) names the service '\(other.name)'; --service \(service ?? "") was asked for")
            }
        }
        let asked = service ?? named.first?.name
        guard let asked else { throw .noService(source: readings.first?.source.name) }
        var freezer = InventoryBuilder(service: asked)
        for reading in readings { try freezer.add(reading.listing) }
        try freezer.add(flags)
        for waiver in readings.flatMap(\.listing.waivers) {
            if let warning = try freezer.apply(waiver) { warnings.append(warning) }
        }
        // What a selection leaves out can be waived all the same, so this comes after the waivers.
        listed = freezer.hosts
        let indices = listed.indices.filter { [listed] index in selector.isEverything || selector.selects(listed[index])
        }
        hosts = indices.map { [listed] index in listed[index] }
        let rules = readings.flatMap(\.listing.access)
        access = indices.map { [listed] index in
            let rule = rules.first { $0.selector.isEverything || $0.selector.selects(listed[index]) }
            return freezer.access[index]?.or(rule) ?? rule
        }
        self.selector = selector
        self.service = asked
        self.hash = InventoryHash.of(hosts)
        self.warnings = warnings + InventoryBuilder.sharedURLs(hosts) + Self.idle(selector, listed)
        let flagged = flags.hosts.isEmpty ? [] : ["\(flags.hosts.count) --host"]
        source = (readings.map(\.source.name) + flagged).joined(separator: ", ")
        watch = InventoryReloader(
            files: zip(readings, freezer.names).map { .init(source: $0.source, stamp: $0.stamp, names: $1) },
            constant: freezer.names.last ?? [], service: asked, now: now)
    }

    /// What was to be left out and is not there: more is verified than was meant, which is safe, and worth a word.
    private static func idle(_ selector: HostSelector, _ listed: [ExpectedHost]) -> [String] {
        let excluded = selector.terms.filter(\.isExcluded)
        guard !excluded.isEmpty, !listed.isEmpty else { return [] }
        let census = LabelIndex(listed)
        return excluded.filter { !census.contains($0.group) }.map {
            "--select \($0) leaves no host out: \(census.alternatives(to: $0.group))"
        }
    }
}
