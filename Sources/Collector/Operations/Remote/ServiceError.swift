package import Shared
package import Verdict

/// The reason that a collector service did not verify, in one sentence with the remedy. None of them is a verdict.
package enum ServiceError: ExitCoded, Hashable {
    /// The service refused the request.
    case refused(status: Int, detail: String)
    /// The service's inventory does not suffice for a verification.
    case inventory(Verdict, String)
    /// The token is not accepted, or there is none.
    case denied(String)
    /// There was no usable answer until the deadline. The verification is nil if it is not known to have started.
    case lost(String, after: Duration, verification: String?)
    /// The answers are not those of a collector service of this version.
    case foreign(String)
    /// The evidence, replayed here, does not lead to what the service reports.
    case disagrees(String)
    /// There is no identity token.
    case noIdentity(String)

    package var exitStatus: ExitStatus {
        switch self {
        case .refused: .usage
        case .inventory: .inventory
        case .denied, .lost, .foreign, .disagrees, .noIdentity: .unavailable
        }
    }

    package var description: String {
        switch self {
        case .refused(let status, let detail): "the service refused the verification (\(status)): \(detail)"
        case .inventory(_, let detail): "not changing what could not be verified: \(detail)"
        case .denied(let detail): "the service denied access: \(detail)"
        case .lost(let detail, let limit, let verification):
            "the service gave no usable answer for \(limit.brief): \(detail); nothing is proven: check the service"
                + (verification.map { " and its verification \($0)" } ?? "") + ", and run this again"
        case .foreign(let detail): detail
        case .disagrees(let detail):
            "the service's report cannot be trusted: \(detail); use the same version of buildinfo-collector here and there, and "
                + "run this again"
        case .noIdentity(let detail): "no identity token for the service: \(detail)"
        }
    }
}

extension ServiceError: InventoryRefusal {
    package var verdict: String? {
        if case .inventory(let verdict, _) = self { verdict.rawValue } else { nil }
    }
}

extension ServiceError: NextStep {
    package var next: String? {
        switch self {
        case .denied, .noIdentity: "Give the job access to the service, then run it again."
        case .refused, .inventory, .lost, .foreign, .disagrees: nil
        }
    }
}
