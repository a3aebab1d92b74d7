/// How a registry is told who asks. Never shown: neither printed nor dumped.
enum RegistryCredential: Hashable, Sendable {
    case password(user: String, password: String)
    /// An OAuth2 refresh token, for the token service alone.
    case identityToken(String)
    /// A bearer token, ready to be sent.
    case registryToken(String)
}

extension RegistryCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Which kind it is, never what it says.
    var description: String {
        switch self {
        case .password: "RegistryCredential(password)"
        case .identityToken: "RegistryCredential(identity token)"
        case .registryToken: "RegistryCredential(registry token)"
        }
    }

    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
