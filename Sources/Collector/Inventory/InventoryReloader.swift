import FoundationEssentials
import Shared

/// Reads an inventory's files again, so that hosts that were taken out since can be told.
///
/// Cheap where nothing changed: one `stat` a file. Standard input and pipes cannot be read twice; what they listed stays.
package struct InventoryReloader: Sendable {
    package struct File: Sendable {
        package var source: InventorySource
        /// nil for what cannot be read again.
        var stamp: FileStamp?
        package var names: Set<String>

        package init(source: InventorySource, stamp: FileStamp? = nil, names: Set<String>) {
            self.source = source
            self.stamp = stamp
            self.names = names
        }
    }

    private var files: [File]
    /// Listed by flags.
    private let constant: Set<String>
    private let service: String
    private let now: Date

    init(files: [File], constant: Set<String>, service: String, now: Date) {
        self.files = files
        self.constant = constant
        self.service = service
        self.now = now
    }

    /// The names that the sources list now, or nil where no file changed since the last time.
    ///
    /// - Throws: where a file cannot be read, or is no inventory any more. That says nothing about its hosts: they stay as
    ///   they were, and the next call tries again.
    package mutating func listedNames() throws(InventoryError) -> Set<String>? {
        var hasChanged = false
        for index in files.indices {
            guard let stamp = files[index].stamp, case .file(let path) = files[index].source,
                FileStamp(path: path) != stamp
            else { continue }
            let reading = try InventoryLoader(now: now).read(files[index].source)
            var freezer = InventoryBuilder(service: service)
            try freezer.add(reading.listing)
            files[index].names = freezer.names.first ?? []
            files[index].stamp = reading.stamp
            hasChanged = true
        }
        guard hasChanged else { return nil }
        return files.reduce(into: constant) { $0.formUnion($1.names) }
    }
}
