import FoundationEssentials
import Shared
import Transfer

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

/// Where a URL leads, as far as it decides who may get to see credentials.
struct WebOrigin: Hashable, Sendable {
    var isEncrypted: Bool
    /// Lower case, without brackets.
    var host: String
    var port: Int

    var scheme: String { isEncrypted ? "https" : "http" }

    /// nil for anything but http and https, for a URL without a host, and for one with a user or a password in it.
    init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http",
            let host = url.host?.lowercased(), !host.isEmpty, !Self.namesUser(url.absoluteString)
        else { return nil }
        isEncrypted = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = url.port ?? (scheme == "https" ? 443 : 80)
    }

    /// A user, or what one parser takes for a host and another for a user: it would send credentials elsewhere.
    private static func namesUser(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return true }
        let authority = url[start...].prefix { !"/?#".contains($0) }
        return authority.contains("@") || authority.contains("\\")
    }

    init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let url = URL(string: text) else { return nil }
        self.init(url)
    }

    /// Whether the name can only mean this machine.
    var isLoopback: Bool { Self.isLoopback(host) }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: "." as Character, omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// For people: no path and no query, which may hold secrets.
    var shown: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// Where a registry says that a blob is: other storage, which gets nothing of ours to see.
struct Redirection {
    private let location: String?
    private let endpoint: RegistryEndpoint
    private let request: RegistryRequest

    init(_ response: TransferResponse, from endpoint: RegistryEndpoint, _ request: RegistryRequest) {
        self.init(location: response.headers["location"], from: endpoint, request)
    }

    init(location: String?, from endpoint: RegistryEndpoint, _ request: RegistryRequest) {
        self.location = location
        self.endpoint = endpoint
        self.request = request
    }

    /// The address, over https or over what the registry itself is asked over.
    func target() throws(RegistryError) -> (url: String, isLoopback: Bool) {
        let here = URL(string: "\(endpoint.base)/v2/\(request.path)")
        guard let location, !location.isEmpty, location.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let target = URL(string: location, relativeTo: here)?.absoluteURL, let origin = WebOrigin(target)
        else {
            throw .untrustworthy(request.subject, reason: "is redirected to what is no address")
        }
        guard origin.isEncrypted || !endpoint.origin.isEncrypted else {
            throw .untrustworthy(
                request.subject,
                reason:
                    "is redirected from https to \(Sanitizer.singleLine(origin.shown, limit: 100)), in the clear: refused"
            )
        }
        return (target.absoluteString, origin.isLoopback)
    }
}
