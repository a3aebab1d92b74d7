import CollectorSupport
import FoundationEssentials
import Shared
import Yams

/// Reads YAML and JSON: the inventory's own form, a bare list of hosts, or Prometheus `file_sd`.
///
/// Strict: a key that is not known is an error, because a misspelt `waive` or `hosts` would silently mean something else.
struct StructuredInventory {
    let source: String
    /// Waivers are judged against it.
    let now: Date

    var yaml: YAMLText { YAMLText(source: source) }

    func read(_ text: String) throws(InventoryError) -> ParsedInventory {
        guard let root = try yaml.compose(text) else { return ParsedInventory() }
        switch root {
        case .mapping(let mapping): return try inventory(mapping, root)
        case .sequence(let nodes):
            let isFileSD = nodes.contains { $0.mapping?.keys.contains { $0.scalar?.string == "targets" } ?? false }
            return isFileSD ? try fileSD(nodes) : ParsedInventory(hosts: try hosts(nodes))
        case .scalar where isNull(root): return ParsedInventory()
        case .scalar, .alias:
            throw invalid(root, "holds no list of hosts: write 'hosts:' with a list, or one host or URL a line")
        }
    }

    // MARK: - The inventory's own form

    private func inventory(_ mapping: Node.Mapping, _ root: Node) throws(InventoryError) -> ParsedInventory {
        var listing = ParsedInventory()
        var hasHosts = false
        var scheme = "http"
        for (key, value) in mapping {
            switch try keyText(key) {
            case "service":
                let name = try text(value, "service")
                guard ServiceName.isUsable(name) else {
                    throw invalid(value, "'\(InventoryError.shown(name))' \(ServiceName.rule)")
                }
                listing.service = (name, yaml.place(value))
            case "port":
                let text = try text(value, "port")
                guard let port = HostAddress.port(text) else {
                    let shown = InventoryError.shown(text)
                    throw invalid(value, "port '\(shown)' is no port: write a number from 1 to 65535")
                }
                listing.port = port
            case "hosts":
                hasHosts = true
                if isNull(value) { continue }
                guard case .sequence(let nodes) = value else {
                    throw invalid(value, "hosts is no list: write one '- name' a line below it, or hosts: []")
                }
                listing.hosts = try hosts(nodes)
            case "scheme":
                scheme = try text(value, "scheme")
                guard ["http", "https"].contains(scheme) else {
                    throw invalid(value, "scheme '\(InventoryError.shown(scheme))' is not known: use http or https")
                }
            case "waivers": listing.waivers = try waivers(value)
            case "access": listing.access = try accessRules(value)
            case let other:
                throw unknown(key, other, ["service", "port", "hosts", "waivers", "access", "scheme"])
            }
        }
        for index in listing.hosts.indices { listing.hosts[index].scheme = scheme }
        // A file of waivers or access alone stands beside one of hosts that cannot hold them, such as a generated one.
        guard hasHosts || !listing.waivers.isEmpty || !listing.access.isEmpty else {
            throw invalid(root, "there is no 'hosts': write the list of hosts below it, or hosts: [] for none")
        }
        return listing
    }

    private func hosts(_ nodes: Node.Sequence) throws(InventoryError) -> [ListedHost] {
        var hosts: [ListedHost] = []
        hosts.reserveCapacity(nodes.count)
        for node in nodes { hosts.append(try host(node)) }
        return hosts
    }

    private func host(_ node: Node) throws(InventoryError) -> ListedHost {
        guard case .mapping(let mapping) = node else {
            return ListedHost(place: yaml.place(node), address: try text(node, "a host"))
        }
        var host = ListedHost(place: yaml.place(node))
        for (key, value) in mapping {
            switch try keyText(key) {
            case "name": host.name = try text(value, "name")
            case "url":
                let url = try text(value, "url")
                guard url.contains("://") else {
                    let defect = url.contains("@") ? HostAddress.ParseError.hasUser : .scheme
                    throw invalid(value, defect.message(about: url))
                }
                host.address = url
            case "id": host.id = try text(value, "id")
            case "labels": host.labels = try labels(value)
            case "waive": host.waiver = try waiver(value)
            case "access": host.access = try access(value)
            case let other: throw unknown(key, other, ["name", "url", "id", "labels", "waive", "access"])
            }
        }
        guard host.name != nil || host.address != nil else {
            throw invalid(node, "a host has neither name nor url: write '- name: NAME'")
        }
        return host
    }

    func labels(_ node: Node) throws(InventoryError) -> [String: String] {
        if isNull(node) { return [:] }
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "labels is no mapping: write labels: {group: canary}")
        }
        var labels: [String: String] = [:]
        for (key, value) in mapping {
            labels[try keyText(key)] = isNull(value) ? "" : try text(value, "a label", canBeEmpty: true)
        }
        return labels
    }

    // MARK: - file_sd

    /// Prometheus' file-based service discovery: groups of targets with their labels.
    ///
    /// Labels that begin with `__` are instructions to Prometheus and no labels of a host. `__scheme__` is followed, since
    /// it says how the host is spoken to; the others are dropped, `__metrics_path__` too: it is the path of metrics.
    private func fileSD(_ groups: Node.Sequence) throws(InventoryError) -> ParsedInventory {
        var listing = ParsedInventory()
        for group in groups {
            guard case .mapping(let mapping) = group else {
                throw invalid(group, "a host stands among groups of targets: write it below 'targets'")
            }
            var targets: Node.Sequence?
            var labels: [String: String] = [:]
            for (key, value) in mapping {
                switch try keyText(key) {
                case "targets":
                    guard case .sequence(let nodes) = value else {
                        throw invalid(value, "targets is no list: write targets: [host:port, …]")
                    }
                    targets = nodes
                case "labels": labels = try self.labels(value)
                case let other: throw unknown(key, other, ["targets", "labels"])
                }
            }
            guard let targets else { throw invalid(group, "a group has no targets: write targets: [host:port, …]") }
            let scheme = labels["__scheme__"] ?? "http"
            guard ["http", "https"].contains(scheme) else {
                throw invalid(group, "__scheme__ '\(InventoryError.shown(scheme))' is not known: use http or https")
            }
            labels = labels.filter { !$0.key.hasPrefix("__") }
            for target in targets {
                let address = try text(target, "a target")
                listing.hosts.append(
                    ListedHost(place: yaml.place(target), address: address, labels: labels, scheme: scheme))
            }
        }
        return listing
    }

    // MARK: - Nodes

    func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    func text(_ node: Node, _ what: String, canBeEmpty: Bool = false) throws(InventoryError) -> String {
        guard case .scalar(let scalar) = node else { throw invalid(node, "\(what) is not a text: write one value") }
        guard !isNull(node), canBeEmpty || !scalar.string.isEmpty else {
            throw invalid(node, "\(what) is empty: give it a value or remove it")
        }
        return scalar.string
    }

    func keyText(_ node: Node) throws(InventoryError) -> String { try text(node, "a key") }

    func invalid(_ node: Node, _ problem: String) -> InventoryError {
        .invalid(yaml.place(node), problem: problem)
    }

    func unknown(_ node: Node, _ key: String, _ known: [String]) -> InventoryError {
        invalid(node, "unknown key '\(InventoryError.shown(key))': known here are \(known.joined(separator: ", "))")
    }
}
