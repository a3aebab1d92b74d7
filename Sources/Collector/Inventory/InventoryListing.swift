/// What one source says.
struct InventoryListing: Sendable {
    var hosts: [ListedHost] = []
    /// For hosts of any source.
    var waivers: [ListedWaiver] = []
    var service: (name: String, place: InventoryPlace)?
    var port: Int?
}
