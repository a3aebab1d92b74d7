import Verdict

/// A waiver that a source lists for hosts that it need not list itself.
struct ListedWaiver: Hashable, Sendable {
    /// Whom it covers.
    enum Scope: Hashable, Sendable {
        /// By name; not empty.
        case hosts([String])
        /// Those that carry all of these; not empty.
        case labels([String: String])
    }

    var place: SourceLocation
    var scope: Scope
    var waiver: Waiver
}
