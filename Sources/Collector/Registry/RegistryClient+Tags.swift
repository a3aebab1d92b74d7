import FoundationEssentials
package import Shared
import Transfer

extension RegistryClient {
    /// The tags of a repository, as the registry lists them, page after page.
    ///
    /// - Throws: where the list is not whole: half of one must not be taken for all of it.
    package func tags(of reference: ImageReference) async throws(RegistryError) -> [String] {
        let subject = "the list of tags of \(reference.repository)"
        let endpoint = try await transport.endpoint(
            of: RegistryRequest(subject: subject, repository: reference, path: ""), until: deadline)
        var tags: [String] = []
        var path = "\(reference.path)/tags/list?n=\(Self.tagsPerPage)"
        var seen: Set<String> = []
        for _ in 1...Self.maximumPages {
            guard seen.insert(path).inserted else {
                throw .untrustworthy(subject, reason: "comes back to a page that was there before")
            }
            let response = try await transport.send(
                RegistryRequest(subject: subject, repository: reference, path: path), until: deadline)
            try RegistryStatus(response).check(subject, missing: .repository)
            tags += try Self.page(response, subject)
            guard tags.count <= Self.maximumTags else {
                throw .unusable(subject, reason: "holds more than \(Self.maximumTags) tags")
            }
            guard let next = ContentLink.next(in: response.headers["link"]) else { return tags }
            path = try Self.path(of: next, behind: path, endpoint, subject)
        }
        throw .untrustworthy(subject, reason: "does not end within \(Self.maximumPages) pages")
    }

    package static let maximumPages = 200
    private static let maximumTags = 200_000
    private static let tagsPerPage = 1_000

    private static func page(_ response: TransferResponse, _ subject: String) throws(RegistryError) -> [String] {
        struct Wire: Decodable { var tags: [String]? }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(response.body)) else {
            throw .untrustworthy(subject, reason: "is answered with what is no list of tags")
        }
        return wire.tags ?? []
    }

    /// What stands behind `/v2/` in the next page's address, which has to be on the same host: our token goes there.
    private static func path(
        of next: String, behind path: String, _ endpoint: RegistryEndpoint, _ subject: String
    ) throws(RegistryError) -> String {
        let here = URL(string: "\(endpoint.base)/v2/\(path)")
        guard next.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let url = URL(string: next, relativeTo: here)?.absoluteURL, WebOrigin(url) == endpoint.origin,
            let authority = url.absoluteString.firstRange(of: "://"),
            let slash = url.absoluteString[authority.upperBound...].firstIndex(of: "/"),
            url.absoluteString[slash...].hasPrefix("/v2/")
        else {
            throw .untrustworthy(
                subject, reason: "goes on at another host or no address: credentials are not sent there")
        }
        return String(url.absoluteString[slash...].dropFirst("/v2/".count))
    }
}
