import CollectorSupport
import Shared
import Yams

/// Reads Ansible's YAML format, and the JSON that `ansible-inventory --list` and dynamic inventories print.
struct AnsibleYAML {
    private static let sections = ["hosts", "children", "vars"]
    private static let meta = "_meta"

    let source: String
    private var yaml: YAMLText { YAMLText(source: source) }

    /// True if the keys of a document are groups: `all`, `_meta`, or mappings with hosts, children or variables.
    ///
    /// - Parameter others: the keys of another format, which make it that format.
    static func isRecognised(in mapping: Node.Mapping, unlike others: [String]) -> Bool {
        let names = mapping.keys.compactMap(\.scalar?.string)
        if names.contains("all") || names.contains(meta) { return true }
        guard !names.contains(where: others.contains) else { return false }
        return mapping.values.contains { group in
            group.mapping?.keys.contains { sections.contains($0.scalar?.string ?? "") } ?? false
        }
    }

    func read(_ mapping: Node.Mapping) throws(InventoryError) -> AnsibleInventory {
        var inventory = AnsibleInventory(source: source)
        var hostVariables: Node?
        for (key, value) in mapping {
            let name = try text(key)
            if name == Self.meta {
                hostVariables = value.mapping?["hostvars"]
            } else {
                try add(name, value, to: &inventory)
            }
        }
        if let all = hostVariables?.mapping {
            let known = Set(inventory.names.hosts)
            for (key, value) in all {
                let name = try text(key)
                // Groups list the hosts; variables alone do not make one.
                guard known.contains(name) else { continue }
                inventory.addHost(name, to: AnsibleInventory.everyone, try variables(value), yaml.place(key))
            }
        }
        return inventory
    }

    private func add(
        _ group: String, _ node: Node, to inventory: inout AnsibleInventory
    ) throws(InventoryError) {
        inventory.addGroup(group, yaml.place(node))
        // Scripts may print a group as the list of its hosts.
        if case .sequence(let names) = node {
            for name in names { try add(host: name, nil, to: group, &inventory) }
            return
        }
        if node.isNull { return }
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "the group '\(InventoryError.shown(group))' needs hosts, children or vars below it")
        }
        for (key, value) in mapping {
            switch try text(key) {
            case "hosts":
                for (name, variables) in try entries(value, "hosts") {
                    try add(host: name, variables, to: group, &inventory)
                }
            case "children":
                for (name, child) in try entries(value, "children") {
                    let childName = try text(name)
                    if let child { try add(childName, child, to: &inventory) }
                    try inventory.addChild(childName, to: group, yaml.place(name))
                }
            case "vars":
                for (name, value) in try variables(value) { inventory.set(name, value, of: group) }
            case let other:
                let remedy =
                    Suggestion.question(about: other, among: Self.sections)
                    ?? "a group has hosts, children and vars"
                throw invalid(
                    key,
                    "unknown key '\(InventoryError.shown(other))' in the group '\(InventoryError.shown(group))': \(remedy)"
                )
            }
        }
    }

    private func add(
        host node: Node, _ variables: Node?, to group: String, _ inventory: inout AnsibleInventory
    ) throws(InventoryError) {
        let place = yaml.place(node)
        let values = try variables.map { node throws(InventoryError) in try self.variables(node) } ?? [:]
        for name in try AnsibleHostPattern.expand(try text(node), place) {
            inventory.addHost(name, to: group, values, place)
        }
    }

    /// The keys of a mapping with their values, the texts of a list, or a single text.
    private func entries(_ node: Node, _ what: String) throws(InventoryError) -> [(Node, Node?)] {
        if node.isNull { return [] }
        return switch node {
        case .mapping(let mapping): mapping.map { ($0.key, $0.value) }
        case .sequence(let nodes): nodes.map { ($0, nil) }
        case .scalar: [(node, nil)]
        case .alias: throw invalid(node, "\(what) needs names: write one 'NAME:' per line below it")
        }
    }

    private func variables(_ node: Node) throws(InventoryError) -> AnsibleInventory.Variables {
        if node.isNull { return [:] }
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "variables need names: write one 'NAME: VALUE' per line")
        }
        var variables: AnsibleInventory.Variables = [:]
        for (key, value) in mapping {
            variables[try text(key)] = AnsibleInventory.Value(text: Self.plainText(value), place: yaml.place(value))
        }
        return variables
    }

    /// nil for lists, mappings, null, and values with a tag, such as those of a vault.
    private static func plainText(_ node: Node) -> String? {
        guard case .scalar(let scalar) = node, !node.isNull, !node.tag.description.hasPrefix("!") else { return nil }
        return scalar.string
    }

    private func text(_ node: Node) throws(InventoryError) -> String {
        guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
            throw invalid(node, "a name is expected here: write a text")
        }
        return scalar.string
    }

    private func invalid(_ node: Node, _ problem: String) -> InventoryError {
        .invalid(yaml.place(node), problem: problem)
    }
}

// MARK: - Files of variables

extension AnsibleYAML {
    /// The variables of a file below `group_vars` or `host_vars`.
    func readVariables(_ text: String) throws(InventoryError) -> AnsibleInventory.Variables {
        guard let root = try yaml.compose(text) else { return [:] }
        return try variables(root)
    }
}
