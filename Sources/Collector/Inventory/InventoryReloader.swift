import FoundationEssentials
import Shared

/// Reads an inventory's files again, to find hosts that were removed in the meantime.
///
/// Unchanged files cost one `stat` each. Standard input and pipes cannot be read twice; their hosts stay.
package struct InventoryReloader: Sendable {
    struct File: Sendable {
        let source: InventorySource
        /// nil if the source cannot be read again.
        var stamp: FileStamp?
        var names: Set<String>
    }

    private var files: [File]
    /// The names listed by flags.
    private let constant: Set<String>
    private let service: String
    private let now: Date

    init(files: [File], constant: Set<String>, service: String, now: Date) {
        self.files = files
        self.constant = constant
        self.service = service
        self.now = now
    }

    /// The names that the sources list now, or nil if no file changed since the last call.
    ///
    /// - Throws: if a file cannot be read, or is no longer an inventory. Its hosts stay as they were, and the next call tries
    ///   again.
    package mutating func listedNames() throws(InventoryError) -> Set<String>? {
        var hasChanged = false
        for index in files.indices {
            guard let stamp = files[index].stamp, case .file(let path) = files[index].source.origin,
                FileStamp(path: path) != stamp
            else { continue }
            let reading = try InventoryLoader(now: now).read(files[index].source)
            var builder = InventoryBuilder(service: service)
            try builder.add(reading.listing)
            files[index].names = builder.names.first ?? []
            files[index].stamp = reading.stamp
            hasChanged = true
        }
        guard hasChanged else { return nil }
        return files.reduce(into: constant) { $0.formUnion($1.names) }
    }
}
