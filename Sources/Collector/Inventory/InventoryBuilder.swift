import CollectorSupport
import Shared
import Verdict

/// Builds expected hosts from listed ones: names, URLs, and each name once.
struct InventoryBuilder {
    let service: String
    /// The port of hosts without one, and of discovered targets; nil for the sources' own.
    let port: Int?
    private(set) var hosts: [ExpectedHost] = []
    /// Each host's own credentials.
    private(set) var access: [InventoryCredentials?] = []
    /// The names of each added listing, in order.
    private(set) var names: [Set<String>] = []
    private var places: [String: (index: Int, listing: Int, place: SourceLocation)] = [:]

    init(service: String, port: Int? = nil) {
        self.service = service
        self.port = port
    }

    mutating func add(_ listing: ParsedInventory) throws(InventoryError) {
        var listing = listing
        if port != nil { listing.removeForeignPorts() }
        let number = names.count
        var added: Set<String> = []
        added.reserveCapacity(listing.hosts.count)
        for listed in listing.hosts {
            let host = try expectedHost(listed, port: port ?? listing.port ?? Inventory.standardPort)
            if let known = places[host.name] {
                let hasSameAccess =
                    listed.access?.namesSameFiles(as: access[known.index]) ?? (access[known.index] == nil)
                guard known.listing != number, hosts[known.index] == host, hasSameAccess else {
                    throw .duplicate(name: host.name, listed.place, first: known.place)
                }
            } else {
                places[host.name] = (hosts.count, number, listed.place)
                hosts.append(host)
                access.append(listed.access)
            }
            added.insert(host.name)
        }
        names.append(added)
    }

    /// A warning about hosts that share a URL, since one answer counts for all of them.
    static func sharedURLs(_ hosts: [ExpectedHost]) -> [String] {
        // Most fleets have none.
        guard Set(hosts.lazy.map(\.url)).count < hosts.count else { return [] }
        let shared = Dictionary(grouping: hosts, by: \.url).filter { $0.value.count > 1 }
        guard let first = shared.values.min(by: { $0[0].name < $1[0].name }) else { return [] }
        let names = first.prefix(3).map { Sanitizer.singleLine($0.name, limit: 64) }.joined(separator: ", ")
        let more = shared.count > 1 ? ", and \(shared.count - 1) more such groups" : ""
        return ["\(first.count) hosts share one url (\(names))\(more): one answer counts for all of them"]
    }

    // MARK: - Waivers

    /// Applies a listed waiver to the hosts of all sources.
    ///
    /// - Returns: a warning if it covers no host, or names a host that is not listed.
    mutating func apply(_ listed: ListedWaiver) throws(InventoryError) -> String? {
        try check(listed.waiver, "waiver", listed.place)
        switch listed.scope {
        case .hosts(let names):
            for index in names.compactMap({ places[$0]?.index }) { waive(index, listed.waiver) }
            let unknown = names.filter { places[$0] == nil }
            guard !unknown.isEmpty else { return nil }
            let shown = unknown.map { Sanitizer.singleLine($0, limit: 64) }.listed(limit: 3)
            return "\(listed.place): the waiver names \(shown), which the inventory does not list"
        case .labels(let labels):
            let covered = hosts.indices.filter { index in labels.allSatisfy { hosts[index].labels[$0] == $1 } }
            for index in covered { waive(index, listed.waiver) }
            guard covered.isEmpty else { return nil }
            let groups = labels.sorted { $0.key < $1.key }.map { HostGroup(key: $0.key, value: $0.value) }
            let asked = groups.map { Sanitizer.singleLine("\($0)", limit: 80) }.joined(separator: ", ")
            return "\(listed.place): the waiver for \(asked) covers no host"
        }
    }

    /// A host's own waiver takes precedence, then earlier listed ones; but an expired waiver gives way to a valid one.
    private mutating func waive(_ index: Int, _ waiver: Waiver) {
        if let present = hosts[index].waiver, !present.isExpired || waiver.isExpired { return }
        hosts[index].waiver = waiver
    }

    private func check(_ waiver: Waiver, _ what: String, _ place: SourceLocation) throws(InventoryError) {
        try check(waiver.reason, "\(what).reason", limit: 512, place)
        if let by = waiver.by { try check(by, "\(what).by", limit: 128, place) }
    }

    // MARK: - One host

    private func expectedHost(_ listed: ListedHost, port: Int) throws(InventoryError) -> ExpectedHost {
        let (name, url) = try nameAndURL(listed, port: port)
        try check(name, "name", limit: 255, listed.place)
        if let id = listed.id { try check(id, "id", limit: 255, listed.place) }
        for (key, value) in listed.labels {
            try check(key, "label", limit: 128, listed.place)
            if !value.isEmpty { try check(value, "label", limit: 255, listed.place) }
        }
        if let waiver = listed.waiver { try check(waiver, "waive", listed.place) }
        return ExpectedHost(name: name, url: url, id: listed.id, labels: listed.labels, waiver: listed.waiver)
    }

    private func nameAndURL(_ listed: ListedHost, port: Int) throws(InventoryError) -> (name: String, url: String) {
        let text = listed.address ?? listed.name ?? ""
        // Checked before it is parsed, so that the error is about the name.
        if text.schemeMark == nil, !text.utf8.contains(UInt8(ascii: "@")) {
            try check(text, "name", limit: 255, listed.place)
        }
        do throws(HostAddress.ParseError) {
            let address = try HostAddress(parsing: text, service: service)
            return (listed.name ?? address.name, address.url(service: service, port: port, scheme: listed.scheme))
        } catch {
            let needsURL = listed.address == nil && error == .noHost
            throw .invalid(
                listed.place,
                problem: needsURL
                    ? "the name '\(InventoryError.shown(text))' is not a valid address: give the host a url"
                    : error.message(about: text))
        }
    }

    /// Checks that a text is one line without invisible characters, up to a limit in bytes.
    private func check(
        _ text: String, _ what: String, limit: Int, _ place: SourceLocation
    ) throws(InventoryError) {
        guard !text.isEmpty else { throw .invalid(place, problem: "\(what) is empty: give it a value") }
        guard text.utf8.count <= limit else {
            throw .invalid(
                place,
                problem: "\(what) '\(Sanitizer.singleLine(text, limit: 24))' is longer than \(limit) bytes: shorten it")
        }
        guard Sanitizer.isVisibleLine(text) else {
            throw .invalid(
                place,
                problem: "\(what) '\(InventoryError.shown(text))' has control or invisible characters, "
                    + "or spaces at an end: remove them")
        }
    }
}
