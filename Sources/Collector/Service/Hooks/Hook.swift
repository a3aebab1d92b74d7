import Operations
import Shared
import Verdict

/// A configured receiver of notices from a registry or a forge.
struct Hook: Sendable {
    /// Who sends the notices, which decides how they are signed.
    enum Kind: String, CaseIterable, Sendable {
        /// Docker's registry: a token of the scope `hook`.
        case distribution
        case github
        /// Gitea and Forgejo.
        case gitea
        case gitlab
        case harbor
        /// Standard Webhooks 1.0.0.
        case generic

        /// True if notices are signed with a secret that sender and service share.
        var isSigned: Bool { self != .distribution }
    }

    let name: String
    let kind: Kind
    /// nil if a token is the only way in.
    let secrets: HookSecrets?
    /// The fleets whose tags are read; nil for all.
    let fleets: Set<DeployedService>?
}
