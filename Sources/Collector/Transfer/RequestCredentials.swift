/// How the collector proves who it is, and whom it believes.
package struct RequestCredentials: Hashable, Sendable {
    /// Sent as `Authorization: Bearer …` (RFC 6750, section 2.1).
    package var bearerToken: String?
    /// PEM bundle that replaces the system's authorities. Without one, the system's are trusted.
    package var certificateAuthorities: String?
    /// PEM file of the client certificate, and of its key.
    package var clientCertificate: String?
    package var clientKey: String?
    /// Whether a proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`, …) is used. Never for hosts: what a proxy
    /// answers proves nothing about them.
    package var usesProxy: Bool

    package init(
        bearerToken: String? = nil,
        certificateAuthorities: String? = nil,
        clientCertificate: String? = nil,
        clientKey: String? = nil,
        usesProxy: Bool = false
    ) {
        self.bearerToken = bearerToken
        self.certificateAuthorities = certificateAuthorities
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.usesProxy = usesProxy
    }
}

extension RequestCredentials: CustomStringConvertible {
    /// Says which parts there are, never the token.
    package var description: String {
        let parts = [
            bearerToken.map { _ in "token" },
            certificateAuthorities.map { "ca \($0)" },
            clientCertificate.map { "cert \($0)" },
            clientKey.map { "key \($0)" },
        ]
        return "RequestCredentials(\(parts.compactMap(\.self).joined(separator: ", ")))"
    }
}

extension RequestCredentials: CustomDebugStringConvertible, CustomReflectable {
    package var debugDescription: String { description }
    /// A reflecting dump must not show the token either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
