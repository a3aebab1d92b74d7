/// How registries are reached: whom to believe, in the clear or not, and where credentials come from.
struct RegistryAccess: Sendable {
    /// PEM bundle that replaces the system's authorities.
    var certificateAuthorities: String?
    /// Every registry is asked in the clear.
    var usesPlainHTTP = false
    var credentials: CredentialSources

    /// - Parameter isLoopback: whether this very machine is asked, which no proxy can reach.
    func transferAccess(isLoopback: Bool) -> TransferAccess {
        TransferAccess(certificateAuthorities: certificateAuthorities, usesProxy: !isLoopback)
    }
}
