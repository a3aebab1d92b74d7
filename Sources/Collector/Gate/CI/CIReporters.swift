/// One who reports under a name, by the newest row of theirs.
package struct CIReporter: Hashable, Sendable {
    var row: CIRow
    /// nil where the forge's list of runs does not have it, or could not be read.
    var run: CIRun?

    /// What it means for a promotion. A run that succeeded without the job is as good as one that skipped it.
    func effect(allowsSkipped: Bool) -> CIState.Effect {
        if allowsSkipped, row.source == .workflowRun, run?.state == .success { return .satisfied }
        return row.state.effect(allowsSkipped: allowsSkipped)
    }
}

/// Who reports under one name: the one place where it is decided which rows replace which.
///
/// | rows of one name | are |
/// |---|---|
/// | statuses without a run, of one creator | one reporter: the newest row counts |
/// | statuses of one job of one run | one reporter: the newest row counts |
/// | check runs or jobs of one run | one reporter where the later began after the earlier had ended, in another attempt |
/// | those of two runs of one workflow and event | one reporter where the later began after the earlier had ended |
/// | anything else | reporters of their own: all must be green |
/// | two rows of the forge's summary of the newest | two reporters |
/// | none of a newer run of a workflow and event that have reported, or of any run of theirs that has not ended | that run is a reporter, see below |
///
/// A run that has not reported under the name, because it is queued, waits for other jobs or failed before, counts by how it
/// stands as a whole: not ended, it is waited for; ended without success, it is that. One that succeeded without the job is
/// `missing`, which is waited for as the forge may be late, unless the context may be skipped; but in Gitea and Forgejo it is
/// fine, because their versions leave out a row that says what the last one said. An older run that has ended is replaced by
/// the newer, and one that is not green is where a newer that began after it has yet to report. A workflow that has never reported under the name at this commit is not known to have such a job.
///
/// What overlaps in time is no rerun of each other, and what cannot be told apart is not either.
struct CIReporters {
    /// More of one name are nothing that could be compared in good time.
    private static let limit = 2_000

    let runs: [Int64: CIRun]

    /// One job's or one creator's rows: what happened once, from its first row to its newest.
    private struct Execution {
        var newest: CIRow
        var firstID: Int64
        var startedAt: Int64?
        /// Whether rows of the newest id say different things.
        var contradictsItself = false
    }

    private enum Key: Hashable {
        case creator(String?)
        case job(run: Int64, job: Int64?)
        case checkRun(app: String, id: Int64)

        init(_ row: CIRow) {
            self =
                switch (row.source, row.run) {
                case (.checkRun(let app), _): .checkRun(app: app, id: row.id)
                case (.status, let run?): .job(run: run, job: row.job)
                case (.status, nil), (.workflowRun, _): .creator(row.creator)
                }
        }
    }

    /// - Parameters:
    ///   - rows: all of one name.
    ///   - summary: the forge's own choice of the newest rows of that name, where it makes one.
    /// - Returns: nil where what was read contradicts itself. Empty where nobody reports.
    func reporters(of rows: [CIRow], summary: [CIRow]?) -> [CIReporter]? {
        if let summary, !Self.agree(rows, summary) { return nil }
        let executions = Self.executions(rows)
        guard executions.count <= Self.limit else { return nil }
        let standing = executions.filter { earlier in !executions.contains { replaces($0, earlier) } }
        guard !standing.contains(where: \.contradictsItself) else { return nil }
        let absent = absentRuns(executions.map(\.newest))
        var decisive = standing.map(\.newest).filter { row in !absent.contains { willReplace($0, row) } }
        for row in summary ?? [] where !decisive.contains(where: { $0.id == row.id }) {
            // The list's row says more; the summary's may lack its link.
            decisive.append(rows.first { $0.id == row.id } ?? row)
        }
        return (absent + decisive.sorted { $0.id < $1.id }).map { row in
            CIReporter(row: row, run: row.run.flatMap { runs[$0] })
        }
    }

