import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Verdict

@Suite("Lines of evidence, as they are written and read")
struct LineCodingTests {
    @Test("The lines that a large fleet has many of are written as JSONEncoder writes them", arguments: 0..<4)
    func sameBytes(seed: Int) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.userInfo[try #require(CodingUserInfoKey.keepsUnusableText)] = true
        var lines = EvidenceLines(seed: UInt64(seed))
        var kinds: Set<EvidenceLine.Kind> = []
        for _ in 0..<1_000 {
            let line = lines.next()
            kinds.insert(line.kind)
            var json = JSONLine()
            #expect(try line.appendQuickly(to: &json))
            let payload = String(decoding: try encoder.encode(line.payload), as: UTF8.self)
            #expect(
                String(decoding: json.bytes, as: UTF8.self)
                    == "{\"kind\":\"\(line.kind.rawValue)\",\(payload.dropFirst())")
        }
        #expect(kinds.count == 6)
    }

    /// Reads documents as the collector does, but slowly.
    private static func document(_ bytes: [UInt8]) -> Document? {
        do { return try JSONDecoder().decode(Document.self, from: Data(bytes)) } catch { return nil }
    }

    private static func scanned(_ object: some Collection<UInt8>) -> EvidenceLine? {
        LineScanner.read(Array(object.dropLast())[...], documents: document)
    }

    @Test("A line that is read in one pass is what JSONDecoder reads, and so is a damaged one", arguments: 0..<4)
    func sameLines(seed: Int) throws {
        let coding = EvidenceCoding()
        var lines = EvidenceLines(seed: UInt64(100 + seed))
        var random = SplitMix64(seed: UInt64(seed))
        var (quick, damaged) = (0, 0)
        for _ in 0..<1_000 {
            let line = lines.next()
            var json = JSONLine()
            try coding.append(line, to: &json)
            json.bytes.removeLast()
            let bytes = json.bytes
            #expect(try coding.decode(bytes) == line)
            if let read = Self.scanned(bytes) {
                #expect(read == line)
                quick += 1
            }
            for _ in 0..<8 {
                var other = bytes
                let index = random.pick(0, bytes.count - 1)
                switch random.pick(0, 3) {
                case 0: other[index] ^= UInt8(1 << random.pick(0, 7))
                case 1: other.remove(at: index)
                case 2: other.insert(random.pick(from: Array("0123456789.eE-+,:\"\\{}[]tn ".utf8)), at: index)
                default: other.insert(other[random.pick(0, bytes.count - 1)], at: index)
                }
                guard let read = Self.scanned(other), other.last == UInt8(ascii: "}") else { continue }
                damaged += 1
                #expect(try coding.decode(other) == read, "\(String(decoding: other, as: UTF8.self))")
            }
        }
        #expect(quick > 150 && damaged > 150, "\(quick) and \(damaged)")
    }

    @Test("Ordinary lines of a large fleet are all read in one pass")
    func ordinaryLines() throws {
        let moment = Nanoseconds(.nanoseconds(78_987_705_272))
        func sample(_ answer: Sample.Answer) -> EvidenceLine {
            .sample(
                Sample(host: 20_029, askedAt: .seconds(1), answeredAt: .seconds(2), nonce: "c9a7-1h", answer: answer))
        }
        let lines: [EvidenceLine] = [
            .asked(.init(at: moment, hosts: [0, 1, 20_029])), .asked(.init(at: moment, hosts: [])),
            .time(.init(at: moment)), .paced(.init(at: moment, interval: Nanoseconds(.milliseconds(7_345)))),
            .status(.init(host: 1, at: moment, status: .pending, code: .neverPulled, reason: "not pulled (ä)")),
            sample(.document(Answer().document(host: 1, nonce: "n"))),
            sample(.repeated(RepeatedDocument(nonce: "n", ageSeconds: 0.001, observedAt: "2026-01-01T00:00:00Z"))),
            sample(.repeated(RepeatedDocument(nonce: nil, ageSeconds: 3, observedAt: "2026-01-01T00:00:00Z"))),
            sample(.unusable(.timeout, detail: "no answer within 5s")),
        ]
        for line in lines {
            var json = JSONLine()
            try EvidenceCoding().append(line, to: &json)
            #expect(Self.scanned(json.bytes.dropLast()) == line, "\(String(decoding: json.bytes, as: UTF8.self))")
        }
    }

    @Test("A line that cannot be expressed in JSON leaves nothing behind")
    func inexpressible() throws {
        var json = JSONLine()
        let coding = EvidenceCoding()
        try coding.append(.time(.init(at: Nanoseconds(.seconds(1)))), to: &json)
        let before = json.bytes
        var document = Answer().document(host: 0, nonce: "n")
        document.ageSeconds = .infinity
        let sample = Sample(
            host: 0, askedAt: .zero, answeredAt: .zero, nonce: "n", answer: .document(document))
        #expect(throws: (any Error).self) { try coding.append(.sample(sample), to: &json) }
        #expect(json.bytes == before)
        try coding.append(.time(.init(at: Nanoseconds(.seconds(1)))), to: &json)
        #expect(json.bytes == before + before)
    }
}
