import Reports
import Shared
import Synchronization
import Verdict

/// Counts the verifications that this process ran, for `/metrics`.
final class VerificationCounters: Sendable {
    private struct Count {
        var verdicts: [Verdict: Int] = [:]
        /// By the bounds of the histogram, not cumulated; the last one is for anything above.
        var buckets = Array(repeating: 0, count: VerificationCounters.bounds.count + 1)
        var seconds = 0.0
    }

    /// Upper bounds of the histogram of times to converge, in seconds.
    static let bounds: [Double] = [5, 10, 30, 60, 120, 300, 600, 1_200, 3_600]

    private let counts = Mutex<[DeployedService: Count]>([:])

    func note(_ report: Report) {
        counts.withLock { counts in
            var count = counts[report.target.deployed] ?? Count()
            count.verdicts[report.verdict, default: 0] += 1
            if report.verdict == .converged || report.verdict == .convergedTolerated {
                let seconds = report.summary.secondsToConverge?.max ?? 0
                count.buckets[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
                count.seconds += seconds
            }
            counts[report.target.deployed] = count
        }
    }

    func write(to writer: inout MetricsWriter, fleets: [DeployedService]) {
        let counts = counts.withLock(\.self)
        writer.family(
            "buildinfo_verifications_total", .counter, "Verifications that this process ran, by verdict.")
        for fleet in fleets {
            for verdict in Verdict.allCases {
                writer.sample(
                    "buildinfo_verifications_total", fleet.labels + [("verdict", verdict.rawValue)],
                    Double(counts[fleet]?.verdicts[verdict] ?? 0))
            }
        }
        let metric = "buildinfo_convergence_seconds"
        writer.family(metric, .histogram, "Time until the last host had converged, in verifications that ended green.")
        for fleet in fleets {
            let count = counts[fleet] ?? Count()
            var sum = 0
            for (index, bucket) in count.buckets.enumerated() {
                sum += bucket
                let bound = index < Self.bounds.count ? "\(Int(Self.bounds[index]))" : "+Inf"
                writer.sample("\(metric)_bucket", fleet.labels + [("le", bound)], Double(sum))
            }
            writer.sample("\(metric)_sum", fleet.labels, count.seconds)
            writer.sample("\(metric)_count", fleet.labels, Double(sum))
        }
    }
}
