import CollectorSupport
import Shared
import Yams

/// A value in a configuration file, with its place.
///
/// The values of a configuration are read from here, so that only this target knows the YAML parser.
package struct ConfigurationNode: Sendable {
    package enum Content: Sendable {
        /// The pairs in the order of the text, each key once.
        case mapping([(key: ConfigurationNode, value: ConfigurationNode)])
        case sequence([ConfigurationNode])
        case scalar(String)
        /// No value, `~` or `null`.
        case null
    }

    package let content: Content
    package let place: SourceLocation

    /// Parses a file.
    ///
    /// - Parameters:
    ///   - name: the file's name in problems.
    /// - Returns: nil for a file without a value.
    /// - Throws: ``InventoryError`` with the place and the remedy.
    package static func parse(_ bytes: [UInt8], named name: String) throws(InventoryError) -> ConfigurationNode? {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalid(SourceLocation(source: name), problem: "invalid UTF-8: write it as UTF-8 text")
        }
        let yaml = YAMLText(source: name, repeated: "every value")
        return try yaml.compose(text).map { ConfigurationNode($0, in: yaml) }
    }

    private init(_ node: Node, in yaml: YAMLText) {
        place = yaml.place(node)
        content =
            switch node {
            case .scalar where node.isNull: .null
            case .scalar(let scalar): .scalar(scalar.string)
            case .sequence(let nodes): .sequence(nodes.map { ConfigurationNode($0, in: yaml) })
            case .mapping(let pairs):
                .mapping(
                    pairs.map {
                        (key: ConfigurationNode($0.key, in: yaml), value: ConfigurationNode($0.value, in: yaml))
                    })
            // Refused with its anchor.
            case .alias: .null
            }
    }

    package var isNull: Bool { if case .null = content { true } else { false } }

    /// The kind of value, for problems: `a list`.
    package var kind: String {
        switch content {
        case .mapping: "keys"
        case .sequence: "a list"
        case .scalar: "a single value"
        case .null: "nothing"
        }
    }
}
