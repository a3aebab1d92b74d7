import CollectorSupport
import FoundationEssentials
import Shared
import Verdict
import Yams

/// Reads YAML and JSON: the inventory's own form, a bare list of hosts, Prometheus `file_sd`, or Ansible's.
///
/// Strict: an unknown key is an error, because a misspelt `waive` or `hosts` would silently mean something else.
struct StructuredInventory {
    let source: String
    /// The wall clock, for waivers.
    let now: Date

    private var yaml: YAMLText { YAMLText(source: source) }

    /// The keys of the inventory's own form.
    private static let keys = ["service", "environment", "port", "hosts", "waivers", "access", "scheme"]

    /// The contents of a source.
    enum Contents {
        case listing(ParsedInventory)
        case ansible(AnsibleInventory)
    }

    func read(_ text: String) throws(InventoryError) -> Contents {
        guard let root = try yaml.compose(text) else { return .listing(ParsedInventory()) }
        switch root {
        case .mapping(let mapping) where AnsibleYAML.isRecognised(in: mapping, unlike: Self.keys):
            return .ansible(try AnsibleYAML(source: source).read(mapping))
        case .mapping(let mapping): return .listing(try inventory(mapping, root))
        case .sequence(let nodes):
            let isFileSD = nodes.contains { $0.mapping?.keys.contains { $0.scalar?.string == "targets" } ?? false }
            return .listing(isFileSD ? try fileSD(nodes) : ParsedInventory(hosts: try hosts(nodes)))
        case .scalar where root.isNull: return .listing(ParsedInventory())
        case .scalar, .alias:
            throw invalid(root, "the list of hosts is missing: write hosts: with a list, or one host or URL per line")
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
            case "environment":
                let name = try text(value, "environment")
                guard let environment = EnvironmentName(name) else {
                    throw invalid(value, "'\(InventoryError.shown(name))' \(EnvironmentName.rule)")
                }
                listing.environment = (environment, yaml.place(value))
            case "port":
                let text = try text(value, "port")
                guard let port = HostAddress.port(text) else {
                    throw invalid(
                        value, "invalid port '\(InventoryError.shown(text))': expected a number from 1 to 65535")
                }
                listing.port = port
            case "hosts":
                hasHosts = true
                if value.isNull { continue }
                guard case .sequence(let nodes) = value else {
                    throw invalid(value, "hosts needs a list: write one '- NAME' per line below it, or hosts: []")
                }
                listing.hosts = try hosts(nodes)
            case "scheme":
                scheme = try text(value, "scheme")
                try check(scheme: scheme, "scheme", value)
            case "waivers": listing.waivers = try waivers(value)
            case "access": listing.access = try accessRules(value)
            case let other:
                throw unknown(key, other, Self.keys)
            }
        }
        for index in listing.hosts.indices { listing.hosts[index].scheme = scheme }
        // A file with only waivers or access complements another source that cannot contain them, such as a generated one.
        guard hasHosts || !listing.waivers.isEmpty || !listing.access.isEmpty else {
            throw invalid(root, "hosts is missing: write hosts: with a list, or hosts: [] for none")
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
                guard url.schemeMark != nil else {
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
            throw invalid(node, "a host needs a name or a url: write '- name: NAME'")
        }
        return host
    }

