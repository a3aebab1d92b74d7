/// How lists are read that come in pages.
enum ForgePages {
    /// Pages of one list; a list that goes on behind them is not readable.
    static let limit = 200
    /// Rows that are kept of one reading.
    static let rowLimit = 20_000

    /// A forge that never comes to an end.
    static func endless(_ place: String) -> ForgeError {
        ForgeError(.unreadable, "\(place): the list does not end within \(limit) pages and \(rowLimit) rows")
    }
}
