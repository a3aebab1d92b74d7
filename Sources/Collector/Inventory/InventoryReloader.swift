import FoundationEssentials
import Shared

/// Reads an inventory's sources again, to find hosts that were removed in the meantime.
///
/// Unchanged files cost one `stat` each. Lists that servers have are read again every ``refresh``. Standard input and pipes
/// cannot be read twice; their hosts stay.
package struct InventoryReloader: Sendable {
    struct Source: Sendable {
        let source: InventorySource
        /// nil if the source cannot be read again.
        var version: SourceVersion?
        var names: Set<String>
        /// The time of the last read of a server's list.
        var readAt = ContinuousClock.now
    }

    /// The interval between two reads of a server's list.
    static let refresh = Duration.seconds(30)

    private var sources: [Source]
    /// The names listed by flags.
    private let constant: Set<String>
    private let service: String
    private let port: Int?
    private let now: Date
    private let server: InventoryServer?

    init(
        sources: [Source], constant: Set<String>, service: String, port: Int? = nil, now: Date,
        server: InventoryServer? = nil
    ) {
        self.sources = sources
        self.constant = constant
        self.service = service
        self.port = port
        self.now = now
        self.server = server
    }

    /// The files among the sources.
    package var paths: [String] {
        sources.compactMap { source in
            guard case .file(let path) = source.source.origin else { return nil }
            return path
        }
    }

    /// The names that the sources list now, or nil if no source changed since the last call.
    ///
    /// - Parameter instant: the present time, which decides if servers are asked again.
    /// - Throws: if a source cannot be read, or is no longer an inventory. Its hosts stay as they were, and the next call tries
    ///   again.
    package mutating func listedNames(
        at instant: ContinuousClock.Instant = .now
    ) async throws(InventoryError) -> Set<String>? {
        var hasChanged = false
        for index in sources.indices {
            guard let reading = try await reread(index, instant) else { continue }
            var builder = InventoryBuilder(service: service, port: port)
            try builder.add(reading.listing)
            sources[index].names = builder.names.first ?? []
            sources[index].version = reading.version
            hasChanged = true
        }
        guard hasChanged else { return nil }
        return sources.reduce(into: constant) { $0.formUnion($1.names) }
    }

    /// nil for a source that did not change.
    private mutating func reread(
        _ index: Int, _ instant: ContinuousClock.Instant
    ) async throws(InventoryError) -> InventoryLoader.Reading? {
        let source = sources[index].source
        switch sources[index].version {
        case nil: return nil
        case .file(let stamp):
            guard case .file(let path) = source.origin, FileStamp(path: path) != stamp else { return nil }
            return try InventoryLoader(now: now).read(source)
        case .remote(let tag, _):
            guard let server, instant - sources[index].readAt >= Self.refresh else { return nil }
            sources[index].readAt = instant
            guard let list = try await server.read(source, unless: tag), list.version != sources[index].version else {
                return nil
            }
            return try InventoryLoader(now: now).read(source, list)
        }
    }
}
