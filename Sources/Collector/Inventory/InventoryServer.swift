import CollectorSupport
import Shared

/// Reads the lists of hosts that servers have: Prometheus `http_sd` and DNS.
package struct InventoryServer: Sendable {
    /// A list that a web server sent.
    package struct Response: Sendable {
        package var text: String
        /// The entity tag for the next request; nil without one.
        package var tag: String?

        package init(text: String, tag: String?) {
            self.text = text
            self.tag = tag
        }

        var version: SourceVersion { .remote(tag: tag, hash: SHA256.hash(Array(text.utf8))) }
    }

    /// Requests a URL, unless it still has the entity tag: then the result is nil. The text is UTF-8 of at most
    /// ``maximumBytes``.
    package typealias Fetch = @Sendable (_ url: String, _ tag: String?) async throws(InventoryError) -> Response?

    /// The limit of one list, which is that of files.
    package static let maximumBytes = InventoryReader.maximumBytes

    /// The lists of several sources when they were read.
    package struct Lists: Sendable {
        let server: InventoryServer
        fileprivate(set) var contents: [InventorySource: Response] = [:]
    }

    private let fetch: Fetch
    private let resolver: DNSRecords

    package init(fetch: @escaping Fetch) {
        self.init(fetch: fetch, resolver: DNSRecords())
    }

    init(fetch: @escaping Fetch, resolver: DNSRecords) {
        self.fetch = fetch
        self.resolver = resolver
    }

    /// Reads the sources that are remote.
    package func lists(of sources: [InventorySource]) async throws(InventoryError) -> Lists {
        var lists = Lists(server: self)
        for source in sources where source.isRemote { lists.contents[source] = try await read(source, unless: nil) }
        return lists
    }

    /// - Returns: nil if the source still has the entity tag, or is not remote.
    func read(_ source: InventorySource, unless tag: String?) async throws(InventoryError) -> Response? {
        switch source.origin {
        case .file, .standardInput: return nil
        case .http(let url):
            guard let response = try await fetch(url, tag) else { return nil }
            guard response.text.utf8.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") else {
                throw .invalid(
                    SourceLocation(source: source.name, line: nil),
                    problem: "the response is not a list of targets: give the URL of Prometheus http_sd, which answers "
                        + "with [{\"targets\": […]}]")
            }
            return response
        case .dns(let name, let records):
            guard !name.isEmpty else {
                throw .invalid(
                    SourceLocation(source: source.name, line: nil),
                    problem: "the name is missing: give \(source.name)NAME")
            }
            return Response(text: try await resolver.list(name, records), tag: nil)
        }
    }
}