    private func labels(_ node: Node) throws(InventoryError) -> [String: String] {
        if node.isNull { return [:] }
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "labels needs keys: write labels: {group: canary}")
        }
        var labels: [String: String] = [:]
        for (key, value) in mapping {
            labels[try keyText(key)] = value.isNull ? "" : try text(value, "a label", canBeEmpty: true)
        }
        return labels
    }

    // MARK: - file_sd

    /// Prometheus' file-based service discovery: groups of targets with their labels.
    ///
    /// Labels that begin with `__` are instructions to Prometheus, not labels of a host. `__scheme__` is used; the others are
    /// dropped, including `__metrics_path__`, which is the path of metrics.
    private func fileSD(_ groups: Node.Sequence) throws(InventoryError) -> ParsedInventory {
        var listing = ParsedInventory(hasForeignPorts: true)
        for group in groups {
            guard case .mapping(let mapping) = group else {
                throw invalid(group, "a host is listed among groups of targets: write it below targets")
            }
            var targets: Node.Sequence?
            var labels: [String: String] = [:]
            for (key, value) in mapping {
                switch try keyText(key) {
                case "targets":
                    guard case .sequence(let nodes) = value else {
                        throw invalid(value, "targets needs a list: write targets: [host:port, …]")
                    }
                    targets = nodes
                case "labels": labels = try self.labels(value)
                case let other: throw unknown(key, other, ["targets", "labels"])
                }
            }
            guard let targets else { throw invalid(group, "a group needs targets: write targets: [host:port, …]") }
            let scheme = labels["__scheme__"] ?? "http"
            try check(scheme: scheme, "__scheme__", group)
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

    private func text(_ node: Node, _ what: String, canBeEmpty: Bool = false) throws(InventoryError) -> String {
        guard case .scalar(let scalar) = node else {
            throw invalid(node, "\(what) needs a single value: write a text or a number")
        }
        guard !node.isNull, canBeEmpty || !scalar.string.isEmpty else {
            throw invalid(node, "\(what) is empty: give it a value or remove it")
        }
        return scalar.string
    }

    private func keyText(_ node: Node) throws(InventoryError) -> String { try text(node, "a key") }

    private func invalid(_ node: Node, _ problem: String) -> InventoryError {
        .invalid(yaml.place(node), problem: problem)
    }

    private func unknown(_ node: Node, _ key: String, _ known: [String]) -> InventoryError {
        let remedy =
            Suggestion.question(about: key, among: known)
            ?? "known keys are \(known.joined(separator: ", "))"
        return invalid(node, "unknown key '\(InventoryError.shown(key))': \(remedy)")
    }

    private func check(scheme: String, _ what: String, _ node: Node) throws(InventoryError) {
        guard ["http", "https"].contains(scheme) else {
            throw invalid(node, "invalid \(what) '\(InventoryError.shown(scheme))': expected http or https")
        }
    }
}

// MARK: - Waivers

extension StructuredInventory {
    /// A host's own waiver, below `waive`.
    private func waiver(_ node: Node) throws(InventoryError) -> Waiver {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "waive needs keys: write waive: {until: 2031-12-01T00:00:00Z, reason: …, by: …}")
        }
        var draft = Draft(name: "waive")
        for (key, value) in mapping {
            let text = try keyText(key)
            guard try take(text, value, into: &draft) else { throw unknown(key, text, ["until", "reason", "by"]) }
        }
        return try finish(draft, node)
    }

    /// The waivers below `waivers`, each for hosts by name or by label.
    private func waivers(_ node: Node) throws(InventoryError) -> [ListedWaiver] {
        if node.isNull { return [] }
        guard case .sequence(let nodes) = node else {
            throw invalid(
                node, "waivers needs a list: write one '- {hosts: [NAME], until: …, reason: …}' per line below it")
        }
        var waivers: [ListedWaiver] = []
        for node in nodes { waivers.append(try listedWaiver(node)) }
        return waivers
    }

    private func listedWaiver(_ node: Node) throws(InventoryError) -> ListedWaiver {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "a waiver needs keys: write {hosts: [NAME], until: …, reason: …}")
        }
        var draft = Draft(name: "waiver")
        var scopes: [ListedWaiver.Scope] = []
        for (key, value) in mapping {
            switch try keyText(key) {
            case "hosts": scopes.append(.hosts(try waivedHosts(value)))
            case "labels":
                let labels = try labels(value)
                guard !labels.isEmpty else {
                    throw invalid(value, "waiver.labels is empty: name a label, since it would waive every host")
                }
                scopes.append(.labels(labels))
            case let other:
                guard try take(other, value, into: &draft) else {
                    throw unknown(key, other, ["hosts", "labels", "until", "reason", "by"])
                }
            }
        }
        guard scopes.count == 1, let scope = scopes.first else {
            throw invalid(
                node,
                "a waiver \(scopes.isEmpty ? "needs hosts or" : "has both hosts and") labels: write one of them")
        }
        return ListedWaiver(place: yaml.place(node), scope: scope, waiver: try finish(draft, node))
    }

    private func waivedHosts(_ node: Node) throws(InventoryError) -> [String] {
        guard case .sequence(let nodes) = node, !nodes.isEmpty else {
            throw invalid(node, "waiver.hosts needs a list of names: write hosts: [NAME, …]")
        }
        var names: [String] = []
        for node in nodes { names.append(try text(node, "a waived host")) }
        return names
    }

    private struct Draft {
        /// The name in messages.
        var name: String
        var until: String?
        var reason: String?
        var by: String?
        var isExpired = false
    }

    /// Reads a key that every waiver can have.
    ///
    /// - Returns: false for another key.
    private func take(_ key: String, _ value: Node, into draft: inout Draft) throws(InventoryError) -> Bool {
        switch key {
        case "until":
            let text = try text(value, "\(draft.name).until")
            guard let date = Date(rfc3339: text) else {
                throw invalid(
                    value,
                    "invalid \(draft.name).until '\(InventoryError.shown(text))': "
                        + "expected an RFC 3339 time such as 2031-12-01T00:00:00Z")
            }
            draft.until = text
            draft.isExpired = date <= now
        case "reason": draft.reason = try text(value, "\(draft.name).reason")
        case "by": draft.by = try text(value, "\(draft.name).by")
        default: return false
        }
        return true
    }

    private func finish(_ draft: Draft, _ node: Node) throws(InventoryError) -> Waiver {
        guard let until = draft.until else {
            throw invalid(node, "\(draft.name) needs an end: write until: 2031-12-01T00:00:00Z")
        }
        guard let reason = draft.reason else {
            throw invalid(node, "\(draft.name) needs a reason: write reason: TEXT")
        }
        return Waiver(until: until, reason: reason, by: draft.by, isExpired: draft.isExpired)
    }
}

