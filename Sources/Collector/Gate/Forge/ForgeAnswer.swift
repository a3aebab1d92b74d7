import FoundationEssentials

/// A forge's answer with status 200.
package struct ForgeAnswer: Sendable {
    /// For sentences: the path that was asked, without its query.
    package let place: String
    package let body: [UInt8]
    /// The `Link` header (RFC 8288).
    let link: String?

    /// Decodes the body.
    ///
    /// - Throws: ``ForgeError/Kind/unreadable`` where it is no JSON or another one. The decoder's own words are left out:
    ///   they repeat what the body says.
    package func decode<Value: Decodable>(_ type: Value.Type) throws(ForgeError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw ForgeError(.unreadable, "\(place): the answer is not the JSON that the API documents")
        }
    }

    /// Whether the forge says that there is a further page.
    var announcesNext: Bool {
        guard let link else { return false }
        return link.split(separator: ",").contains { $0.contains("rel=\"next\"") || $0.contains("rel=next") }
    }
}
