/// What one source says.
struct InventoryListing: Sendable {
    var hosts: [ListedHost] = []
    /// For hosts of any source.
    var waivers: [ListedWaiver] = []
    /// For hosts of any source; the first that selects a host is its own.
    var access: [ListedAccess] = []
    var service: (name: String, place: InventoryPlace)?
    var port: Int?
}
