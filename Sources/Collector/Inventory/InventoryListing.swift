/// What one source says.
struct InventoryListing: Sendable {
    var hosts: [ListedHost] = []
    var service: (name: String, place: InventoryPlace)?
    var port: Int?
}
