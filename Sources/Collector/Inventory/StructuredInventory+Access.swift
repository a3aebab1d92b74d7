import Shared
import Verdict
import Yams

/// How hosts are asked: `access` of a host, and of the inventory for all hosts or for those with some labels.
extension StructuredInventory {
    /// A mapping for all hosts, or a list of which the first that selects a host is its own.
    func accessRules(_ node: Node) throws(InventoryError) -> [InventoryCredentials] {
        if isNull(node) { return [] }
        guard case .sequence(let nodes) = node else { return [try access(node, canSelect: true)] }
        var rules: [InventoryCredentials] = []
        for node in nodes { rules.append(try access(node, canSelect: true)) }
        return rules
    }

    /// - Parameter canSelect: whether it is one for many hosts.
    func access(_ node: Node, canSelect: Bool = false) throws(InventoryError) -> InventoryCredentials {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "access is no mapping: write access: {token_file: PATH, ca: PATH}")
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
                // Whatever stands there is not repeated.
                throw invalid(
                    key, "an inventory holds no token (not shown here): write it to a file, and token_file: PATH here")
            } else {
                throw unknown(key, name, known)
            }
        }
        guard !access.isEmpty else {
            throw invalid(node, "access names no file: write token_file, ca, or cert and key")
        }
        guard access[.key] == nil || access[.cert] != nil else {
            throw invalid(node, "access.key has no access.cert: name the certificate that it belongs to")
        }
        return access
    }

    private func path(_ node: Node, _ what: String) throws(InventoryError) -> String {
        let path = try text(node, what)
        guard Sanitizer.isVisibleLine(path), path.utf8.count <= 4_096 else {
            throw invalid(node, "\(what) '\(InventoryError.shown(path))' is no path of visible characters: correct it")
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
                    node, "access.select '\(InventoryError.shown(text))' is no label: write for example group=canary")
            }
            terms.append(term)
        }
        guard !terms.isEmpty else {
            throw invalid(node, "access.select is empty: name a label, or leave select out for all hosts")
        }
        return HostSelector(terms)
    }
}
