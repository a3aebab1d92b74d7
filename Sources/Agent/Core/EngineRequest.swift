package import Shared

/// Every request that the agent can send to an engine. All of them are `GET`, and the client accepts nothing else.
package enum EngineRequest: Hashable, Sendable {
    case ping
    case info
    case containers
    case container(ContainerID)
    /// By an image's id.
    case image(id: Digest)
    /// Inspects an image by its id, for one of its platforms; requires API 1.49.
    case platformImage(id: Digest, PlatformQuery)
    /// Inspects the image that a reference's tag names now.
    case taggedImage(TaggedReference)
    case libpodContainer(ContainerID)
    /// The event stream from now on; the only request whose response does not end.
    case events

    /// The request target.
    ///
    /// - Parameter version: the negotiated API version; nil before the negotiation.
    package func target(version: APIVersion?) -> String {
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

    /// The request's name for messages, without ids.
    package var name: String {
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

    /// The maximum size of a response in bytes; of the event stream, of one event.
    package var sizeLimit: Int {
        switch self {
        case .ping: 4_096
        case .events: EngineEventParser.lineLimit
        case .containers: 8 << 20
        case .info, .container, .image, .platformImage, .taggedImage, .libpodContainer: 2 << 20
        }
    }

    /// The environment variable that makes a socket proxy permit the request. Source: Tecnativa/docker-socket-proxy, README.
    var proxyPermission: String {
        switch self {
        case .ping: "PING"
        case .info: "INFO"
        case .containers, .container: "CONTAINERS"
        case .image, .platformImage, .taggedImage: "IMAGES"
        case .libpodContainer: "LIBPOD"
        case .events: "EVENTS"
        }
    }
}

/// A version of an engine's API, for example 1.41.
package struct APIVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    let major: Int
    let minor: Int

    /// The newest version whose fields this program knows.
    package static let newest = APIVersion(major: 1, minor: 53)

    /// The first version that inspects an image for a platform other than the host's. Source: moby,
    /// `docs/api/version-history.md`.
    package static let imagePlatform = APIVersion(major: 1, minor: 49)

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses `MAJOR.MINOR`; nil for anything else.
    package init?(parsing text: String) {
        let parts = text.split(separator: "." as Character, omittingEmptySubsequences: false)
        let isNumber = { (part: Substring) in (1...4).contains(part.utf8.count) && part.utf8.allSatisfy(\.isASCIIDigit)
        }
        guard parts.count == 2, parts.allSatisfy(isNumber), let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    package static func < (one: APIVersion, other: APIVersion) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    package var description: String { "\(major).\(minor)" }
}

/// An engine's id of a container: 64 lower-case hexadecimal digits.
package struct ContainerID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init?(_ text: String) {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ $0.isASCIIDigit || (97...102).contains($0) }) else {
            return nil
        }
        description = text
    }
}

/// The query item that selects one platform of an image: `platform=` and OCI's platform as JSON, percent-encoded.
///
/// Source: Docker Engine API 1.49, `GET /images/{name}/json`; OCI image specification, "Image Index".
package struct PlatformQuery: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Returns nil if the platform has characters that cannot appear in a platform's name.
    package init?(_ platform: Platform) {
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

/// An image reference as typed, with its tag and without its digest, made of characters that need no escape in a path.
package struct TaggedReference: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Returns nil if the text is not a reference, has no tag, or needs an escape.
    package init?(typed: String) {
        guard let reference = ImageReference(parsing: typed), reference.effectiveTag != nil else { return nil }
        let text = typed.prefix { $0 != "@" }
        guard text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "._-/:".utf8.contains($0) }), text.utf8.count <= 512
        else {
            return nil
        }
        description = String(text)
    }
}
