/// What one source says.
struct ParsedInventory: Sendable {
    var hosts: [ListedHost] = []
    /// For hosts of any source.
    var waivers: [ListedWaiver] = []
    /// For hosts of any source; the first that selects a host is its own.
    var access: [InventoryCredentials] = []
    var service: (name: String, place: SourceLocation)?
    var port: Int?
}
