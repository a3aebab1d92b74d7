import Verdict

/// A host as a source lists it, before it is known what service and which port are asked.
struct ListedHost: Hashable, Sendable {
    var place: SourceLocation
    /// nil where the address gives the name.
    var name: String?
    /// A host, a host with a port, or a URL; nil where the name is the address.
    var address: String?
    var id: String?
    var labels: [String: String] = [:]
    var waiver: Waiver?
    /// Its own; wins over what the sources say for many.
    var access: InventoryCredentials?
    /// How it is spoken to, where the address is no URL.
    var scheme = "http"
}
