import FoundationEssentials
import Shared
import Transfer

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
