import FoundationEssentials

/// Something that happened to a container or an image, as an engine's event stream tells it.
///
/// An event is only ever a reason to look: nothing that it says is reported.
struct EngineEvent: Hashable, Sendable {
    /// Whether a document may read differently after it.
    let matters: Bool

    /// What is asked for, and what is listened to where something on the way lets everything pass.
    static let types = ["container", "image"]

    /// The actions after which a container or an image may look different: Docker's names and Podman's.
    ///
    /// `kill` is none of them, since a signal that changes something is followed by `die`; nor are `exec_…` and `top`,
    /// of which every health check makes three. Source: moby, `api/types/events/events.go`; Podman,
    /// `libpod/events/config.go`. Podman's compatible endpoint filters by its own names and answers with Docker's.
    static let actions = [
        "create", "start", "restart", "stop", "die", "died", "oom", "pause", "unpause", "rename", "destroy", "remove",
        "cleanup", "restore", "health_status", "tag", "untag", "pull", "delete", "load", "loadfromarchive", "import",
        "build",
    ]

    /// The query that asks an engine for these alone, percent-encoded (RFC 3986, section 2.1).
    ///
    /// Values of one key are alternatives, keys must all match. moby compares prefixes once `health_status` is among the
    /// values, which is how `health_status: healthy` passes. Source: moby, `daemon/events/filter.go`; Podman,
    /// `libpod/events/filters.go`.
    static let query: String = {
        let set = { (values: [String]) in "{" + values.map { "\"\($0)\":true" }.joined(separator: ",") + "}" }
        let json = "{\"event\":\(set(actions)),\"type\":\(set(types))}"
        let digits = Array("0123456789ABCDEF".utf8)
        let encoded = json.utf8.flatMap { byte -> [UInt8] in
            byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_")
                ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return "filters=" + String(decoding: encoded, as: UTF8.self)
    }()

    init(type: String, action: String) {
        // As in `health_status: healthy`.
        let verb = action.prefix { $0 != ":" }
        matters = Self.types.contains(type) && Self.actions.contains { $0 == verb }
    }
}

extension EngineEvent: Decodable {
    private enum CodingKeys: String, CodingKey {
        case type = "Type"
        case action = "Action"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            type: try container.decode(String.self, forKey: .type),
            action: try container.decode(String.self, forKey: .action))
    }
}
