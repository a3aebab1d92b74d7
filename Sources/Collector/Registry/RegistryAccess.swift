import Transfer

/// How registries are reached: whom to believe, in the clear or not, and where credentials come from.
package struct RegistryAccess: Sendable {
    /// PEM bundle that replaces the system's authorities.
    package var certificateAuthorities: String?
    /// Every registry is asked in the clear.
    package var usesPlainHTTP = false
    package var credentials: CredentialSources

    package init(certificateAuthorities: String? = nil, usesPlainHTTP: Bool = false, credentials: CredentialSources) {
        self.certificateAuthorities = certificateAuthorities
        self.usesPlainHTTP = usesPlainHTTP
        self.credentials = credentials
    }

    /// - Parameter isLoopback: whether this very machine is asked, which no proxy can reach.
    func transferAccess(isLoopback: Bool) -> RequestCredentials {
        RequestCredentials(certificateAuthorities: certificateAuthorities, usesProxy: !isLoopback)
    }
}
