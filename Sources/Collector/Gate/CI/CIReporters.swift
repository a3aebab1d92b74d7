/// A reporter under a context's name, with its newest row.
package struct CIReporter: Hashable, Sendable {
    var row: CIRow
    /// The run; nil if the forge's list of runs lacks it or could not be read.
    var run: CIRun?

    /// The effect on a promotion. A run that succeeded without the job counts like one that skipped it.
    func effect(allowsSkipped: Bool) -> CIState.Effect {
        if allowsSkipped, row.source == .workflowRun, run?.state == .success { return .satisfied }
        return row.state.effect(allowsSkipped: allowsSkipped)
    }
}

/// Derives the reporters under one name. Decides which rows replace which.
///
/// | rows of one name | reporters |
/// |---|---|
/// | statuses without a run, of one creator | one: the newest row counts |
/// | statuses of one job of one run | one: the newest row counts |
/// | check runs or jobs of one run | one, if the later began after the earlier had ended, in another attempt |
/// | check runs or jobs of two runs of one workflow and event | one, if the later began after the earlier had ended |
/// | two rows of the forge's summary | two |
/// | any others | one for each row: all must be green |
///
/// A run without a row is a reporter, too, if other runs of its workflow and event have reported under the name, and it is the
/// newest of them or has not ended. It may be queued, wait for other jobs or have failed early, and counts by its state as a
/// whole. If it succeeded without the job, it is `missing` and waited for, as the forge may be late, unless the context may
/// be skipped. In Gitea and Forgejo it then counts as satisfied, because some versions omit a row that repeats the last state.
/// A newer run replaces an older one that has ended; one that has yet to report replaces rows that are not green, if it began
/// after them. A workflow that has never reported under the name at this commit is not expected to.
///
/// Executions that overlap in time, or cannot be distinguished, are not reruns of each other.
struct CIReporters {
    /// The most executions of one name that are compared.
    private static let limit = 2_000

    let runs: [Int64: CIRun]

    /// One execution of a job, or one creator's statuses, from the first row to the newest.
    private struct Execution {
        var newest: CIRow
        var firstID: Int64
        var startedAt: Int64?
        /// True if rows with the newest id differ.
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
    ///   - rows: all rows of one name.
    ///   - summary: the rows of that name in the forge's own summary, if it has one.
    /// - Returns: nil if the reading contradicts itself.
    func reporters(of rows: [CIRow], summary: [CIRow]?) -> [CIReporter]? {
        if let summary, !Self.agree(rows, summary) { return nil }
        let executions = Self.executions(rows)
        guard executions.count <= Self.limit else { return nil }
        let standing = executions.filter { earlier in !executions.contains { replaces($0, earlier) } }
        guard !standing.contains(where: \.contradictsItself) else { return nil }
        let absent = absentRuns(executions.map(\.newest))
        var decisive = standing.map(\.newest).filter { row in !absent.contains { willReplace($0, row) } }
        for row in summary ?? [] where !decisive.contains(where: { $0.id == row.id }) {
            // The list's row has more fields than the summary's.
            decisive.append(rows.first { $0.id == row.id } ?? row)
        }
        return (absent + decisive.sorted { $0.id < $1.id }).map { row in
            CIReporter(row: row, run: row.run.flatMap { runs[$0] })
        }
    }

    /// Rows for the runs that should have reported and have not.
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

    /// True if a run that has yet to report began after an older run's row ended, so that its own row will replace that.
    private func willReplace(_ absent: CIRow, _ row: CIRow) -> Bool {
        guard absent.state == .pending, row.state.effect == .ended, let run = absent.run.flatMap({ runs[$0] }),
            let former = row.run.flatMap({ runs[$0] }), run.isSameKind(as: former), let number = run.number,
            let formerNumber = former.number, let start = run.startedAt, let end = row.endedAt
        else { return false }
        return formerNumber < number && end <= start
    }

    /// True if the summary has only rows of the list, and the newest of them.
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

    /// True if the later execution is a rerun of the earlier one.
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
        // Two jobs with one name.
        case (1?, _), (nil, .status): return false
        case (nil, .checkRun): return isAfter(later, earlier, ofOneRun: true)
        case (2?, _):
            // The start of the second attempt is known.
            if let second = runs[run]?.startedAt, let start = later.startedAt, let end = earlier.newest.endedAt {
                return end <= second && second <= start
            }
            return isAfter(later, earlier, ofOneRun: true)
        default: return isAfter(later, earlier, ofOneRun: true)
        }
    }

    /// True if one began after the other had ended.
    private func isAfter(_ later: Execution, _ earlier: Execution, ofOneRun: Bool) -> Bool {
        switch later.newest.source {
        case .checkRun:
            guard let start = later.startedAt, let end = earlier.newest.endedAt else { return ofOneRun }
            return end <= start
        case .status, .workflowRun:
            // Numbers increase within the commit. Some versions omit a row that repeats the last state of any run, so the
            // first row may be late.
            guard earlier.newest.id < later.firstID else { return false }
            guard !ofOneRun, let start = later.newest.run.flatMap({ runs[$0]?.startedAt }),
                let end = earlier.newest.endedAt
            else { return true }
            return end <= start
        }
    }
}
