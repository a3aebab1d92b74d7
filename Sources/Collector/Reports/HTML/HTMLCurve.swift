import Verdict

/// The convergence curve as a drawing that scales with the page, and as a table of the same numbers.
package struct HTMLCurve {
    let curve: ConvergenceCurve
    /// True if the verification is under way.
    var isRunning = false

    /// The position of the end of the verification, in thousandths of the width. The result is drawn to the right of it.
    private static let end = 960
    private static let size = 1_000

    package var section: Markup {
        guard curve.expected > 0, curve.duration > 0 else {
            return
                "<section class=\"panel\"><h2>Convergence</h2><p>No host was queried, so the page has no curve.</p></section>"
        }
        return """
            <section class="panel"><h2>Convergence</h2>
            <figure><svg class="plot" role="img" aria-labelledby="curve-title curve-text">\
            <title id="curve-title">Proven and soaking hosts over time</title>\
            <desc id="curve-text">\(summary)</desc>\(drawing)\(axes)</svg>
            <figcaption><ul class="keys">\(key("proven", "proven-area"))\
            \(key("soaking", "soaking-area", "<rect fill=\"url(#stripes)\" width=\"100%\" height=\"100%\"/>"))\
            \(key("all others", "other-area"))</ul><p>Hosts over time since the start. \(summary)</p></figcaption></figure>
            \(table)</section>

            """
    }

    /// The curve in one sentence.
    private var summary: String {
        let last = curve.at(curve.duration)
        let half = (curve.expected + 1) / 2
        var text = isRunning ? "So far" : "At the end"
        text += ", after \(ReportText.duration(curve.duration)), "
        text += "\(ReportText.count(last.proven)) of \(ReportText.hosts(curve.expected)) "
        text += isRunning ? (last.proven == 1 ? "is" : "are") : (last.proven == 1 ? "was" : "were")
        text += " proven"
        if last.soaking > 0 { text += " and \(ReportText.count(last.soaking)) soaking" }
        if let seconds = curve.firstReached(half), half < curve.expected {
            text += "; half of the fleet was proven after \(ReportText.duration(seconds))"
        }
        return text + "."
    }

    // MARK: - Drawing

    private var drawing: Markup {
        """
        <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">\
        <defs><pattern id="stripes" width="6" height="1000" patternUnits="userSpaceOnUse">\
        <path class="stripe" d="M2 0v1000"/></pattern></defs>\
        <path class="other-area" d="M0 0h1000v1000H0z"/>\
        <path class="soaking-area" d="\(area { $0.proven + $0.soaking })"/>\
        <path fill="url(#stripes)" d="\(area { $0.proven + $0.soaking })"/>\
        <path class="proven-area" d="\(area(\.proven))"/>\
        <path class="proven-line" d="\(line(\.proven))"/>\
        <path class="end-line" d="M\(Self.end) 0V\(Self.size)"/></svg>
        """
    }

    private func area(_ value: (ConvergenceCurve.Step) -> Int) -> Markup {
        "\(line(value))V\(Self.size)H0z"
    }

    /// A staircase from left to right. Of several steps in one column, the last is drawn.
    private func line(_ value: (ConvergenceCurve.Step) -> Int) -> Markup {
        var points: [(x: Int, y: Int)] = []
        for step in curve.steps {
            let point = (x: column(step.seconds), y: height(value(step)))
            if points.last?.x == point.x {
                points[points.count - 1] = point
            } else if points.last?.y != point.y {
                points.append(point)
            }
        }
        let path: [Markup] = points.dropFirst().map { "H\($0.x)V\($0.y)" }
        return "M0 \(points[0].y)\(path.joined())H\(Self.size)"
    }

    private func column(_ seconds: Double) -> Int {
        Int((seconds / curve.duration * Double(Self.end)).rounded())
    }

    private func height(_ hosts: Int) -> Int {
        Int((Double(curve.expected - hosts) / Double(curve.expected) * Double(Self.size)).rounded())
    }

    /// Thousandths as a percentage: `12.5`.
    private static func percent(_ thousandths: Int) -> String {
        thousandths % 10 == 0 ? "\(thousandths / 10)" : "\(thousandths / 10).\(thousandths % 10)"
    }

    // MARK: - Axes

    private var ticks: [Double] { AxisTicks.seconds(upTo: curve.duration) }

    private var axes: Markup {
        let counts: [Markup] = AxisTicks.counts(upTo: curve.expected).map { count in
            let y = Self.percent(height(count))
            return """
                <line class="grid" x1="0" x2="100%" y1="\(y)%" y2="\(y)%"/>\
                <text class="count" x="-8" y="\(y)%" dy="4">\(ReportText.count(count))</text>
                """
        }
        // The end has its own tick.
        let times: [Markup] = ticks.filter { $0 <= curve.duration * 0.88 }.map { seconds in
            let x = Self.percent(column(seconds))
            return """
                <line class="grid" x1="\(x)%" x2="\(x)%" y1="0" y2="100%"/>\
                <text class="time" x="\(x)%" y="100%" dy="18">\(AxisTicks.text(seconds))</text>
                """
        }
        let end = Self.percent(Self.end)
        return """
            \(counts.joined())\(times.joined())\
            <text class="time" x="\(end)%" y="100%" dy="18">\(AxisTicks.text(curve.duration))</text>
            """
    }

    private func key(_ name: StaticString, _ style: StaticString, _ pattern: Markup = "") -> Markup {
        """
        <li><svg class="swatch" aria-hidden="true"><rect class="\(style)" width="100%" height="100%"/>\(pattern)</svg> \
        \(name)</li>
        """
    }

    /// The same numbers for readers who cannot see the drawing.
    private var table: Markup {
        let moments = ticks.filter { $0 < curve.duration } + [curve.duration]
        let rows: [Markup] = moments.map { seconds in
            let step = curve.at(seconds)
            let others = curve.expected - step.proven - step.soaking
            return """
                <tr><th scope="row">\(AxisTicks.text(seconds))</th><td>\(ReportText.count(step.proven))</td>\
                <td>\(ReportText.count(step.soaking))</td><td>\(ReportText.count(others))</td></tr>

                """
        }
        return """
            <details><summary>The curve in numbers</summary><table class="numbers"><thead><tr><th scope="col">after</th>\
            <th scope="col">proven</th><th scope="col">soaking</th><th scope="col">others</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></details>
            """
    }
}

