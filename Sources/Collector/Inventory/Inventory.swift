import CollectorSupport
package import FoundationEssentials
import Glibc
import Shared
package import Verdict

/// The hosts of a verification, read once and frozen.
///
/// ```swift
/// let inventory = try Inventory.load(
///     sources: [.file(path: "fleet.yaml")], hosts: ["canvas-09:9480"], service: nil, now: Date())
/// ```
package struct Inventory: Sendable {
    /// The selected hosts, in the order of the sources, with unique names. ``InventoryCheck`` decides if an empty list is
    /// acceptable.
    package let hosts: [ExpectedHost]
    /// All hosts of the sources, selected or not.
    package let listed: [ExpectedHost]
    /// The selection of ``hosts`` from the listed ones.
    package let selector: HostSelector
    /// The credentials that the sources name for each of ``hosts``: its own, completed by the first ones for many hosts that
    /// select it.
    package let access: [InventoryCredentials?]
    /// The service to query on every host: the flag's, else the sources'.
    package let service: String
    /// The environment of the service: the flag's, else the sources', else the standard one.
    package let environment: EnvironmentName
    /// The sources, for reports: `fleet.yaml, 2 --host`.
    package let source: String
    /// `sha256:<64 hex>` of the selected hosts, independent of their order and of the sources' formats.
    package let hash: String
    /// Warnings for the report, one line each.
    package let warnings: [String]
    /// Reads the sources again while the verification runs.
    package let watch: InventoryReloader

    package var deployed: DeployedService { DeployedService(service, in: environment) }
    /// The selector's terms for reports and the ledger; nil without a selection.
    package var selected: [String]? { selector.isEverything ? nil : selector.terms.map(\.description) }
    /// The number of listed hosts; nil without a selection.
    package var listedWhereSelected: Int? { selector.isEverything ? nil : listed.count }

    package static let standardPort = 9_480

    /// Reads all sources and merges them.
    ///
    /// A duplicate name is an error, unless two sources list the same host.
    ///
    /// - Parameters:
    ///   - hosts: values of `--host`: names, `name:port`, or URLs.
    ///   - service: the value of `--service`, which overrides the sources; nil if not given.
    ///   - defaultService: the service if neither names one; nil if that is an error.
    ///   - environment: the value of `--environment`, likewise.
    ///   - port: the value of `--port`, which replaces the ports of discovered targets, and is that of hosts without one.
    ///   - selector: the selection of expected hosts.
    ///   - now: the wall clock, for waivers.
    ///   - standardInput: the descriptor for `-`.
    ///   - lists: the lists of the remote sources; nil if there are none.
    package static func load(
        sources: [InventorySource], hosts: [String] = [], service: String? = nil, defaultService: String? = nil,
        environment: EnvironmentName? = nil, port: Int? = nil, selector: HostSelector = .everything, now: Date,
        standardInput: Int32 = STDIN_FILENO, lists: InventoryServer.Lists? = nil
    ) throws(InventoryError) -> Inventory {
        guard sources.count(where: { $0.origin == .standardInput }) <= 1 else { throw .standardInputTwice }
        if let service, !ServiceName.isUsable(service) { throw .unusableService(service) }
        let loader = InventoryLoader(now: now, reader: InventoryReader(standardInput: standardInput))
        var readings: [InventoryLoader.Reading] = []
        for source in sources {
            if let list = lists?.contents[source] {
                readings.append(try loader.read(source, list))
            } else {
                readings.append(try loader.read(source))
            }
        }
        var flags = ParsedInventory()
        for host in hosts {
            let place = SourceLocation(source: "--host", line: nil)
            flags.hosts.append(ListedHost(place: place, address: host))
        }
        return try Inventory(
            readings: readings, flags: flags, service: service, defaultService: defaultService,
            environment: environment, port: port, selector: selector, now: now, server: lists?.server)
    }

    private init(
        readings: [InventoryLoader.Reading], flags: ParsedInventory, service: String?,
        defaultService: String?, environment: EnvironmentName?, port: Int?, selector: HostSelector, now: Date,
        server: InventoryServer?
    ) throws(InventoryError) {
        var warnings = readings.flatMap(\.listing.warnings)
        let named = readings.compactMap(\.listing.service)
        if let first = named.first {
            for other in named.dropFirst() where other.name != first.name && service == nil {
                throw .services(other.place, other.name, first: first.place, first.name)
            }
            for other in named where service != nil && other.name != service {
                warnings.append(
                    "\(other.place): --service \(service ?? "") overrides the service '\(other.name)'")
            }
        }
        guard let asked = service ?? named.first?.name ?? defaultService else {
            throw .noService(source: readings.first?.source.name)
        }
        let environments = readings.compactMap(\.listing.environment)
        if let first = environments.first, environment == nil {
            for other in environments.dropFirst() where other.name != first.name {
                throw .environments(other.place, other.name, first: first.place, first.name)
            }
        }
        if let environment {
            for other in environments where other.name != environment {
                warnings.append(
                    "\(other.place): --environment \(environment) overrides the environment '\(other.name)'")
            }
        }
        var builder = InventoryBuilder(service: asked, port: port)
        for reading in readings { try builder.add(reading.listing) }
        try builder.add(flags)
        for waiver in readings.flatMap(\.listing.waivers) {
            if let warning = try builder.apply(waiver) { warnings.append(warning) }
        }
        // Hosts outside the selection can be waived too, so the selection comes after the waivers.
        listed = builder.hosts
        let indices = listed.indices.filter { [listed] index in selector.isEverything || selector.selects(listed[index])
        }
        // One array, unless hosts are left out.
        hosts = indices.count == listed.count ? listed : indices.map { [listed] index in listed[index] }
        let rules = readings.flatMap(\.listing.access)
        access = indices.map { [listed] index in
            let rule = rules.first { $0.selector.isEverything || $0.selector.selects(listed[index]) }
            return builder.access[index]?.completed(by: rule) ?? rule
        }
        self.selector = selector
        self.service = asked
        self.environment = environment ?? environments.first?.name ?? .standard
        self.hash = InventoryHash.of(hosts)
        self.warnings = warnings + InventoryBuilder.sharedURLs(hosts) + Self.ineffectiveExclusions(selector, listed)
        let flagged = flags.hosts.isEmpty ? [] : ["\(flags.hosts.count) --host"]
        source = (readings.map(\.source.description) + flagged).joined(separator: ", ")
        watch = InventoryReloader(
            sources: zip(readings, builder.names).map { .init(source: $0.source, version: $0.version, names: $1) },
            constant: builder.names.last ?? [], service: asked, port: port, now: now, server: server)
    }

    /// Warnings about exclusions that match no host: more is verified than was intended, which is safe.
    private static func ineffectiveExclusions(_ selector: HostSelector, _ listed: [ExpectedHost]) -> [String] {
        let excluded = selector.terms.filter(\.isExcluded)
        guard !excluded.isEmpty, !listed.isEmpty else { return [] }
        let labels = LabelIndex(listed)
        return excluded.filter { !labels.contains($0.group) }.map {
            "--select \($0) excludes no host: \(labels.alternatives(to: $0.group))"
        }
    }
}