// MARK: - Credentials

extension StructuredInventory {
    /// Credentials for all hosts, or a list. A host uses the first entry of the list that selects it.
    private func accessRules(_ node: Node) throws(InventoryError) -> [InventoryCredentials] {
        if node.isNull { return [] }
        guard case .sequence(let nodes) = node else { return [try access(node, canSelect: true)] }
        var rules: [InventoryCredentials] = []
        for node in nodes { rules.append(try access(node, canSelect: true)) }
        return rules
    }

    /// - Parameter canSelect: true for credentials of many hosts.
    private func access(_ node: Node, canSelect: Bool = false) throws(InventoryError) -> InventoryCredentials {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "access needs keys: write access: {token_file: PATH, ca: PATH}")
        }
        var access = InventoryCredentials()
        let known = (canSelect ? ["select"] : []) + InventoryCredentials.Key.allCases.map(\.rawValue)
        for (key, value) in mapping {
            let name = try keyText(key)
            if let known = InventoryCredentials.Key(rawValue: name) {
                access[known] = .init(path: try path(value, "access.\(name)"), place: yaml.place(value))
            } else if name == "select", canSelect {
                access.selector = try selector(value)
            } else if name.contains("token") {
                // The value is not repeated.
                throw invalid(
                    key,
                    "a token is not allowed in an inventory (not shown here): write it to a file, and give token_file: PATH"
                )
            } else {
                throw unknown(key, name, known)
            }
        }
        guard !access.isEmpty else {
            throw invalid(node, "access needs a file: write token_file, ca, or cert and key")
        }
        guard access[.key] == nil || access[.cert] != nil else {
            throw invalid(node, "access.key needs access.cert: name the certificate that it belongs to")
        }
        return access
    }

    private func path(_ node: Node, _ what: String) throws(InventoryError) -> String {
        let path = try text(node, what)
        guard Sanitizer.isVisibleLine(path), path.utf8.count <= 4_096 else {
            throw invalid(
                node, "invalid \(what) '\(InventoryError.shown(path))': expected a path of visible characters")
        }
        return path
    }

    private func selector(_ node: Node) throws(InventoryError) -> HostSelector {
        let nodes = if case .sequence(let list) = node { Array(list) } else { [node] }
        var terms: [HostSelector.Term] = []
        for node in nodes {
            let text = try text(node, "access.select")
            guard let term = HostSelector.Term(parsing: text) else {
                throw invalid(
                    node, "invalid access.select '\(InventoryError.shown(text))': expected a label such as group=canary"
                )
            }
            terms.append(term)
        }
        guard !terms.isEmpty else {
            throw invalid(node, "access.select is empty: name a label, or omit select for all hosts")
        }
        return HostSelector(terms)
    }
}
