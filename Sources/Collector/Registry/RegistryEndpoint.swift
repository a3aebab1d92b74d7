import FoundationEssentials
import Shared
import Transfer

/// The address of a registry's API.
struct RegistryEndpoint: Hashable, Sendable {
    let origin: WebOrigin
    /// The base URL, without a trailing slash.
    let base: String

    /// - Parameter registry: the name used in references, which for Docker Hub is not the host's.
    init?(registry: String, isEncrypted: Bool) {
        let host = registry == RegistryNames.dockerHub ? RegistryNames.dockerHubHost : registry
        base = "\(isEncrypted ? "https" : "http")://\(host)"
        guard let origin = WebOrigin(base) else { return nil }
        self.origin = origin
    }
}

/// The origin of a URL, which decides who may see credentials.
struct WebOrigin: Hashable, Sendable {
    var isEncrypted: Bool
    /// The host in lower case, without brackets.
    var host: String
    var port: Int

    var scheme: String { isEncrypted ? "https" : "http" }

    /// nil for schemes other than http and https, for a URL without a host, and for one with a user or a password.
    init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http",
            let host = url.host?.lowercased(), !host.isEmpty, !Self.namesUser(url.absoluteString)
        else { return nil }
        isEncrypted = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = url.port ?? (scheme == "https" ? 443 : 80)
    }

    /// True for a user, or for text that one parser reads as a host and another as a user, which could redirect credentials.
    private static func namesUser(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return true }
        let authority = url[start...].prefix { !"/?#".contains($0) }
        return authority.contains("@") || authority.contains("\\")
    }

    init?(_ text: String) {
        guard text.isVisibleASCII, let url = URL(string: text) else { return nil }
        self.init(url)
    }

    /// True if the host can only be this machine.
    var isLoopback: Bool { Self.isLoopback(host) }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: "." as Character, omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The origin for messages, without path and query, which may hold secrets.
    var shown: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// A redirection of a blob to other storage, which must not see any credentials.
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

    /// The target's URL: https, or the registry's own scheme.
    func target() throws(RegistryError) -> (url: String, isLoopback: Bool) {
        let here = URL(string: "\(endpoint.base)/v2/\(request.path)")
        guard let location, !location.isEmpty, location.isVisibleASCII,
            let target = URL(string: location, relativeTo: here)?.absoluteURL, let origin = WebOrigin(target)
        else {
            throw .untrustworthy(request.subject, reason: "is redirected to an invalid URL")
        }
        guard origin.isEncrypted || !endpoint.origin.isEncrypted else {
            throw .untrustworthy(
                request.subject,
                reason:
                    "is redirected from https to \(Sanitizer.singleLine(origin.shown, limit: 100)): unencrypted storage is refused"
            )
        }
        return (target.absoluteString, origin.isLoopback)
    }
}
