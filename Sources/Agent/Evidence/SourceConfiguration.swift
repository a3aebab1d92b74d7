import Shared

/// What to look at, and as which host.
struct SourceConfiguration: Sendable {
    /// At least one, with names of their own; the first answers `/buildinfo`.
    var services: [ServiceDeclaration]
    var engines: EngineSockets
    var host: HostIdentity
}