    /// Rows for the runs that should have reported, and have not.
    private func absentRuns(_ reported: [CIRow]) -> [CIRow] {
        guard let context = reported.first?.context else { return [] }
        var absent: [CIRow] = []
        var seen: Set<CIRun.Kind> = []
        for row in reported {
            guard let kind = row.run.flatMap({ runs[$0]?.kind }), seen.insert(kind).inserted else { continue }
            let ofKind = runs.filter { $0.value.kind == kind }
            let reporting = Set(reported.compactMap(\.run))
            func order(_ key: Int64) -> Int64 { runs[key]?.number ?? key }
            let newest = ofKind.keys.max { order($0) < order($1) }
            for (key, run) in ofKind where !reporting.contains(key) {
                guard let state = run.state, key == newest || state.effect == .waiting else { continue }
                if state == .success, row.source == .status { continue }
                absent.append(
                    CIRow(
                        context: context, id: order(key), source: .workflowRun,
                        state: state == .success ? .missing : state, url: run.url, run: key, startedAt: run.startedAt))
            }
        }
        return absent.sorted { $0.id < $1.id }
    }

    /// Whether a run that has yet to report began when a row's of an older one had ended: then its own will replace it.
    private func willReplace(_ absent: CIRow, _ row: CIRow) -> Bool {
        guard absent.state == .pending, row.state.effect == .ended, let run = absent.run.flatMap({ runs[$0] }),
            let former = row.run.flatMap({ runs[$0] }), run.isSameKind(as: former), let number = run.number,
            let formerNumber = former.number, let start = run.startedAt, let end = row.endedAt
        else { return false }
        return formerNumber < number && end <= start
    }

    /// Whether the summary has only rows of the list, and the newest of them all.
    private static func agree(_ rows: [CIRow], _ summary: [CIRow]) -> Bool {
        summary.allSatisfy { chosen in rows.contains { $0.id == chosen.id && $0.state == chosen.state } }
            && rows.map(\.id).max() == summary.map(\.id).max()
    }

    private static func executions(_ rows: [CIRow]) -> [Execution] {
        var found: [Key: Execution] = [:]
        for row in rows {
            let key = Key(row)
            guard var known = found[key] else {
                found[key] = Execution(newest: row, firstID: row.id, startedAt: row.startedAt)
                continue
            }
            if row.id > known.newest.id {
                known.newest = row
                known.contradictsItself = false
            } else if row.id == known.newest.id, row.state != known.newest.state {
                known.contradictsItself = true
            }
            known.firstID = min(known.firstID, row.id)
            if let start = row.startedAt { known.startedAt = min(known.startedAt ?? start, start) }
            found[key] = known
        }
        return Array(found.values)
    }

    /// Whether the later is the earlier one's rerun.
    private func replaces(_ later: Execution, _ earlier: Execution) -> Bool {
        guard later.newest.source == earlier.newest.source, later.newest.id > earlier.newest.id,
            earlier.newest.state.effect != .waiting, let run = later.newest.run, let formerRun = earlier.newest.run
        else { return false }
        if run != formerRun {
            guard let known = runs[run], let former = runs[formerRun], known.isSameKind(as: former) else {
                return false
            }
            return isAfter(later, earlier, ofOneRun: false)
        }
        switch (runs[run]?.attempt, later.newest.source) {
        // Two jobs of one name.
        case (1?, _), (nil, .status): return false
        case (nil, .checkRun): return isAfter(later, earlier, ofOneRun: true)
        case (2?, _):
            // Of the two attempts it is known when the second began.
            if let second = runs[run]?.startedAt, let start = later.startedAt, let end = earlier.newest.endedAt {
                return end <= second && second <= start
            }
            return isAfter(later, earlier, ofOneRun: true)
        default: return isAfter(later, earlier, ofOneRun: true)
        }
    }

    /// Whether one began when the other had ended.
    private func isAfter(_ later: Execution, _ earlier: Execution, ofOneRun: Bool) -> Bool {
        switch later.newest.source {
        case .checkRun:
            guard let start = later.startedAt, let end = earlier.newest.endedAt else { return ofOneRun }
            return end <= start
        case .status, .workflowRun:
            // Numbers count up within the commit. Some versions leave out a row that says what the last one said, of
            // whatever run: the first row may come late.
            guard earlier.newest.id < later.firstID else { return false }
            guard !ofOneRun, let start = later.newest.run.flatMap({ runs[$0]?.startedAt }),
                let end = earlier.newest.endedAt
            else { return true }
            return end <= start
        }
    }
}
