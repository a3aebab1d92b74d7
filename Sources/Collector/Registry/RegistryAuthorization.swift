import FoundationEssentials

/// What goes into `Authorization`. Never shown.
struct RegistryAuthorization: Hashable, Sendable {
    let header: String

    static func bearer(_ token: String) -> RegistryAuthorization { .init(header: "Bearer \(token)") }

    static func basic(user: String, password: String) -> RegistryAuthorization {
        .init(header: "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")
    }
}

extension RegistryAuthorization: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "RegistryAuthorization" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
