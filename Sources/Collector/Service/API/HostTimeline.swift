import Hummingbird
import Ledger
import Operations
import Shared

/// The changes of a host that standing checks saw, latest first: those in the ledger, and before them those that are not there
/// yet. All are of the past, and none is shown as the present.
struct HostTimeline {
    let changes: [StandingChange]
    /// The cursor of the next page; nil on the last one.
    let next: String?

    /// - Parameters:
    ///   - query: with a `cursor`, or without one.
    ///   - limit: the most changes of a page.
    init(of host: String, _ query: Query, limit: Int, in model: ServiceModel) async throws {
        let place = try query.cursor(parts: 1).map { parts in
            guard let place = Int64(parts[0]) else {
                throw Problem.invalid("cursor", parts[0], expected: "the 'next' of the page before, unchanged")
            }
            return place
        }
        // Before the ledger is read, so that none is missed: one that is written meanwhile is found twice.
        let waiting = place == nil ? model.entries.first?.board.recorder?.waiting(of: host) ?? [] : []
        let latest = waiting.filter { $0.status != nil }.prefix(limit)
        guard latest.count < limit else {
            (changes, next) = (Array(latest), Cursor(["\(Int64.max)"]).text)
            return
        }
        let page = try await model.ledger.standingChanges(of: host, limit: limit - latest.count, after: place)
        let recorded = Set(page.changes)
        changes = latest.filter { !recorded.contains($0) } + page.changes
        next = page.next.map { Cursor(["\($0)"]).text }
    }
}
