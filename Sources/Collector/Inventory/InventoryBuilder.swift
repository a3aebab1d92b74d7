import CollectorSupport
import Shared
import Verdict

/// Makes expected hosts of listed ones: names, URLs, and each name once.
struct InventoryBuilder {
    let service: String
    private(set) var hosts: [ExpectedHost] = []
    /// What each of the hosts says of its access.
    private(set) var access: [InventoryCredentials?] = []
    /// The names of each listing that was added, in their order.
    private(set) var names: [Set<String>] = []
    private var places: [String: (index: Int, listing: Int, place: SourceLocation)] = [:]

    init(service: String) {
        self.service = service
    }

    mutating func add(_ listing: ParsedInventory) throws(InventoryError) {
        let number = names.count
        var added: Set<String> = []
        for listed in listing.hosts {
            let host = try freeze(listed, port: listing.port ?? Inventory.standardPort)
            if let known = places[host.name] {
                let saysTheSame = listed.access?.says(theSameAs: access[known.index]) ?? (access[known.index] == nil)
                guard known.listing != number, hosts[known.index] == host else {
                    throw .duplicate(name: host.name, listed.place, first: known.place)
                }
                guard saysTheSame else { throw .duplicate(name: host.name, listed.place, first: known.place) }
            } else {
                places[host.name] = (hosts.count, number, listed.place)
                hosts.append(host)
                access.append(listed.access)
            }
            added.insert(host.name)
        }
        names.append(added)
    }

    /// Hosts that share a URL: one answer would speak for all of them.
    static func sharedURLs(_ hosts: [ExpectedHost]) -> [String] {
        let shared = Dictionary(grouping: hosts, by: \.url).filter { $0.value.count > 1 }
        guard let first = shared.values.min(by: { $0[0].name < $1[0].name }) else { return [] }
        let names = first.prefix(3).map { Sanitizer.singleLine($0.name, limit: 64) }.joined(separator: ", ")
        let more = shared.count > 1 ? ", and \(shared.count - 1) more such groups" : ""
        return ["\(first.count) hosts of the inventory share one url (\(names))\(more): one answer speaks for all"]
    }

    // MARK: - Waivers

    /// Waives the hosts that a listed waiver covers, whichever source lists them.
    ///
    /// - Returns: a warning where it covers nobody, or names somebody who is not there.
    mutating func apply(_ listed: ListedWaiver) throws(InventoryError) -> String? {
        try check(listed.waiver, "waiver", listed.place)
        switch listed.scope {
        case .hosts(let names):
            for index in names.compactMap({ places[$0]?.index }) { waive(index, listed.waiver) }
            let unknown = names.filter { places[$0] == nil }
            guard !unknown.isEmpty else { return nil }
            let shown = unknown.prefix(3).map { Sanitizer.singleLine($0, limit: 64) }.joined(separator: ", ")
            let more = unknown.count > 3 ? " and \(unknown.count - 3) more" : ""
            return "\(listed.place): the waiver names \(shown)\(more), which the inventory does not list"
        case .labels(let labels):
            let covered = hosts.indices.filter { index in labels.allSatisfy { hosts[index].labels[$0] == $1 } }
            for index in covered { waive(index, listed.waiver) }
            guard covered.isEmpty else { return nil }
            let groups = labels.sorted { $0.key < $1.key }.map { HostGroup(key: $0.key, value: $0.value) }
            let asked = groups.map { Sanitizer.singleLine("\($0)", limit: 80) }.joined(separator: ", ")
            return "\(listed.place): the waiver for \(asked) covers no host"
        }
    }

    /// A host's own waiver is not replaced, nor an earlier listed one; but one that has ended gives way to one that holds.
    private mutating func waive(_ index: Int, _ waiver: Waiver) {
        if let present = hosts[index].waiver, !present.isExpired || waiver.isExpired { return }
        hosts[index].waiver = waiver
    }

    private func check(_ waiver: Waiver, _ what: String, _ place: SourceLocation) throws(InventoryError) {
        try check(waiver.reason, "\(what).reason", limit: 512, place)
        if let by = waiver.by { try check(by, "\(what).by", limit: 128, place) }
    }

    // MARK: - One host

    private func freeze(_ listed: ListedHost, port: Int) throws(InventoryError) -> ExpectedHost {
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
        // Before it is taken apart, so that a name's own defects are called by their name.
        if !text.contains("://"), !text.contains("@") { try check(text, "name", limit: 255, listed.place) }
        do throws(HostAddress.ParseError) {
            let address = try HostAddress(parsing: text, service: service)
            return (listed.name ?? address.name, address.url(service: service, port: port, scheme: listed.scheme))
        } catch {
            let needsURL = listed.address == nil && error == .noHost
            throw .invalid(
                listed.place,
                problem: needsURL
                    ? "no URL can be made of the name '\(InventoryError.shown(text))': give the host a url"
                    : error.message(about: text))
        }
    }

    /// A text that is shown to people is what it looks like: one line, no invisible characters, not endless.
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
                    + "or blanks at an end: take them out")
        }
    }
}
