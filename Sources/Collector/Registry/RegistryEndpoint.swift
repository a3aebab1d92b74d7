import Shared

/// Where a registry's API is.
struct RegistryEndpoint: Hashable, Sendable {
    let origin: WebOrigin
    /// Without a slash at its end.
    let base: String

    /// - Parameter registry: as it stands in references. Docker Hub's name is not its host's.
    init?(registry: String, isEncrypted: Bool) {
        let host = registry == RegistryNames.dockerHub ? RegistryNames.dockerHubHost : registry
        base = "\(isEncrypted ? "https" : "http")://\(host)"
        guard let origin = WebOrigin(base) else { return nil }
        self.origin = origin
    }
}
