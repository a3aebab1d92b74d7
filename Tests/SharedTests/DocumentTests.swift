import FoundationEssentials
import Shared
import Testing

@Suite("The document's JSON")
struct DocumentTests {
    private static let digest = Digest(contractText: "sha256:" + String(repeating: "1", count: 64))
    private static let commit = GitSHA(contractText: String(repeating: "a", count: 40))

    private static func document(_ commit: GitSHA?, _ digest: Digest?) -> Document {
        let evidence = digest.map { [DigestEvidence(digest: $0, kind: .index, source: .containerImage)] } ?? []
        return Document(
            service: "canvas", gitSHA: commit, digest: digest, state: .serving,
            host: HostIdentity(id: "host-id-0", name: "host", bootID: ""),
            instances: [
                Instance(
                    id: "c1", name: "canvas-1", state: .serving, gitSHA: Reported(commit),
                    image: ImageEvidence(
                        reference: "canvas", origin: digest == nil ? .none : .registry, digests: evidence,
                        tagMoved: false))
            ],
            observedAt: "2026-01-01T00:00:00Z", ageSeconds: 0.25,
            agent: AgentIdentity(version: "0", uptimeSeconds: 1))
    }

    @Test("A document survives encoding and decoding", arguments: [true, false])
    func roundTrip(isKnown: Bool) throws {
        let document = Self.document(isKnown ? Self.commit : nil, isKnown ? Self.digest : nil)
        let decoded = try JSONDecoder().decode(Document.self, from: JSONEncoder().encode(document))
        #expect(decoded == document)
    }

    @Test("Unknown values are encoded as null, and absent options are left out")
    func nulls() throws {
        let json = try String(decoding: JSONEncoder().encode(Self.document(nil, nil)), as: UTF8.self)
        #expect(
            json.components(separatedBy: "\"git_sha\":null").count == 3, "for the service and the instance: \(json)")
        #expect(json.contains("\"digest\":null"))
        #expect(!json.contains("\"nonce\""))
    }

    private static let unusableTable: [String] = [
        "dev", "", "unknown", "abcdef0", String(repeating: "0", count: 40),
    ]

    @Test(
        "An unusable commit is kept for people, equals nothing, and is never passed on",
        arguments: unusableTable)
    func unusable(text: String) throws {
        let json = Data(
            try String(decoding: JSONEncoder().encode(Self.document(nil, nil)), as: UTF8.self)
                .replacing("\"git_sha\":null", with: "\"git_sha\":\"\(text)\"").utf8)
        let document = try JSONDecoder().decode(Document.self, from: json)
        #expect(document.gitSHA == .unusable(text))
        #expect(document.gitSHA.value == nil)
        let again = try String(decoding: JSONEncoder().encode(document), as: UTF8.self)
        #expect(again.contains("\"git_sha\":null"))
    }

    private static let invalidDocumentsTable: [(String, String)] = [
        ("\"git_sha\":null", "\"other\":null"), ("\"git_sha\":null", "\"git_sha\":7"),
        ("\"state\":\"serving\"", "\"state\":\"fine\""),
        ("\"age_seconds\":0.25", "\"age\":0.25"),
    ]

    @Test(
        "A document without git_sha, or with a value of another type, is refused",
        arguments: invalidDocumentsTable)
    func invalidDocuments(part: String, other: String) throws {
        let json = try String(decoding: JSONEncoder().encode(Self.document(nil, nil)), as: UTF8.self)
        #expect(json.contains(part))
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Document.self, from: Data(json.replacing(part, with: other).utf8))
        }
    }

    @Test(
        "A service has the worst state of its instances",
        arguments: [
            ([], ServiceState.absent), ([.serving], .serving), ([.serving, .starting], .starting),
            ([.unhealthy, .starting], .unhealthy), ([.serving, .exited, .paused], .exited),
            ([.unknown, .serving], .unknown),
        ] as [([ServiceState], ServiceState)])
    func worst(states: [ServiceState], worst: ServiceState) {
        #expect(ServiceState.worst(of: states) == worst)
    }
}
