/// What a forge said of a commit at one time: once, or in several views that must agree.
struct CIReading: Hashable, Sendable {
    /// Each view has all rows, in any order, of the contexts that were asked for.
    var views: [[CIRow]]

    /// Where a context stands, and the row that says so.
    struct Standing: Hashable, Sendable {
        var state: CIState
        var row: CIRow?
    }

    /// - Parameter app: if given, only this app's check runs count.
    func standing(of context: String, app: String? = nil) -> Standing {
        let decisive = views.map { Self.decisive($0, context: context, app: app) }
        guard let first = decisive.first, decisive.allSatisfy({ Self.agree($0, first) }) else {
            let newest = decisive.flatMap(\.values).compactMap(\.row).max { $0.id < $1.id }
            return Standing(state: .unsettled, row: newest)
        }
        // A name that several use must be fine with each: another app's success is nobody else's.
        let worst = first.values.max { ($0.state.effect, $0.row?.id ?? 0) < ($1.state.effect, $1.row?.id ?? 0) }
        return worst ?? Standing(state: .missing)
    }

    /// The row with the highest number of each source.
    private static func decisive(_ rows: [CIRow], context: String, app: String?) -> [CIRow.Source: Standing] {
        var newest: [CIRow.Source: Standing] = [:]
        for row in rows where row.context == context {
            if let app, case .checkRun(let other) = row.source, other != app { continue }
            guard let known = newest[row.source]?.row else {
                newest[row.source] = Standing(state: row.state, row: row)
                continue
            }
            if row.id > known.id {
                newest[row.source] = Standing(state: row.state, row: row)
            } else if row.id == known.id, row.state != known.state {
                newest[row.source]?.state = .unsettled
            }
        }
        return newest
    }

    private static func agree(_ one: [CIRow.Source: Standing], _ other: [CIRow.Source: Standing]) -> Bool {
        one.count == other.count
            && one.allSatisfy { source, standing in
                other[source]?.state == standing.state && other[source]?.row?.id == standing.row?.id
            }
    }
}
