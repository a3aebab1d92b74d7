import FoundationEssentials

/// Reads one source in whatever format it has.
struct InventoryLoader: Sendable {
    let now: Date
    var reader = InventoryReader()

    struct Reading: Sendable {
        var source: InventorySource
        var listing: InventoryListing
        var stamp: FileStamp?
    }

    func read(_ source: InventorySource) throws(InventoryError) -> Reading {
        let content = try reader.read(source)
        let listing =
            switch InventoryFormat(recognising: content.text) {
            case .lines: try LineInventory(source: source.name).read(content.text)
            case .structured: try StructuredInventory(source: source.name, now: now).read(content.text)
            }
        return Reading(source: source, listing: listing, stamp: content.stamp)
    }
}
