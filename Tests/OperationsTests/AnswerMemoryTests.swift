import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

@Suite("Answers that repeat a document")
struct AnswerMemoryTests {
    /// The number of answers; `BUILDINFO_BODIES` asks for more.
    private static let bodies = ProcessInfo.processInfo.environment["BUILDINFO_BODIES"].flatMap { Int($0) } ?? 2_000
    private static let seed = ProcessInfo.processInfo.environment["BUILDINFO_SEED"].flatMap { UInt64($0) } ?? 3

    /// The document that `JSONDecoder` and the rules find in a body; nil if there is none.
    private static func document(_ body: [UInt8]) -> Document? {
        do {
            var document = try JSONDecoder().decode(Document.self, from: Data(body))
            // An age of -0 is 0.
            document.ageSeconds += 0
            let isOne =
                document.schema == 1 && !document.host.id.isEmpty && document.ageSeconds >= 0
                && document.instances.count <= 256
            return isOne ? document : nil
        } catch {
            return nil
        }
    }

    private static func bytes(_ document: Document) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
        return Array(try encoder.encode(document))
    }

    @Test("An answer after a document is read as JSONDecoder and the rules read it alone")
    func agrees() async throws {
        var mutations = DocumentMutations(seed: Self.seed)
        let memory = AnswerMemory(hosts: 1)
        let reader = DocumentReader()
        var (repeated, documents) = (0, 0)
        var source: [UInt8] = []
        var places: [Range<Int>] = []
        for number in 0..<Self.bodies {
            if number % 8 == 0 {
                // Other tests wait for their sessions meanwhile.
                await Task.yield()
                source = try mutations.body()
                places = try #require(reader.read(source)).places.map(\.range)
            }
            let again = number % 8 < 6 ? mutations.again(source, places) : source
            let body = number % 8 < 3 ? again : mutations.variant(of: again)
            let text = Comment(
                rawValue: "\(String(decoding: source, as: UTF8.self))\n\(String(decoding: body, as: UTF8.self))")
            memory.forget(host: 0)
            let first = memory.read(status: 200, headers: TransferHeaders(), body: source, host: 0)
            let expected = Self.document(body)
            switch memory.read(status: 200, headers: TransferHeaders(), body: body, host: 0) {
            case .repeated(let changes):
                repeated += 1
                guard case .document(var last) = first else { throw Unexpected() }
                var expected = try #require(expected, text)
                last.nonce = changes.nonce
                last.ageSeconds = changes.ageSeconds
                last.observedAt = changes.observedAt
                // These two decide nothing, and are not part of the changes.
                expected.agent.uptimeSeconds = last.agent.uptimeSeconds
                if expected.served?.outcome == .ok, expected.served?.latencySeconds != nil,
                    let latency = last.served?.latencySeconds
                {
                    expected.served?.latencySeconds = latency
                }
                try #require(try Self.bytes(last) == Self.bytes(expected), text)
            case .document(let document):
                documents += 1
                try #require(try Self.bytes(document) == Self.bytes(#require(expected, text)), text)
            case .plain, .unusable: try #require(expected == nil, text)
            }
        }
        #expect(repeated > Self.bodies / 10)
        #expect(documents > Self.bodies / 20)
        print("\(Self.bodies) answers: \(repeated) repeated, \(documents) other documents")
    }

    private struct Unexpected: Error {}

    private static func body(_ edit: (inout Document) -> Void = { _ in }) throws -> [UInt8] {
        var document = Answer().document(host: 0, nonce: "n1")
        document.served = ProbeResult(url: "http://127.0.0.1/", outcome: .ok, status: 200, latencySeconds: 0.25)
        edit(&document)
        return try bytes(document)
    }

    private static func isRepeated(
        _ body: [UInt8], after first: [UInt8], status: Int = 200, headers: TransferHeaders = TransferHeaders()
    ) -> Bool {
        let memory = AnswerMemory(hosts: 1)
        _ = memory.read(status: 200, headers: TransferHeaders(), body: first, host: 0)
        let answer = memory.read(status: status, headers: headers, body: body, host: 0)
        if case .repeated = answer { return true }
        return false
    }

    @Test("The clock fields and the nonce may change, and their new values are read")
    func clocks() throws {
        let memory = AnswerMemory(hosts: 2)
        _ = memory.read(status: 200, headers: TransferHeaders(), body: try Self.body(), host: 1)
        let next = try Self.body {
            $0.nonce = "n2"
            $0.ageSeconds = 12.5
            $0.observedAt = "2026-01-01T00:01:00Z"
            $0.agent.uptimeSeconds = 86_400
            $0.served?.latencySeconds = 0.001
        }
        for _ in 0..<2 {
            #expect(
                memory.read(status: 200, headers: TransferHeaders(), body: next, host: 1)
                    == .repeated(
                        RepeatedDocument(nonce: "n2", ageSeconds: 12.5, observedAt: "2026-01-01T00:01:00Z")))
        }
        var headers = TransferHeaders()
        headers.append("30", named: "age")
        headers.append("\"another\"", named: "etag")
        #expect(
            memory.read(status: 200, headers: headers, body: next, host: 1)
                == .repeated(RepeatedDocument(nonce: "n2", ageSeconds: 30, observedAt: "2026-01-01T00:01:00Z")))
        // The documents of another host are its own.
        guard case .document = memory.read(status: 200, headers: TransferHeaders(), body: next, host: 0) else {
            Issue.record("a document of a host that sent none before is repeated")
            return
        }
    }

    @Test("One changed byte anywhere else is another document")
    func oneByte() throws {
        let first = try Self.body()
        let places = try #require(DocumentReader().read(first)).places.map(\.range)
        for index in first.indices where !places.contains(where: { $0.contains(index) }) {
            var body = first
            body[index] ^= 1
            try #require(!Self.isRepeated(body, after: first), "byte \(index)")
        }
    }

    @Test("A probe that fails keeps its latency, which the host's reason holds")
    func failedProbe() throws {
        func body(_ latency: Double) throws -> [UInt8] {
            try Self.body {
                $0.served = ProbeResult(
                    url: "http://127.0.0.1/", outcome: .httpStatus, status: 500, latencySeconds: latency)
            }
        }
        #expect(Self.isRepeated(try body(1), after: try body(1)))
        #expect(!Self.isRepeated(try body(2), after: try body(1)))
    }

    @Test("White space, order, members, status and truncation make an answer another one")
    func others() throws {
        let first = try Self.body()
        let text = String(decoding: first, as: UTF8.self)
        let others = [
            text + " ", " " + text, String(text.dropLast()), text + "}",
            text.replacing(",", with: ", ", maxReplacements: 1),
            text.replacing("\"nonce\":\"n1\"", with: "\"nonce\":null"),
            text.replacing("\"nonce\":\"n1\"", with: "\"nonce\":\"n\\u0031\""),
            text.replacing("\"nonce\":\"n1\"", with: "\"nonce\":\"n1\",\"nonce\":\"n1\""),
            text.replacing("\"nonce\":\"n1\",", with: ""),
            text.replacing("\"age_seconds\":0", with: "\"age_seconds\":-1"),
            text.replacing("\"age_seconds\":0", with: "\"age_seconds\":\"0\""),
            text.replacing("\"age_seconds\":0", with: "\"age_seconds\":00"),
            text.replacing("\"version\":\"0\"", with: "\"version\":\"1\""),
            text.replacing("\"boot_id\":\"boot\"", with: "\"boot_id\":\"toob\""),
        ]
        #expect(Set(others).count == others.count)
        #expect(Self.isRepeated(first, after: first))
        for other in others {
            #expect(other != text)
            #expect(!Self.isRepeated(Array(other.utf8), after: first), Comment(rawValue: other))
        }
        for status in [201, 203, 304, 404, 500] { #expect(!Self.isRepeated(first, after: first, status: status)) }
    }

    @Test("After any other answer or a failed request, the next document is read as a whole")
    func forgets() throws {
        let first = try Self.body()
        for (status, body) in [(304, []), (500, first), (200, Array("{}".utf8)), (200, Array("<html>".utf8))] {
            let memory = AnswerMemory(hosts: 1)
            _ = memory.read(status: 200, headers: TransferHeaders(), body: first, host: 0)
            _ = memory.read(status: status, headers: TransferHeaders(), body: body, host: 0)
            guard case .document = memory.read(status: 200, headers: TransferHeaders(), body: first, host: 0) else {
                Issue.record("the document before the answer \(status) is repeated")
                continue
            }
        }
        let memory = AnswerMemory(hosts: 1)
        _ = memory.read(
            Self.completion(.success(TransferResponse(status: 200, headers: TransferHeaders(), body: first))))
        _ = memory.read(Self.completion(.failure(.timeout("made up"))))
        let next = memory.read(
            Self.completion(.success(TransferResponse(status: 200, headers: TransferHeaders(), body: first))))
        if case .repeated = next.finding { Issue.record("the document before a failed request is repeated") }
    }

    private static func completion(_ outcome: Result<TransferResponse, TransferFailure>) -> TransferCompletion {
        TransferCompletion(id: 1, lane: 0, startedAt: .now, finishedAt: .now, outcome: outcome)
    }

    @Test("The hash has a key, so that no host can make two documents with the same one")
    func key() throws {
        let body = try Self.body()
        let places = try #require(DocumentReader().read(body)).places
        let first = try #require(DocumentLayout(places, in: body, key: 1))
        #expect(first == DocumentLayout(places, in: body, key: 1))
        #expect(first != DocumentLayout(places, in: body, key: 2))
        #expect(first.repetition(in: body, key: 2) == nil)
        #expect(MemoryLayout<DocumentLayout?>.stride <= 64)
    }
}