extension HTMLCurve {
    /// - Parameter isRunning: true if the report is of a verification under way.
    package init(_ report: Report, isRunning: Bool = false) {
        self.init(curve: ConvergenceCurve(report), isRunning: isRunning)
    }
}

/// The number of proven and of soaking hosts at every moment of a verification.
///
/// A host counts as proven from a change of its status to `converged` until its next change. Waived hosts are outside the
/// gate and do not count.
struct ConvergenceCurve: Hashable, Sendable {
    /// The counts from one moment to the next step.
    struct Step: Hashable, Sendable {
        /// Seconds since the start.
        var seconds: Double
        var proven: Int
        var soaking: Int
    }

    /// The number of hosts in the gate.
    let expected: Int
    /// The duration of the verification in seconds.
    let duration: Double
    /// In order of time, at distinct moments; the first is at 0.
    let steps: [Step]

    init(_ report: Report) {
        duration = max(0, report.verification.durationSeconds)
        var changes: [(seconds: Double, proven: Int, soaking: Int)] = []
        var expected = 0
        for index in report.hosts.indices where !report.hosts[index].isWaived {
            expected += 1
            var before: HostStatus?
            var latest = 0.0
            for change in report.hosts[index].transitions.indices {
                latest = min(max(latest, report.hosts[index].transitions[change].seconds), duration)
                let status = report.hosts[index].transitions[change].status
                let proven = (status == .converged ? 1 : 0) - (before == .converged ? 1 : 0)
                let soaking = (status == .soaking ? 1 : 0) - (before == .soaking ? 1 : 0)
                before = status
                if proven != 0 || soaking != 0 { changes.append((latest, proven, soaking)) }
            }
        }
        self.expected = expected
        changes.sort { $0.seconds < $1.seconds }
        var steps = [Step(seconds: 0, proven: 0, soaking: 0)]
        for change in changes {
            var step = steps[steps.count - 1]
            step.proven += change.proven
            step.soaking += change.soaking
            if change.seconds > step.seconds {
                step.seconds = change.seconds
                steps.append(step)
            } else {
                steps[steps.count - 1] = step
            }
        }
        self.steps = steps
    }

    /// The step at a moment.
    func at(_ seconds: Double) -> Step {
        var (low, high) = (0, steps.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if steps[middle].seconds <= seconds { low = middle } else { high = middle }
        }
        return steps[low]
    }

    /// The first moment at which this many hosts were proven, in seconds; nil if there was none.
    func firstReached(_ hosts: Int) -> Double? { steps.first { $0.proven >= hosts }?.seconds }
}

/// Round values for the ticks of an axis.
enum AxisTicks {
    /// From 0 up to `duration` seconds in at most six steps of a usual unit of time.
    static func seconds(upTo duration: Double) -> [Double] {
        guard duration > 0 else { return [] }
        let day = 86_400.0
        let nice: [Double] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200,
            10_800, 21_600, 43_200, day,
        ]
        let step = nice.first { duration / $0 <= 6 } ?? (duration / 6 / day).rounded(.up) * day
        return multiples(of: step, upTo: duration)
    }

    /// From 0 up to `count` in at most five steps. Every tick except the last is round.
    static func counts(upTo count: Int) -> [Int] {
        guard count > 0 else { return [0] }
        var power = 1
        while count / power > 50 { power *= 10 }
        let step = [1, 2, 5, 10, 20, 50].map { $0 * power }.first { count / $0 <= 4 } ?? count
        let round = multiples(of: Double(step), upTo: Double(count)).map { Int($0) }
        // A tick close to the last one would overlap it.
        return round.filter { (count - $0) * 8 >= count } + [count]
    }

    /// A time on the axis: `90` is `1m 30s`, and `120` is `2m`.
    static func text(_ seconds: Double) -> String {
        guard seconds > 0 else { return "0" }
        let brief = ReportText.duration(seconds)
        for (long, short) in [(".0s", "s"), ("m 0s", "m"), ("h 0m", "h"), ("d 0h", "d")] where brief.hasSuffix(long) {
            return brief.dropLast(long.count) + short
        }
        return brief
    }

    private static func multiples(of step: Double, upTo end: Double) -> [Double] {
        (0...Int((end / step + 1e-9).rounded(.down))).map { Double($0) * step }
    }
}
