import Shared

/// The environment of a service, for example `production`. Promotions and history are kept by service and environment.
package struct EnvironmentName: Hashable, Sendable, CustomStringConvertible {
    /// The environment if none is named.
    package static let standard = EnvironmentName(unchecked: "default")

    package let description: String

    private init(unchecked name: String) {
        description = name
    }

    /// Letters, digits, `.`, `_` and `-`, at most 128 in all; nil for anything else, and for `.` and `..`.
    package init?(_ name: String) {
        let isUsable = name.utf8.allSatisfy { $0.isASCIIAlphanumeric || [0x2D, 0x2E, 0x5F].contains($0) }
        guard isUsable, (1...128).contains(name.utf8.count), name != ".", name != ".." else { return nil }
        self.init(unchecked: name)
    }

    package static let rule = "is not an environment's name: use letters, digits, '.', '_' and '-', at most 128"

    package var isStandard: Bool { self == .standard }
}

extension EnvironmentName: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let value = EnvironmentName(name) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(name)' is not an environment's name")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension KeyedDecodingContainer {
    /// Records of older collectors name no environment.
    package func decode(_ type: EnvironmentName.Type, forKey key: Key) throws -> EnvironmentName {
        try decodeIfPresent(type, forKey: key) ?? .standard
    }
}
