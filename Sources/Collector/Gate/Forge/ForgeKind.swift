/// Whose REST API is spoken.
package enum ForgeKind: String, CaseIterable, Sendable {
    /// Gitea, and Forgejo, which kept its API.
    case gitea
    /// GitHub and GitHub Enterprise Server.
    case github

    /// For people.
    package var name: String {
        switch self {
        case .gitea: "Gitea"
        case .github: "GitHub"
        }
    }
}
