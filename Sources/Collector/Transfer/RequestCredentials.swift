/// The collector's credentials for a request, and the authorities it trusts.
package struct RequestCredentials: Hashable, Sendable {
    /// Sent as `Authorization: Bearer …` (RFC 6750, section 2.1).
    package var bearerToken: String?
    /// A PEM bundle that replaces the system's authorities; nil to trust those.
    package var certificateAuthorities: String?
    /// PEM files of the client's certificate and its key.
    package var clientCertificate: String?
    package var clientKey: String?
    /// True to use a proxy named in the environment (`HTTPS_PROXY`, `NO_PROXY`, …). Never for hosts: a proxy's answer proves
    /// nothing about them.
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
    /// The parts that are set, without the token.
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
