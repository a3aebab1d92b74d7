import CollectorSupport
import FoundationEssentials
import Shared
import Verdict
import Yams

/// Waivers: a host's own, and those that are listed beside the hosts.
extension StructuredInventory {
    /// A host's own, below `waive`.
    func waiver(_ node: Node) throws(InventoryError) -> Waiver {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "waive is no mapping: write waive: {until: 2026-12-01T00:00:00Z, reason: …, by: …}")
        }
        var draft = Draft(name: "waive")
        for (key, value) in mapping {
            let text = try keyText(key)
            guard try take(text, value, into: &draft) else { throw unknown(key, text, ["until", "reason", "by"]) }
        }
        return try finish(draft, node)
    }

    /// Those below `waivers`, each for some hosts by name or by label.
    func waivers(_ node: Node) throws(InventoryError) -> [ListedWaiver] {
        if isNull(node) { return [] }
        guard case .sequence(let nodes) = node else {
            throw invalid(node, "waivers is no list: write '- {hosts: [NAME], until: …, reason: …}' a line below it")
        }
        var waivers: [ListedWaiver] = []
        for node in nodes { waivers.append(try listedWaiver(node)) }
        return waivers
    }

    private func listedWaiver(_ node: Node) throws(InventoryError) -> ListedWaiver {
        guard case .mapping(let mapping) = node else {
            throw invalid(node, "a waiver is no mapping: write {hosts: [NAME], until: …, reason: …}")
        }
        var draft = Draft(name: "waiver")
        var scopes: [ListedWaiver.Scope] = []
        for (key, value) in mapping {
            switch try keyText(key) {
            case "hosts": scopes.append(.hosts(try waivedHosts(value)))
            case "labels":
                let labels = try labels(value)
                guard !labels.isEmpty else {
                    throw invalid(value, "waiver.labels is empty: name a label, or no host would be left")
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
                "a waiver has \(scopes.isEmpty ? "neither hosts nor" : "both hosts and") labels: write one of them")
        }
        return ListedWaiver(place: yaml.place(node), scope: scope, waiver: try finish(draft, node))
    }

    private func waivedHosts(_ node: Node) throws(InventoryError) -> [String] {
        guard case .sequence(let nodes) = node, !nodes.isEmpty else {
            throw invalid(node, "waiver.hosts is no list of names: write hosts: [NAME, …]")
        }
        var names: [String] = []
        for node in nodes { names.append(try text(node, "a waived host")) }
        return names
    }

    // MARK: - What all have

    private struct Draft {
        /// What messages call it.
        var name: String
        var until: String?
        var reason: String?
        var by: String?
        var isExpired = false
    }

    /// - Returns: whether the key is one that every waiver may have.
    private func take(_ key: String, _ value: Node, into draft: inout Draft) throws(InventoryError) -> Bool {
        switch key {
        case "until":
            let text = try text(value, "\(draft.name).until")
            guard let date = Date(rfc3339: text) else {
                throw invalid(
                    value,
                    "\(draft.name).until '\(InventoryError.shown(text))' is no RFC 3339 time: "
                        + "write for example 2026-12-01T00:00:00Z")
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
            throw invalid(node, "\(draft.name) has no until: a waiver ends, write until: 2026-12-01T00:00:00Z")
        }
        guard let reason = draft.reason else {
            throw invalid(node, "\(draft.name) has no reason: write why the host is left out")
        }
        return Waiver(until: until, reason: reason, by: draft.by, isExpired: draft.isExpired)
    }
}
