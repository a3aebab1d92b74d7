import FoundationEssentials
import Shared

/// Lines as bytes and back, without the hashes that ``HashChain`` adds.
struct EvidenceCoding: Sendable {
    private let encoder: JSONEncoder
    private let decoder = JSONDecoder()

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // What a host said is evidence, usable or not.
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
    }

    /// A JSON object on one line, its kind first.
    func encode(_ line: EvidenceLine) throws -> [UInt8] {
        Array("{\"kind\":\"\(line.kind.rawValue)\",".utf8) + (try encoder.encode(line.payload)).dropFirst()
    }

    func decode(_ bytes: some Collection<UInt8>) throws -> EvidenceLine {
        try decoder.decode(EvidenceLine.self, from: Data(bytes))
    }
}
