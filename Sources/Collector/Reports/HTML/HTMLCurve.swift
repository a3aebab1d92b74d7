/// The curve of convergence as a drawing that grows with the page, and as a table of the same numbers.
struct HTMLCurve {
    let curve: ConvergenceCurve

    /// Where the end of the verification lies, in thousandths of the width: what is right of it shows how it ended.
    private static let end = 960
    private static let size = 1_000

    var section: Markup {
        guard curve.expected > 0, curve.duration > 0 else {
            return
                "<section class=\"panel\"><h2>Convergence</h2><p>No host was asked, so there is no curve.</p></section>"
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

    /// The curve in a sentence.
    package var summary: String {
        let last = curve.at(curve.duration)
        let half = (curve.expected + 1) / 2
        var text = "At the end, after \(HTMLText.duration(curve.duration)), "
        text += "\(HTMLText.count(last.proven)) of \(HTMLText.hosts(curve.expected)) were proven"
        if last.soaking > 0 { text += " and \(HTMLText.count(last.soaking)) soaked" }
        if let seconds = curve.firstReached(half), half < curve.expected {
            text += "; half of them after \(HTMLText.duration(seconds))"
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

    /// From left to right, in steps; of what falls on one place, the last is drawn.
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

    // MARK: - Axes

    private var ticks: [Double] { AxisTicks.seconds(upTo: curve.duration) }

    private var axes: Markup {
        let counts: [Markup] = AxisTicks.counts(upTo: curve.expected).map { count in
            let y = HTMLText.decimal(hundredths: height(count) * 10)
            return """
                <line class="grid" x1="0" x2="100%" y1="\(y)%" y2="\(y)%"/>\
                <text class="count" x="-8" y="\(y)%" dy="4">\(HTMLText.count(count))</text>
                """
        }
        // The end has a mark of its own.
        let times: [Markup] = ticks.filter { $0 <= curve.duration * 0.88 }.map { seconds in
            let x = HTMLText.decimal(hundredths: column(seconds) * 10)
            return """
                <line class="grid" x1="\(x)%" x2="\(x)%" y1="0" y2="100%"/>\
                <text class="time" x="\(x)%" y="100%" dy="18">\(HTMLText.tick(seconds))</text>
                """
        }
        let end = HTMLText.decimal(hundredths: Self.end * 10)
        return """
            \(counts.joined())\(times.joined())\
            <text class="time" x="\(end)%" y="100%" dy="18">\(HTMLText.tick(curve.duration))</text>
            """
    }

    private func key(_ name: StaticString, _ style: StaticString, _ pattern: Markup = "") -> Markup {
        """
        <li><svg class="swatch" aria-hidden="true"><rect class="\(style)" width="100%" height="100%"/>\(pattern)</svg> \
        \(name)</li>
        """
    }

    /// The same numbers for who does not see the drawing.
    private var table: Markup {
        let moments = ticks.filter { $0 < curve.duration } + [curve.duration]
        let rows: [Markup] = moments.map { seconds in
            let step = curve.at(seconds)
            let others = curve.expected - step.proven - step.soaking
            return """
                <tr><th scope="row">\(HTMLText.tick(seconds))</th><td>\(HTMLText.count(step.proven))</td>\
                <td>\(HTMLText.count(step.soaking))</td><td>\(HTMLText.count(others))</td></tr>

                """
        }
        return """
            <details><summary>The curve in numbers</summary><table class="numbers"><thead><tr><th scope="col">after</th>\
            <th scope="col">proven</th><th scope="col">soaking</th><th scope="col">others</th></tr></thead><tbody>
            \(rows.joined())</tbody></table></details>
            """
    }
}
