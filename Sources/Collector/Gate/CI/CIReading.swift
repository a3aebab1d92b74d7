/// One reading of a commit's CI results from a forge: all rows, and the forge's own summary if it has one.
package struct CIReading: Hashable, Sendable {
    /// The views: first all rows of the required contexts, in any order; second the forge's summary, which must agree.
    var views: [[CIRow]]
    /// The known runs behind the rows.
    var runs: [Int64: CIRun] = [:]
    /// The reason that required runs are unknown, as one clause.
    var runsFailure: String?
    /// The names of all contexts at the commit, required or not.
    var names: Set<String> = []

    /// The standing of a context.
    struct Standing: Hashable, Sendable {
        var state: CIState
        /// The decisive row.
        var row: CIRow?
        /// The reporters that count.
        var reporters: [CIReporter] = []
        /// The state's effect, which depends on whether the context may be skipped.
        var effect: CIState.Effect

        init(state: CIState, row: CIRow? = nil, reporters: [CIReporter] = [], effect: CIState.Effect? = nil) {
            self.state = state
            self.row = row
            self.reporters = reporters
            self.effect = effect ?? state.effect
        }
    }

    /// The standing of a context, which is satisfied only if every reporter under its name reports `success`.
    ///
    /// - Parameters:
    ///   - app: the app whose check runs count; nil for all.
    ///   - allowsSkipped: true to treat `skipped` as `success`.
    func standing(of context: String, app: String? = nil, allowsSkipped: Bool = false) -> Standing {
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

    /// True if a context has several executions that only their runs can distinguish.
    var needsRuns: Bool {
        let rows = (views.first ?? []).filter { $0.run != nil }
        return Dictionary(grouping: rows, by: \.context).values.contains { rows in
            Set(rows.map { $0.source == .status ? [$0.run, $0.job] : [$0.id] }).count > 1
        }
    }

    /// True if this reading could be green with any app and any permitted skips. The runs then show whether a newer run has yet
    /// to report.
    func mayBeGreen(_ contexts: Set<String>) -> Bool {
        let fine = (views.first ?? []).filter { $0.state.effect(allowsSkipped: true) == .satisfied }
        return contexts.isSubset(of: fine.map(\.context))
    }
}

/// One row of a forge's list: one report on one context of a commit.
package struct CIRow: Hashable, Sendable {
    enum Source: Hashable, Sendable, CustomStringConvertible {
        /// A commit status, of Gitea or GitHub.
        case status
        /// A check run of GitHub, made by an app (its slug).
        case checkRun(app: String)
        /// A run that should have reported under the name and has not. The forge has no such row.
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
    /// The row's number. Newer rows have higher ones; the range is the forge's choice.
    var id: Int64
    var source: Source
    var state: CIState
    /// A link that is safe to show.
    var url: String?
    /// The creator of a status; nil if the forge does not report it.
    var creator: String?
    /// The key of its run in ``CIReading/runs``: GitHub's check suite, or the number in the links of Gitea's runs. nil without
    /// a run.
    var run: Int64?
    /// The job within the run, if a link names it.
    var job: Int64?
    /// The start and the end in milliseconds since 1970. A status has one time for both.
    var startedAt: Int64?
    var endedAt: Int64?
}

/// A run of a workflow, from the forge's list of runs.
package struct CIRun: Hashable, Sendable {
    /// The workflow's identity: the file's path, or the forge's number.
    var workflow: String?
    /// The workflow's name for people; nil if the forge has none.
    var name: String?
    /// The event, for example `push`.
    var event: String?
    /// The run's number for people; its id on GitHub.
    var number: Int64?
    /// The latest attempt, from 1.
    var attempt: Int?
    /// The start of the latest attempt in milliseconds since 1970.
    var startedAt: Int64?
    /// The state of the run as a whole, `pending` until it has ended; nil if the list does not report it.
    var state: CIState?
    /// A link that is safe to show.
    var url: String?

    /// True if both runs are known to be of one workflow and one kind of event.
    func isSameKind(as other: CIRun) -> Bool {
        guard let kind else { return false }
        return kind == other.kind
    }

    /// A workflow and a kind of event.
    struct Kind: Hashable, Sendable {
        var workflow: String
        var event: String
    }

    /// The run's kind; nil if workflow or event is not known.
    var kind: Kind? {
        guard let workflow, let event else { return nil }
        return Kind(workflow: workflow, event: event)
    }
}
