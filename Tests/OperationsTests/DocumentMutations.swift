import Foundation
import Shared
import Support

/// Documents as agents write them, and damaged or unusual variants of their bytes; all from one seed.
struct DocumentMutations {
    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    // MARK: - Documents

    /// A valid document as an agent writes it: members in any order, without white space.
    mutating func body() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = random.chance(80) ? [.sortedKeys, .withoutEscapingSlashes] : []
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
        return Array(try encoder.encode(document()))
    }

    private mutating func document() -> Document {
        var document = Document(
            service: text(), gitSHA: nil, digest: random.chance(80) ? digest() : nil, state: state(),
            reason: maybe(30) { $0.text() }, host: HostIdentity(id: hex(16), name: text(), bootID: hex(32)),
            instances: (0..<random.pick(0, 3)).map { _ in instance() }, instancesExpected: maybe(20) { $0.number() },
            leftOut: (0..<(random.chance(20) ? 2 : 0)).map { _ in leftOut() },
            engine: maybe(90) {
                EngineIdentity(
                    name: .docker, store: .containerd, version: $0.maybe(80) { $0.text() },
                    apiVersion: $0.maybe(80) { _ in "1.47" }, platform: $0.maybe(80) { _ in "linux/amd64" })
            },
            served: maybe(50) {
                ProbeResult(
                    url: "http://127.0.0.1:8080/version", outcome: .ok, status: $0.maybe(80) { _ in 200 },
                    gitSHA: $0.maybe(70) { $0.commit() }, latencySeconds: $0.maybe(80) { $0.seconds() })
            },
            observedAt: "2026-01-01T00:00:00.\(random.pick(100, 999))Z", ageSeconds: seconds(),
            nonce: maybe(95) { "run-\($0.hex(4))" }, agent: AgentIdentity(version: "0.1.0", uptimeSeconds: seconds()))
        document.gitSHA = commit()
        return document
    }

    private mutating func instance() -> Instance {
        Instance(
            id: hex(64), name: text(), project: maybe(50) { $0.text() },
            deployment: maybe(50) {
                Instance.Deployment(
                    tool: .compose, group: $0.text(), name: $0.maybe(50) { $0.text() },
                    directory: $0.maybe(50) { _ in "/srv/canvas" }, files: $0.random.chance(30) ? ["/srv/a.yaml"] : [])
            },
            state: state(), health: maybe(50) { _ in .healthy }, healthOutput: maybe(10) { $0.text() },
            startedAt: maybe(90) { _ in "2026-01-01T00:00:00.123456789Z" }, restartCount: maybe(80) { $0.number() },
            exitCode: maybe(20) { $0.number() }, oomKilled: maybe(30) { $0.random.chance(50) },
            error: maybe(10) { $0.text() }, gitSHA: commit(),
            image: ImageEvidence(
                reference: "registry.example/canvas:latest", platform: maybe(80) { _ in "linux/amd64" },
                origin: .registry,
                digests: (0..<random.pick(0, 3)).map { _ in
                    DigestEvidence(
                        digest: digest(), kind: .indexOrManifest,
                        repository: maybe(80) { _ in "registry.example/canvas" }, source: .imageRepoDigests)
                }, tagMoved: random.chance(10)))
    }

    private mutating func leftOut() -> LeftOutContainer {
        LeftOutContainer(
            id: hex(64), name: text(), project: maybe(50) { $0.text() }, reason: .oneOff, state: .exited,
            exitCode: maybe(50) { $0.number() }, restartCount: maybe(50) { $0.number() })
    }

    private mutating func maybe<Value>(_ percent: Int, _ make: (inout Self) -> Value) -> Value? {
        random.chance(percent) ? make(&self) : nil
    }

    private mutating func text() -> String {
        random.pick(from: [
            "canvas", "canvas-1", "registry.example/canvas", "a \"quoted\" text", "Grüße 🚢", "tab\tand\nline", "",
            "back\\slash", "e\u{301}", "\u{7F}\u{80}\u{FEFF}", "\u{1}",
        ])
    }

    private mutating func hex(_ count: Int) -> String {
        String((0..<count).map { _ in random.pick(from: Array("0123456789abcdef")) })
    }

    private mutating func commit() -> Reported<GitSHA> {
        switch random.pick(0, 9) {
        case 0: .absent
        case 1: .unusable("dev")
        default: GitSHA(contractText: "a" + hex(39)).map(Reported.known) ?? .absent
        }
    }

    private mutating func digest() -> Digest { Digest(sha256Of: [UInt8(random.pick(0, 20))]) }
    private mutating func state() -> ServiceState { random.pick(from: ServiceState.allCases) }
    private mutating func number() -> Int { random.pick(0, 5) }

    private mutating func seconds() -> Double {
        random.chance(70) ? Double(random.pick(0, 99_999)) / 1_000 : Double(random.next() >> 11) / 1e13
    }

    // MARK: - Variants

    /// One to three changes of a body.
    mutating func variant(of body: [UInt8]) -> [UInt8] {
        (0..<random.pick(1, 3)).reduce(body) { bytes, _ in changed(bytes) }
    }

    private mutating func changed(_ body: [UInt8]) -> [UInt8] {
        guard !body.isEmpty else { return body }
        var bytes = body
        let place = random.pick(0, bytes.count - 1)
        switch random.pick(0, 9) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[place] = random.pick(from: Array("{}[]\",:\\0123456789.eE+-ntf /".utf8))
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(random.pick(from: Array("\" \t\n\\{}[],:-0.e\u{0}".utf8)), at: place)
        case 4: bytes.removeLast(random.pick(1, min(40, bytes.count)))
        case 5: bytes.insert(contentsOf: space(), at: structural(bytes))
        case 6: replaceValue(&bytes)
        case 7: insertMember(&bytes)
        case 8: replaceText(&bytes)
        default:
            // A piece of the document again, somewhere else.
            let end = min(bytes.count, place + random.pick(1, 60))
            bytes.insert(contentsOf: bytes[place..<end], at: random.pick(0, bytes.count - 1))
        }
        return bytes
    }

    private mutating func space() -> [UInt8] {
        Array(random.pick(from: [" ", "\n", "\t\r\n ", "\u{B}", "\u{FEFF}"]).utf8)
    }

    /// The index after one of the commas, colons or braces.
    private mutating func structural(_ bytes: [UInt8]) -> Int {
        let places = bytes.indices.filter { [0x2C, 0x3A, 0x7B, 0x7D, 0x5B, 0x5D].contains(bytes[$0]) }
        return places.isEmpty ? bytes.count : random.pick(from: places) + 1
    }

    private mutating func value() -> [UInt8] {
        Array(
            random.pick(from: [
                "null", "true", "false", "0", "-0", "1", "1.0", "1e0", "01", "1.", ".5", "-1", "1e400", "1e-400",
                "4.9e-324",
                "0.1", "0.30000000000000004", "123456789012345678", "9223372036854775807", "9223372036854775808",
                "1234567890.12345678901234567890", "0e0", "0.000", "2.5e-1", "NaN", "Infinity", "0x10", "\"\"", "\"a\"",
                "\"\\u0041\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\x\"",
                "\"\\u00e9\"", "\"\\u0000\"", "{}", "[]", "[1,]", "{\"a\":1,}", "{\"a\":{\"a\":[null,{}]}}", "[1 2]",
                "\"serving\"", "\"SERVING\"", "\"starting\"", "{\"a\":1,\"a\":2}", "\"\\u+041\"", "\"\\u00 1\"",
                String(repeating: "[", count: 20) + String(repeating: "]", count: 20),
                String(repeating: "[", count: 600) + String(repeating: "]", count: 600),
            ]).utf8)
    }

    /// A body with other values in these places, most of them such as an agent writes.
    mutating func again(_ body: [UInt8], _ places: [Range<Int>]) -> [UInt8] {
        var bytes = body
        for place in places.sorted(by: { $0.lowerBound > $1.lowerBound }) where random.chance(70) {
            let isText = body[place].first == 0x22
            let usual = isText ? "\"\(random.next())\"" : "\(seconds())"
            bytes.replaceSubrange(place, with: random.chance(90) ? Array(usual.utf8) : value())
        }
        return bytes
    }

    /// Replaces the value after one of the colons: up to the next comma or brace.
    private mutating func replaceValue(_ bytes: inout [UInt8]) {
        let colons = bytes.indices.filter { bytes[$0] == 0x3A && $0 + 1 < bytes.count }
        guard !colons.isEmpty else { return }
        let start = random.pick(from: colons) + 1
        let end = bytes[start...].firstIndex { [0x2C, 0x7D, 0x5D].contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: value())
    }

    /// Inserts a known or unknown member at the beginning of one of the objects.
    private mutating func insertMember(_ bytes: inout [UInt8]) {
        let braces = bytes.indices.filter { bytes[$0] == 0x7B }
        guard !braces.isEmpty else { return }
        let name = random.pick(from: [
            "x", "schema", "nonce", "age_seconds", "git_sha", "state", "tool", "id", "observed_at", "e\u{301}", "",
            "\\u006eonce", "Nonce", "reason", "status", "files",
        ])
        let place = random.pick(from: braces) + 1
        bytes.insert(contentsOf: Array("\"\(name)\":".utf8) + value() + [0x2C], at: place)
    }

    private mutating func replaceText(_ bytes: inout [UInt8]) {
        let quotes = bytes.indices.filter { bytes[$0] == 0x22 && $0 + 1 < bytes.count }
        guard !quotes.isEmpty else { return }
        let place = random.pick(from: quotes) + 1
        let piece: [UInt8] = random.pick(from: [
            [0xC3, 0xA9], [0xC3], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x9A, 0xA2], [0xC0, 0x80], [0x5C, 0x2F],
            Array("\\u00e9".utf8), Array("\\ud800".utf8), [0x5C], [0], [0x1F], [0x7F], [0xEF, 0xBB, 0xBF],
        ])
        bytes.insert(contentsOf: piece, at: place)
    }
}
