import Synchronization

/// Counts refused requests, for `/metrics`.
final class RefusalCounters: Sendable {
    enum Reason: String, CaseIterable, Sendable {
        /// A token that is not known, or no bearer token at all.
        case token
        /// An identity token of a CI runner that is not accepted.
        case identityToken = "identity_token"
        /// A known token without the scope.
        case scope
        /// A write with a browser's cookie that another site may have made.
        case foreign
        /// More requests or failures than the limit.
        case rate
    }

    private let counts = Mutex<[Reason: Int]>([:])

    func count(_ reason: Reason) { counts.withLock { $0[reason, default: 0] += 1 } }

    func write(to writer: inout MetricsWriter) {
        let counts = counts.withLock(\.self)
        let metric = "buildinfo_requests_refused_total"
        writer.family(metric, .counter, "Requests that were refused, by reason.")
        for reason in Reason.allCases {
            writer.sample(metric, [("reason", reason.rawValue)], Double(counts[reason] ?? 0))
        }
    }
}
