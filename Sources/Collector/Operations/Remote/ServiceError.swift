package import Shared

/// The reason that a collector service did not verify, in one sentence with the remedy. None of them is a verdict.
package enum ServiceError: ExitCoded, Hashable {
    /// The service refused the request.
    case refused(status: Int, detail: String)
    /// The token is not accepted, or there is none.
    case denied(String)
    /// There was no usable answer until the deadline.
    case lost(String, after: Duration)
    /// The answers are not those of a collector service of this version.
    case foreign(String)
    /// The evidence, replayed here, does not lead to what the service reports.
    case disagrees(String)
    /// There is no identity token.
    case noIdentity(String)

    package var exitStatus: ExitStatus {
        switch self {
        case .refused: .usage
        case .denied, .lost, .foreign, .disagrees, .noIdentity: .unavailable
        }
    }

    package var description: String {
        switch self {
        case .refused(let status, let detail): "the service refused the verification (\(status)): \(detail)"
        case .denied(let detail): "the service denied access: \(detail)"
        case .lost(let detail, let limit):
            "the service gave no usable answer for \(limit.brief): \(detail); nothing is proven: check the service, and run this "
                + "again"
        case .foreign(let detail): detail
        case .disagrees(let detail):
            "the service's report cannot be trusted: \(detail); use the same version of buildinfo-collector here and there, and "
                + "run this again"
        case .noIdentity(let detail): "no identity token for the service: \(detail)"
        }
    }
}
