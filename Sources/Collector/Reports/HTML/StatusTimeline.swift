import Verdict

/// A host's labels over the time of a verification, in so many columns that a strip of them can be drawn.
///
/// A column shows the worst status of its time, so that a host which failed for a second is seen to have failed. However
/// often a host changed its status, a strip stays as small as its columns.
struct StatusTimeline: Hashable, Sendable {
    /// Columns of one status that follow each other.
    package struct Run: Hashable, Sendable {
        var status: HostStatus
        var columns: Range<Int>
    }

    static let columns = 200

    /// From left to right. Empty where no time passed.
    let runs: [Run]
    /// What the host ended as. A status that came with the end had no time to show in; nil where no time passed.
    let end: HostStatus?

    /// - Parameter duration: of the verification, in seconds.
    init(_ transitions: [Report.Host.Transition], duration: Double) {
        guard duration > 0 else {
            (runs, end) = ([], nil)
            return
        }
        var worst = [HostStatus?](repeating: nil, count: Self.columns)
        func note(_ status: HostStatus, from start: Double, to end: Double) {
            let first = min(Int(start * Double(Self.columns) / duration), Self.columns - 1)
            let last = min(Int((end * Double(Self.columns) / duration).rounded(.up)), Self.columns) - 1
            for column in first...max(first, last) where worst[column].map({ status.rank < $0.rank }) ?? true {
                worst[column] = status
            }
        }
        // Before its first change, a host has not answered.
        var status = HostStatus.pending
        var since = 0.0
        for transition in transitions {
            let moment = min(max(since, transition.seconds), duration)
            if moment > since { note(status, from: since, to: moment) }
            (status, since) = (transition.status, moment)
        }
        note(status, from: since, to: duration)
        end = status

        var runs: [Run] = []
        for (column, status) in worst.enumerated() {
            guard let status else { continue }
            if let last = runs.last, last.status == status {
                runs[runs.count - 1].columns = last.columns.lowerBound..<column + 1
            } else {
                runs.append(Run(status: status, columns: column..<column + 1))
            }
        }
        self.runs = runs
    }

    /// One path a status; its class decides colour, height and dashes. How it ended stands apart at the right.
    var markup: Markup {
        var order: [HostStatus] = []
        var lines: [HostStatus: Markup] = [:]
        func add(_ status: HostStatus, _ line: Markup) {
            if lines[status] == nil { order.append(status) }
            lines[status, default: ""] += line
        }
        for run in runs { add(run.status, "M\(run.columns.lowerBound) 5h\(run.columns.count)") }
        if let end { add(end, "M\(Self.columns + 4) 5h10") }
        return order.map { "<path class=\"\($0.rawValue)\" d=\"\(lines[$0] ?? "")\"/>" }.joined()
    }
}
