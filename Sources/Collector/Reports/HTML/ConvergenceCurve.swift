import Verdict

/// How many hosts were proven, and how many soaked, at every moment of a verification.
///
/// A host counts as proven from a change of its status to `converged` until its next change. Waived hosts are left out,
/// because the gate leaves them out. Exact; how finely it is drawn is another matter.
struct ConvergenceCurve: Hashable, Sendable {
    /// What is true from a moment on, until the next step.
    package struct Step: Hashable, Sendable {
        /// Since the start.
        var seconds: Double
        var proven: Int
        var soaking: Int
    }

    /// All hosts that count.
    let expected: Int
    /// In seconds.
    let duration: Double
    /// In the order of time, each at a moment of its own; the first is at 0.
    let steps: [Step]

    init(_ report: Report) {
        duration = max(0, report.verification.durationSeconds)
        var changes: [(seconds: Double, proven: Int, soaking: Int)] = []
        var expected = 0
        for host in report.hosts where host.waived?.expired ?? true {
            expected += 1
            var before: HostStatus?
            var latest = 0.0
            for transition in host.transitions {
                latest = min(max(latest, transition.seconds), duration)
                let status = transition.status
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

    /// What was true at a moment.
    func at(_ seconds: Double) -> Step {
        var (low, high) = (0, steps.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if steps[middle].seconds <= seconds { low = middle } else { high = middle }
        }
        return steps[low]
    }

    /// When at least so many hosts were proven for the first time; nil where that never was.
    func firstReached(_ hosts: Int) -> Double? { steps.first { $0.proven >= hosts }?.seconds }
}