/// The source of a list of hosts, as given to `--fleet`.
package struct InventorySource: Hashable, Sendable {
    /// The place of the list.
    enum Origin: Hashable, Sendable {
        case file(path: String)
        case standardInput
        /// Prometheus `http_sd`.
        case http(url: String)
        case dns(name: String, records: DNSRecords.Kind)
    }

    let origin: Origin
    /// The group of an Ansible inventory whose hosts are expected; nil for every host.
    let group: String?

    package static func file(path: String) -> InventorySource { InventorySource(origin: .file(path: path), group: nil) }
    package static var standardInput: InventorySource { InventorySource(origin: .standardInput, group: nil) }

    private init(origin: Origin, group: String?) {
        self.origin = origin
        self.group = group
    }

    /// - Parameter argument: a path, `-` for standard input, an `http` or `https` URL, or a ``DNSRecords/Kind`` and a
    ///   name. A path with `#GROUP` is one group of an Ansible inventory, unless a file has that name.
    package init(argument: String) {
        if argument.hasPrefix("http://") || argument.hasPrefix("https://") {
            self.init(origin: .http(url: argument), group: nil)
            return
        }
        for kind in DNSRecords.Kind.allCases where argument.hasPrefix(kind.rawValue) {
            self.init(
                origin: .dns(name: String(argument.dropFirst(kind.rawValue.utf8.count)), records: kind), group: nil)
            return
        }
        var path = argument
        var group: String?
        if let hash = argument.lastIndex(of: "#"), access(argument, F_OK) != 0 {
            path = String(argument[..<hash])
            group = String(argument[argument.index(after: hash)...])
        }
        self.init(origin: path == "-" ? .standardInput : .file(path: path), group: group)
    }

    /// The name in errors and reports; one clean line.
    package var name: String {
        switch origin {
        case .file(let path): path.isEmpty ? "--fleet ''" : Sanitizer.singleLine(path, limit: 200)
        case .standardInput: "standard input"
        case .http(let url): Sanitizer.singleLine(Self.withoutSecrets(url), limit: 200)
        case .dns(let name, let records): records.rawValue + Sanitizer.singleLine(name, limit: 200)
        }
    }

    /// A URL without its query, which may contain a token.
    private static func withoutSecrets(_ url: String) -> String {
        let end = url.firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
        return url.contains("@") ? "the URL of an inventory" : String(url[..<end])
    }

    /// True for a list that a server has, which is read by an ``InventoryServer``.
    package var isRemote: Bool {
        switch origin {
        case .file, .standardInput: false
        case .http, .dns: true
        }
    }

    /// The name with the group.
    var description: String { group.map { "\(name)#\(Sanitizer.singleLine($0, limit: 80))" } ?? name }
}

/// The hash of a frozen inventory: equal hosts have an equal hash, in any order and format.
///
/// SHA-256 over the hosts sorted by the bytes of their names. Each field is written as its length in bytes, a colon and its
/// bytes (a netstring without the comma), and a missing one as `-`, so that no two inventories have the same serialisation.
/// The expiry of waivers is left out, since it depends on the clock.
private enum InventoryHash {
    static func of(_ hosts: [ExpectedHost]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hosts.count * 128)
        func field(_ text: String?) {
            guard let text else {
                bytes.append(UInt8(ascii: "-"))
                return
            }
            bytes += "\(text.utf8.count):".utf8
            bytes += text.utf8
        }
        for host in hosts.sorted(by: { isBefore($0.name, $1.name) }) {
            field(host.name)
            field(host.url)
            field(host.id)
            field("\(host.labels.count)")
            for (key, value) in host.labels.sorted(by: { isBefore($0.key, $1.key) }) {
                field(key)
                field(value)
            }
            field(host.waiver?.until)
            field(host.waiver?.reason)
            field(host.waiver?.by)
        }
        return "sha256:" + Hexadecimal.encode(SHA256.hash(bytes))
    }

    private static func isBefore(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }
}
