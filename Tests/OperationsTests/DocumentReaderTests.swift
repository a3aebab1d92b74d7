import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations

@Suite("The fast reader of documents")
struct DocumentReaderTests {
    /// The number of bodies; `BUILDINFO_BODIES` asks for more.
    private static let bodies = ProcessInfo.processInfo.environment["BUILDINFO_BODIES"].flatMap { Int($0) } ?? 4_000

    @Test("Every document that an agent writes is read, as JSONDecoder reads it")
    func accepts() async throws {
        var mutations = DocumentMutations(seed: 1)
        let reader = DocumentReader()
        for _ in 0..<Self.bodies / 4 {
            // Other tests wait for their sessions meanwhile.
            await Task.yield()
            let body = try mutations.body()
            let read = try #require(reader.read(body), "\(String(decoding: body, as: UTF8.self))")
            try Self.expectEqual(read, body)
        }
    }

    @Test("The reader returns nothing that JSONDecoder would not return")
    func agrees() async throws {
        var mutations = DocumentMutations(seed: 2)
        let reader = DocumentReader()
        var accepted = 0
        for _ in 0..<Self.bodies {
            await Task.yield()
            let source = try mutations.body()
            for _ in 0..<5 {
                let body = mutations.variant(of: source)
                guard let read = reader.read(body) else { continue }
                accepted += 1
                try Self.expectEqual(read, body)
            }
        }
        // Some changes keep a document valid: another order, white space, unknown members, other texts.
        #expect(accepted > Self.bodies / 4)
    }

    @Test(
        "Unusual JSON is left to JSONDecoder",
        arguments: [
            #"{"schema":1,"schema":1}"#, "\u{FEFF}{}", "{} {}", "", "{", #"{"a":1,}"#, #"{"\u0061":1}"#, "[]",
        ])
    func unusual(body: String) {
        #expect(DocumentReader().read(Array(body.utf8))?.document == nil)
    }

    /// Compares bytes, because equal strings can differ in their bytes.
    private static func expectEqual(_ read: LocatedDocument, _ body: [UInt8]) throws {
        let expected = try JSONDecoder().decode(Document.self, from: Data(body))
        let text = Comment(rawValue: String(decoding: body, as: UTF8.self))
        try #require(read.document == expected, text)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
        try #require(try encoder.encode(read.document) == encoder.encode(expected), text)
        for (place, range) in read.places {
            let value = String(decoding: body[range], as: UTF8.self)
            switch place {
            case .age: try #require(Double(value) == expected.ageSeconds, text)
            case .uptime: try #require(Double(value) == expected.agent.uptimeSeconds, text)
            case .latency: try #require(Double(value) == expected.served?.latencySeconds, text)
            case .nonce, .observedAt:
                try #require(value == "null" || value.hasPrefix("\"") && value.hasSuffix("\""), text)
            }
        }
    }
}
