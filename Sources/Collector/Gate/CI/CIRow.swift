/// One row of a forge's list: what somebody reported of one context of one commit.
struct CIRow: Hashable, Sendable {
    enum Source: Hashable, Sendable, CustomStringConvertible {
        /// A commit status, of Gitea or GitHub.
        case status
        /// A check run of GitHub, made by an app (its slug).
        case checkRun(app: String)

        var description: String {
            switch self {
            case .status: "status"
            case .checkRun(let app): "check-run by \(app)"
            }
        }
    }

    var context: String
    /// Newer rows have higher ones. What they count within is the forge's affair.
    var id: Int64
    var source: Source
    var state: CIState
    /// Fit to be shown.
    var url: String?
}
