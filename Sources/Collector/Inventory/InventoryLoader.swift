import FoundationEssentials

/// Reads one source in whatever format it has.
package struct InventoryLoader: Sendable {
    let now: Date
    var reader = InventoryReader()

    package struct Reading: Sendable {
        var source: InventorySource
        var listing: ParsedInventory
        var stamp: FileStamp?
    }

    func read(_ source: InventorySource) throws(InventoryError) -> Reading {
        let content = try reader.read(source)
        var listing =
            switch InventoryFormat(recognising: content.text) {
            case .lines: try LineInventory(source: source.name).read(content.text)
            case .structured: try StructuredInventory(source: source.name, now: now).read(content.text)
            }
        // A relative path means the same wherever the collector is started; standard input lies in no folder.
        if case .file(let path) = source, let slash = path.lastIndex(of: "/") {
            let folder = String(path[...slash])
            listing.access = listing.access.map { $0.resolved(in: folder) }
            for index in listing.hosts.indices {
                listing.hosts[index].access = listing.hosts[index].access?.resolved(in: folder)
            }
        }
        return Reading(source: source, listing: listing, stamp: content.stamp)
    }
}
