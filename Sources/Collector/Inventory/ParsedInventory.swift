import CollectorSupport
import Verdict

/// The contents of one source.
struct ParsedInventory: Sendable {
    var hosts: [ListedHost] = []
    /// Waivers for hosts of any source.
    var waivers: [ListedWaiver] = []
    /// Credentials for hosts of any source; a host uses the first ones that select it.
    var access: [InventoryCredentials] = []
    var service: (name: String, place: SourceLocation)?
    var environment: (name: EnvironmentName, place: SourceLocation)?
    var port: Int?
    /// True if the hosts' ports are those of whatever the list was made for.
    var hasForeignPorts = false
    /// True if hosts can be selected by an Ansible group.
    var isAnsible = false
    /// Warnings for the report, one line each.
    var warnings: [String] = []

    /// Removes the ports of a list with foreign ports. Targets that differ by their ports alone become one host
    /// with the labels that they share.
    mutating func removeForeignPorts() {
        guard hasForeignPorts else { return }
        var merged: [ListedHost] = []
        var indices: [String: Int] = [:]
        for var host in hosts {
            guard host.name == nil, let address = host.address, let parts = HostAddress.hostAndPort(address) else {
                merged.append(host)
                continue
            }
            host.address = parts.host
            if let index = indices[parts.host] {
                merged[index].labels = merged[index].labels.filter { host.labels[$0.key] == $0.value }
            } else {
                indices[parts.host] = merged.count
                merged.append(host)
            }
        }
        hosts = merged
    }
}

/// A host as a source lists it, before its service and port are known.
struct ListedHost: Hashable, Sendable {
    var place: SourceLocation
    /// nil if the address is also the name.
    var name: String?
    /// A host, a host with a port, or a URL; nil if the name is also the address.
    var address: String?
    var id: String?
    var labels: [String: String] = [:]
    var waiver: Waiver?
    /// The host's own credentials, which take precedence over those for many hosts.
    var access: InventoryCredentials?
    /// The scheme, unless the address is a URL.
    var scheme = "http"
}

/// A waiver for hosts that its source need not list.
struct ListedWaiver: Hashable, Sendable {
    /// The waived hosts.
    enum Scope: Hashable, Sendable {
        /// Hosts by name; not empty.
        case hosts([String])
        /// Hosts with all of these labels; not empty.
        case labels([String: String])
    }

    var place: SourceLocation
    var scope: Scope
    var waiver: Waiver
}
