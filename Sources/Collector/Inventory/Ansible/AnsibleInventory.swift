import CollectorSupport
import Shared
import Verdict

/// The groups, hosts and variables of an Ansible inventory, with Ansible's rules for what a host inherits.
///
/// A host becomes an expected host with its inventory name. Its address is `ansible_host`, or else its name. Ports of
/// Ansible's are those of SSH and are ignored. The variables `buildinfo_url`, `buildinfo_port`, `buildinfo_scheme` and
/// `buildinfo_id` are for the collector. Other variables become labels, and ``group`` is one more.
struct AnsibleInventory {
    /// The label with the names of the groups that list a host, unless a variable has this name.
    static let groupLabel = "group"
    /// The group of all hosts.
    static let everyone = "all"
    /// The group of the hosts that no other group lists.
    static let ungrouped = "ungrouped"

    /// A variable's value: text, or nil for what cannot be a label or an address (a list, a mapping, null, a vault).
    struct Value: Hashable {
        var text: String?
        var place: SourceLocation
    }

    typealias Variables = [String: Value]

    private struct Group {
        var place: SourceLocation
        var parents: [String] = []
        var hosts: Set<String> = []
        var variables: Variables = [:]
    }

    private struct Host {
        var name: String
        var place: SourceLocation
        /// The groups that list it, in the order of the source.
        var groups: [String] = []
        var variables: Variables = [:]

        /// The groups that list it, without those that every host has.
        var ownGroups: [String] { groups.filter { $0 != everyone && $0 != ungrouped } }
    }

    let source: String
    private var groups: [String: Group] = [:]
    private var hosts: [Host] = []
    private var indices: [String: Int] = [:]
    /// Variables from the files beside the inventory, which override those of all groups of the inventory.
    var files = AnsibleVariableFiles()

    init(source: String) {
        self.source = source
    }

    // MARK: - Building

    mutating func addGroup(_ name: String, _ place: SourceLocation) {
        if groups[name] == nil { groups[name] = Group(place: place) }
    }

    func hasGroup(_ name: String) -> Bool {
        groups[name] != nil || name == Self.everyone || name == Self.ungrouped
    }

    /// - Throws: if the child already contains the parent.
    mutating func addChild(_ child: String, to parent: String, _ place: SourceLocation) throws(InventoryError) {
        addGroup(parent, place)
        addGroup(child, place)
        // Every group is below `all` anyway.
        guard parent != Self.everyone, groups[child]?.parents.contains(parent) == false else { return }
        guard child != parent, !ancestors(of: [parent]).contains(child) else {
            throw .invalid(
                place,
                problem: "the groups '\(InventoryError.shown(parent))' and '\(InventoryError.shown(child))' contain "
                    + "each other: remove one from the other's children")
        }
        groups[child]?.parents.append(parent)
    }

    /// Adds a host, or variables to a host that was listed before.
    mutating func addHost(_ name: String, to group: String, _ variables: Variables, _ place: SourceLocation) {
        addGroup(group, place)
        let index = indices[name] ?? hosts.count
        if index == hosts.count {
            indices[name] = index
            hosts.append(Host(name: name, place: place))
        }
        hosts[index].variables.merge(variables) { $1 }
        if groups[group]?.hosts.insert(name).inserted == true { hosts[index].groups.append(group) }
    }

    mutating func set(_ name: String, _ value: Value, of group: String) {
        addGroup(group, value.place)
        groups[group]?.variables[name] = value
    }

    var hostCount: Int { hosts.count }

    // MARK: - Inheritance

    /// The groups and all groups that contain them, `all` included.
    private func ancestors(of names: [String]) -> Set<String> {
        var found: Set<String> = [Self.everyone]
        var open = names
        while let name = open.popLast() {
            guard found.insert(name).inserted else { continue }
            open += groups[name]?.parents ?? []
        }
        return found
    }

    /// The groups that a host inherits from, from the weakest to the strongest: by depth, then priority, then name.
    private func inheritance() -> (_ host: Host) -> [String] {
        var depths: [String: Int] = [Self.everyone: 0]
        func depth(_ name: String) -> Int {
            if let known = depths[name] { return known }
            let depth = 1 + (groups[name]?.parents.map(depth).max() ?? 0)
            depths[name] = depth
            return depth
        }
        let rank = groups.mapValues { $0.variables["ansible_group_priority"]?.text.flatMap { Int($0) } ?? 1 }
        return { host in
            ancestors(of: host.ownGroups.isEmpty ? [Self.ungrouped] : host.ownGroups).sorted {
                (depth($0), rank[$0] ?? 1, $0) < (depth($1), rank[$1] ?? 1, $1)
            }
        }
    }

