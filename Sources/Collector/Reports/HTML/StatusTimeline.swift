import Verdict

/// A host's labels over the time of a verification, in so many columns that a strip of them can be drawn.
///
/// A column shows the worst label of its time, so that a host which failed for a second is seen to have failed. However
/// often a host changed its label, a strip stays as small as its columns.
struct StatusTimeline: Hashable, Sendable {
    /// Columns of one label that follow each other.
    package struct Run: Hashable, Sendable {
        var label: HostStatus
        var columns: Range<Int>
    }

    static let columns = 200

    /// From left to right. Empty where no time passed.
    let runs: [Run]
    /// What the host ended as. A label that came with the end had no time to show in; nil where no time passed.
    let end: HostStatus?

    /// - Parameter duration: of the verification, in seconds.
    init(_ transitions: [Report.Host.Transition], duration: Double) {
        guard duration > 0 else {
            (runs, end) = ([], nil)
            return
        }
        var worst = [HostStatus?](repeating: nil, count: Self.columns)
        func note(_ label: HostStatus, from start: Double, to end: Double) {
            let first = min(Int(start * Double(Self.columns) / duration), Self.columns - 1)
            let last = min(Int((end * Double(Self.columns) / duration).rounded(.up)), Self.columns) - 1
            for column in first...max(first, last) where worst[column].map({ label.rank < $0.rank }) ?? true {
                worst[column] = label
            }
        }
        // Before its first change, a host has not answered.
        var label = HostStatus.pending
        var since = 0.0
        for transition in transitions {
            let moment = min(max(since, transition.seconds), duration)
            if moment > since { note(label, from: since, to: moment) }
            (label, since) = (transition.label, moment)
        }
        note(label, from: since, to: duration)
        end = label

        var runs: [Run] = []
        for (column, label) in worst.enumerated() {
            guard let label else { continue }
            if let last = runs.last, last.label == label {
                runs[runs.count - 1].columns = last.columns.lowerBound..<column + 1
            } else {
                runs.append(Run(label: label, columns: column..<column + 1))
            }
        }
        self.runs = runs
    }

    /// One path a label; its class decides colour, height and dashes. How it ended stands apart at the right.
    var markup: Markup {
        var order: [HostStatus] = []
        var lines: [HostStatus: Markup] = [:]
        func add(_ label: HostStatus, _ line: Markup) {
            if lines[label] == nil { order.append(label) }
            lines[label, default: ""] += line
        }
        for run in runs { add(run.label, "M\(run.columns.lowerBound) 5h\(run.columns.count)") }
        if let end { add(end, "M\(Self.columns + 4) 5h10") }
        return order.map { "<path class=\"\($0.rawValue)\" d=\"\(lines[$0] ?? "")\"/>" }.joined()
    }
}
