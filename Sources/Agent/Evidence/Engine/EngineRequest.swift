import Shared

/// Every request that the agent may send to an engine; there is no other way to make one, and all are `GET`.
enum EngineRequest: Hashable, Sendable {
    case ping
    case info
    case containers
    case container(ContainerID)
    /// By an image's id.
    case image(id: Digest)
    /// By an image's id, for one of its platforms; from API 1.49.
    case platformImage(id: Digest, PlatformQuery)
    /// By a reference with a tag: what the tag names now.
    case taggedImage(TaggedReference)
    case libpodContainer(ContainerID)
    /// What happens from now on; the only request whose answer does not end.
    case events

    /// The request's target.
    ///
    /// - Parameter version: the agreed API version; nil before there is one.
    func target(version: APIVersion?) -> String {
        let prefix = version.map { "/v\($0)" } ?? ""
        return switch self {
        case .ping: "/_ping"
        case .info: "\(prefix)/info"
        case .containers: "\(prefix)/containers/json?all=1"
        case .container(let id): "\(prefix)/containers/\(id)/json"
        case .image(let id): "\(prefix)/images/\(id)/json"
        case .platformImage(let id, let query): "\(prefix)/images/\(id)/json?\(query)"
        case .taggedImage(let reference): "\(prefix)/images/\(reference)/json"
        case .libpodContainer(let id): "/v4.0.0/libpod/containers/\(id)/json"
        case .events: "\(prefix)/events?\(EngineEvent.query)"
        }
    }

    /// For a person: what was asked, without ids.
    var name: String {
        switch self {
        case .ping: "GET /_ping"
        case .info: "GET /info"
        case .containers: "GET /containers/json"
        case .container: "GET /containers/{id}/json"
        case .image, .platformImage, .taggedImage: "GET /images/{name}/json"
        case .libpodContainer: "GET /libpod/containers/{id}/json"
        case .events: "GET /events"
        }
    }

    /// Bytes that an answer may have at most; of the event stream, one event.
    var sizeLimit: Int {
        switch self {
        case .ping: 4_096
        case .events: EngineEventParser.lineLimit
        case .containers: 8 << 20
        case .info, .container, .image, .platformImage, .taggedImage, .libpodContainer: 2 << 20
        }
    }
}

/// An engine's id of a container: 64 lower-case hexadecimal digits.
struct ContainerID: Hashable, Sendable, CustomStringConvertible {
    let description: String

    init?(_ text: String) {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return nil
        }
        description = text
    }
}

/// The query that selects one platform of an image: `platform=` and OCI's platform as JSON, percent-encoded.
///
/// Source: Docker Engine API 1.49, `GET /images/{name}/json`; OCI image specification, "Image Index".
struct PlatformQuery: Hashable, Sendable, CustomStringConvertible {
    let description: String

    /// nil where a part of the platform has characters that no platform's name has.
    init?(_ platform: Platform) {
        let members =
            [("os", platform.os), ("architecture", platform.architecture)]
            + (platform.variant.map { [("variant", $0)] } ?? [])
        guard members.allSatisfy({ $0.1.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) } }) else {
            return nil
        }
        let encoded = members.map { "%22\($0.0)%22%3A%22\($0.1)%22" }.joined(separator: "%2C")
        description = "platform=%7B\(encoded)%7D"
    }
}

/// A reference as typed, with its tag and without its digest, of characters that need no escape in a path.
struct TaggedReference: Hashable, Sendable, CustomStringConvertible {
    let description: String

    /// nil where the reference has no tag, or is none.
    init?(typed: String) {
        guard let reference = ImageReference(parsing: typed), reference.effectiveTag != nil else { return nil }
        let text = typed.prefix { $0 != "@" }
        guard text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "._-/:".utf8.contains($0) }), text.utf8.count <= 512
        else {
            return nil
        }
        description = String(text)
    }
}
