/// What a forge said of a commit at one time: all rows, and where the forge has one its own summary of the newest.
package struct CIReading: Hashable, Sendable {
    /// The first view has all rows, in any order, of the contexts that were asked for; the second is the forge's summary,
    /// which must agree with it.
    var views: [[CIRow]]
    /// What is known of the runs that made the rows.
    package var runs: [Int64: CIRun] = [:]
    /// Why the runs are not known, where they would have been needed: one clause.
    package var trouble: String?
    /// The names of all contexts at the commit, those that nobody asked for, too.
    package var names: Set<String> = []

    /// Where a context stands.
    package struct Standing: Hashable, Sendable {
        package var state: CIState
        /// The row that says so.
        var row: CIRow?
        /// Everybody who counts.
        var reporters: [CIReporter] = []
        /// What the state means here: a skipped context may be permitted.
        package var effect: CIState.Effect

        init(state: CIState, row: CIRow? = nil, reporters: [CIReporter] = [], effect: CIState.Effect? = nil) {
            self.state = state
            self.row = row
            self.reporters = reporters
            self.effect = effect ?? state.effect
        }
    }

    /// A name is fine only where everybody who reports under it says `success`.
    ///
    /// - Parameters:
    ///   - app: if given, only this app's check runs count.
    ///   - allowsSkipped: whether `skipped` is as good as `success`.
    package func standing(of context: String, app: String? = nil, allowsSkipped: Bool = false) -> Standing {
        func counts(_ row: CIRow) -> Bool {
            guard row.context == context else { return false }
            if let app, case .checkRun(let other) = row.source { return other == app }
            return true
        }
        let rows = (views.first ?? []).filter(counts)
        let summary = views.dropFirst().first?.filter(counts)
        guard let reporters = CIReporters(runs: runs).reporters(of: rows, summary: summary) else {
            let newest = (rows + (summary ?? [])).max { $0.id < $1.id }
            return Standing(state: .unsettled, row: newest)
        }
        func effect(_ reporter: CIReporter) -> CIState.Effect { reporter.effect(allowsSkipped: allowsSkipped) }
        let worst = reporters.max { (effect($0), $0.row.id) < (effect($1), $1.row.id) }
        guard let worst else { return Standing(state: .missing) }
        return Standing(state: worst.row.state, row: worst.row, reporters: reporters, effect: effect(worst))
    }

    /// Whether two executions of one context would have to be told apart by the runs that made them.
    var needsRuns: Bool {
        let rows = (views.first ?? []).filter { $0.run != nil }
        return Dictionary(grouping: rows, by: \.context).values.contains { rows in
            Set(rows.map { $0.source == .status ? [$0.run, $0.job] : [$0.id] }).count > 1
        }
    }

    /// Whether this could be the reading that is green, whichever app counts and whatever may be skipped: then the runs say
    /// whether a newer one has yet to report.
    func mayBeGreen(_ contexts: Set<String>) -> Bool {
        let fine = (views.first ?? []).filter { $0.state.effect(allowsSkipped: true) == .satisfied }
        return contexts.isSubset(of: fine.map(\.context))
    }
}
