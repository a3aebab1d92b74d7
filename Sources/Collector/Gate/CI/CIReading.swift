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

/// One row of a forge's list: what somebody reported of one context of one commit.
package struct CIRow: Hashable, Sendable {
    enum Source: Hashable, Sendable, CustomStringConvertible {
        /// A commit status, of Gitea or GitHub.
        case status
        /// A check run of GitHub, made by an app (its slug).
        case checkRun(app: String)
        /// No row of the forge's: a run that should have reported under the name, and has not.
        case workflowRun

        var description: String {
            switch self {
            case .status: "status"
            case .checkRun(let app): "check-run by \(app)"
            case .workflowRun: "workflow-run"
            }
        }
    }

    var context: String
    /// Newer rows have higher ones. What they count within is the forge's affair.
    var id: Int64
    var source: Source
    var state: CIState
    /// Fit to be shown.
    var url: String?
    /// Whose status it is; nil where the forge does not say.
    var creator: String?
    /// The key in ``CIReading/runs`` of the run that made it: GitHub's check suite, or the number in the links of Gitea's
    /// runs. nil where no run is named.
    var run: Int64?
    /// The job within the run, where a link names it.
    var job: Int64?
    /// Milliseconds since 1970: when what it is about began, and when it ended. A status has one moment for both.
    var startedAt: Int64?
    var endedAt: Int64?
}

/// A run of a workflow, as the forge's list of runs describes it.
package struct CIRun: Hashable, Sendable {
    /// What tells workflows apart: the file's path, or the forge's number.
    package var workflow: String?
    /// For people; nil where the forge gives no name.
    package var name: String?
    /// For example `push`.
    package var event: String?
    /// The run's number for people: the id on GitHub.
    package var number: Int64?
    /// The latest one, from 1.
    var attempt: Int?
    /// Milliseconds since 1970: when the latest attempt began.
    package var startedAt: Int64?
    /// How the run as a whole stands, `pending` until it has come to an end; nil where the list does not say it of runs.
    package var state: CIState?
    /// Fit to be shown.
    package var url: String?

    /// Whether both are known to be of one workflow, for one kind of event.
    func isSameKind(as other: CIRun) -> Bool {
        guard let kind else { return false }
        return kind == other.kind
    }

    /// Of what workflow, for what kind of event.
    package struct Kind: Hashable, Sendable {
        package var workflow: String
        package var event: String

        package init(workflow: String, event: String) {
            self.workflow = workflow
            self.event = event
        }
    }

    /// nil where either is not known.
    package var kind: Kind? {
        guard let workflow, let event else { return nil }
        return Kind(workflow: workflow, event: event)
    }
}