    /// The hosts with what they inherit.
    ///
    /// - Parameter selected: the group whose hosts are expected; nil for every host.
    func listing(of selected: String?) throws(InventoryError) -> ParsedInventory {
        if let selected, !hasGroup(selected) {
            let names = groups.keys.filter { $0 != Self.ungrouped }.sorted()
            let remedy =
                Suggestion.nearest(to: selected, among: names).map { "did you mean '#\($0)'?" }
                ?? (names.isEmpty ? "it has no groups" : "its groups are \(names.listed(limit: 5))")
            throw .invalid(
                SourceLocation(source: source, line: nil),
                problem: "no group is named '\(InventoryError.shown(selected))': \(Sanitizer.singleLine(remedy))")
        }
        let groupsOf = inheritance()
        var listing = ParsedInventory(warnings: files.warnings)
        listing.isAnsible = true
        for host in hosts {
            let inherited = groupsOf(host)
            if let selected, !inherited.contains(selected) { continue }
            var variables: Variables = [:]
            for group in inherited { variables.merge(groups[group]?.variables ?? [:]) { $1 } }
            for group in inherited { variables.merge(files.ofGroup[group] ?? [:]) { $1 } }
            variables.merge(host.variables) { $1 }
            variables.merge(files.ofHost[host.name] ?? [:]) { $1 }
            listing.hosts.append(
                try AnsibleHost(name: host.name, variables: variables).listed(host.place, host.ownGroups))
        }
        return listing
    }

    /// The names of all groups and hosts, for the files beside the inventory.
    var names: (groups: [String], hosts: [String]) {
        (Set(groups.keys).union([Self.everyone]).sorted(), hosts.map(\.name))
    }
}

/// A host with all its variables.
private struct AnsibleHost {
    let name: String
    let variables: AnsibleInventory.Variables

    func listed(_ place: SourceLocation, _ groups: [String]) throws(InventoryError) -> ListedHost {
        var host = ListedHost(place: place, name: name)
        host.id = try text("buildinfo_id")
        if let scheme = try text("buildinfo_scheme") {
            guard ["http", "https"].contains(scheme) else {
                throw invalid(
                    "buildinfo_scheme",
                    "invalid buildinfo_scheme '\(InventoryError.shown(scheme))': expected http or https")
            }
            host.scheme = scheme
        }
        host.address = if let url = try url() { url } else { try address() }
        host.labels = labels(groups)
        return host
    }

    private func url() throws(InventoryError) -> String? {
        guard let url = try text("buildinfo_url") else { return nil }
        guard url.contains("://") else {
            throw invalid("buildinfo_url", HostAddress.ParseError.scheme.message(about: url))
        }
        return url
    }

    private func address() throws(InventoryError) -> String {
        let host = try text("ansible_host") ?? name
        guard let port = try text("buildinfo_port") else { return host }
        guard HostAddress.port(port) != nil else {
            throw invalid(
                "buildinfo_port",
                "invalid buildinfo_port '\(InventoryError.shown(port))': expected a number from 1 to 65535")
        }
        guard let address = HostAddress.hostAndPort(host)?.host else { return host }
        return "\(address):\(port)"
    }

    /// A variable that the collector uses, with `{{ NAME }}` replaced by the variable of that name; nil if it is not set.
    private func text(_ variable: String) throws(InventoryError) -> String? {
        guard let value = variables[variable] else { return nil }
        guard let text = value.text, let resolved = resolve(text, depth: 8) else {
            throw invalid(
                variable,
                "\(variable) of '\(InventoryError.shown(name))' is not plain text: write the value itself, "
                    + "or pass the output of 'ansible-inventory --list' with --fleet -")
        }
        return resolved.isEmpty ? nil : resolved
    }

    /// - Returns: nil for anything but references to plain variables.
    private func resolve(_ text: String, depth: Int) -> String? {
        guard let start = text.firstRange(of: "{{") else { return text.contains("{%") ? nil : text }
        guard depth > 0, let end = text[start.upperBound...].firstRange(of: "}}") else { return nil }
        let reference = String(text[start.upperBound..<end.lowerBound]).trimmingBlanks()
        guard let value = reference == "inventory_hostname" ? name : variables[reference]?.text,
            let inner = resolve(value, depth: depth - 1),
            let rest = resolve(String(text[end.upperBound...]), depth: depth)
        else { return nil }
        return text[..<start.lowerBound] + inner + rest
    }

    private func invalid(_ variable: String, _ problem: String) -> InventoryError {
        .invalid(variables[variable]?.place ?? SourceLocation(source: "", line: nil), problem: problem)
    }

    // MARK: - Labels

    private func labels(_ groups: [String]) -> [String: String] {
        var labels: [String: String] = [:]
        for (name, value) in variables where Self.canBeLabel(name) {
            guard let text = value.text, text.utf8.count <= 255, text.isEmpty || Sanitizer.isVisibleLine(text),
                !text.contains("{{"), !text.contains("{%")
            else { continue }
            labels[name] = text
        }
        let listing = groups.sorted().joined(separator: ",")
        if labels[AnsibleInventory.groupLabel] == nil, !listing.isEmpty, listing.utf8.count <= 255,
            Sanitizer.isVisibleLine(listing)
        {
            labels[AnsibleInventory.groupLabel] = listing
        }
        return labels
    }

    /// False for connection parameters, the collector's own variables, and names that suggest a secret, since labels are in
    /// every report.
    private static func canBeLabel(_ name: String) -> Bool {
        guard !name.hasPrefix("ansible_"), !name.hasPrefix("buildinfo_"), name.utf8.count <= 128,
            Sanitizer.isVisibleLine(name)
        else { return false }
        let lowercase = name.lowercased()
        let words = lowercase.split { $0 == "_" || $0 == "-" || $0 == "." }
        return !["passw", "passphrase", "secret", "token", "credential", "vault"].contains { lowercase.contains($0) }
            && !["pass", "pwd", "auth", "key", "keys", "apikey"].contains { words.contains(Substring($0)) }
    }
}
