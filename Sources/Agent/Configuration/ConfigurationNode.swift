/// What stands in a configuration file, with its place; not yet understood.
struct ConfigurationNode: Hashable, Sendable {
    struct Pair: Hashable, Sendable {
        var key: ConfigurationNode
        var value: ConfigurationNode
    }

    enum Content: Hashable, Sendable {
        /// `isPlain`: without quotes, so that `true` and `null` are no texts.
        case scalar(String, isPlain: Bool)
        case sequence([ConfigurationNode])
        case mapping([Pair])
        /// What was refused already, and is worth no second complaint.
        case refused
    }

    var position: ConfigurationPosition
    var content: Content

    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// For a person: what it is.
    var kind: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .refused: "nothing usable"
        }
    }
}
