/// One who reports under a name, by the newest row of theirs.
struct CIReporter: Hashable, Sendable {
    var row: CIRow
    /// nil where the forge's list of runs does not have it, or could not be read.
    var run: CIRun?
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
                case (.status, nil): .creator(row.creator)
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
        var decisive = standing.map(\.newest)
        for row in summary ?? [] where !decisive.contains(where: { $0.id == row.id }) {
            // The list's row says more; the summary's may lack its link.
            decisive.append(rows.first { $0.id == row.id } ?? row)
        }
        return decisive.sorted { $0.id < $1.id }.map { row in CIReporter(row: row, run: row.run.flatMap { runs[$0] }) }
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
        case .status:
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
