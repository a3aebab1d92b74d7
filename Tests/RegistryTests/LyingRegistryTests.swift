import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Registry

/// False responses of a registry, accidental or deliberate: each ends with its exit code and reason.
@Suite(.timeLimit(.minutes(2)))
struct LyingRegistryTests {
    private static let image = MadeImage.usual(revision: String(repeating: "a", count: 40))
    private static let other = MadeImage.usual(revision: String(repeating: "b", count: 40))

    private func read(
        _ lie: @escaping @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer?, _ reference: String = ":latest",
        within limit: Duration = .seconds(60)
    ) async throws -> (error: RegistryError?, registry: ScriptedRegistry) {
        let registry = try await ScriptedRegistry.start(["latest": Self.image], lie)
        let name = try registry.reference(reference)
        let error = try await registryError {
            _ = try await withRegistryClient(within: limit) { try await $0.resolve(name) }
        }
        await registry.stop()
        return (error, registry)
    }

    struct Lie: Sendable, CustomTestStringConvertible {
        var name: String
        var code: Int32
        var reason: String
        var answer: ScriptedHostAnswer

        var testDescription: String { name }
    }

    private static func body(_ json: String, _ type: String = MadeImage.ociIndex) -> ScriptedHostAnswer {
        .answer(status: 200, headers: [("Content-Type", type)], body: Array(json.utf8))
    }

    private static let schemaOneType = "application/vnd.docker.distribution.manifest.v1+prettyjws"

    static let lieTable: [Lie] = [
        .init(
            name: "another digest in the header", code: 69, reason: "does not match its Docker-Content-Digest",
            answer: .manifest(image.manifest, digest: other.digest.description)),
        .init(
            name: "a digest of another algorithm in the header", code: 69,
            reason: "does not match its Docker-Content-Digest",
            answer: .manifest(image.manifest, digest: "sha512:" + String(repeating: "0", count: 128))),
        .init(
            name: "a page of HTML", code: 69, reason: "HTML page",
            answer: body("<html>hello</html>", "text/html; charset=utf-8")),
        .init(
            name: "a page of HTML for what is not there", code: 69, reason: "HTML page",
            answer: .answer(status: 404, headers: [("Content-Type", "text/html")], body: Array("<html>".utf8))),
        .init(
            name: "schema 1", code: 64, reason: "schema 1",
            answer: body(#"{"schemaVersion":1,"fsLayers":[]}"#, schemaOneType)),
        .init(
            name: "schema 1 with a fine media type", code: 64, reason: "schema 1",
            answer: body(#"{"schemaVersion":1,"fsLayers":[]}"#)),
        .init(
            name: "another media type", code: 64, reason: "expected an OCI or Docker index or manifest",
            answer: body("{}", "application/json")),
        .init(
            name: "another media type in the body", code: 64, reason: "is ambiguous",
            answer: body(#"{"schemaVersion":2,"mediaType":"\#(MadeImage.ociManifest)","manifests":[]}"#)),
        .init(
            name: "an index served as a manifest", code: 64, reason: "is ambiguous",
            answer: body(#"{"schemaVersion":2,"manifests":[]}"#, MadeImage.ociManifest)),
        .init(
            name: "both manifests and layers", code: 64, reason: "'manifests' and also 'config' or 'layers'",
            answer: body(#"{"schemaVersion":2,"manifests":[],"layers":[]}"#)),
        .init(
            name: "both, one in another case", code: 64, reason: "'manifests' and also 'config' or 'layers'",
            answer: body(#"{"schemaVersion":2,"manifests":[],"Layers":[]}"#)),
        .init(
            name: "a key twice", code: 64, reason: "twice",
            answer: body(#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#)),
        .init(
            name: "a depth bomb", code: 64, reason: "deeper",
            answer: body(#"{"schemaVersion":2,"x":"# + String(repeating: "[", count: 2_000_000))),
        .init(
            name: "an index of nothing but attestations", code: 64, reason: "without any platform",
            answer: .manifest(
                MadeImage.index([.init(.attestation(), "unknown/unknown")]).manifest)),
        .init(
            name: "a body beyond 5 MiB", code: 69, reason: "no complete response",
            answer: body(String(repeating: " ", count: 6 << 20))),
        .init(name: "a body without end", code: 69, reason: "no complete response", answer: .flood(chunked: true)),
        .init(name: "headers without end", code: 69, reason: "no complete response", answer: .floodHeaders),
        .init(name: "401 without a way", code: 69, reason: "401", answer: .status(401)),
        .init(name: "403", code: 69, reason: "403", answer: .status(403)),
        .init(
            name: "429 for an hour", code: 69, reason: "429, Retry-After 3600",
            answer: .answer(status: 429, headers: [("Retry-After", "3600")], body: [])),
        .init(name: "500", code: 69, reason: "500", answer: .status(500)),
        .init(name: "a redirection of a manifest", code: 69, reason: "redirects", answer: .redirect(to: "/elsewhere")),
        .init(name: "404", code: 64, reason: "does not have this tag", answer: .status(404)),
        .init(
            name: "404 for the repository", code: 64, reason: "does not have this repository",
            answer: .answer(
                status: 404, headers: [("Content-Type", "application/json")],
                body: Array(#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#.utf8))),
    ]

    @Test("Each false response about a tag ends quickly with its exit code and reason", arguments: lieTable)
    func lied(_ lie: Lie) async throws {
        let answer = lie.answer
        let (error, registry) = try await read { $0.path.hasSuffix("/latest") ? answer : nil }
        #expect(error?.exitCode == lie.code, "\(error?.description ?? "no error")")
        #expect(error?.description.contains(lie.reason) == true, "\(error?.description ?? "no error")")
        #expect(registry.seen.count <= RetryRule.maximumAttempts)
        let isOneLine = error.map { Sanitizer.isVisibleLine($0.description) } ?? false
        #expect(isOneLine)
    }

    @Test("Exactly the four media types are requested")
    func accept() async throws {
        let (error, registry) = try await read { _ in nil }
        #expect(error == nil)
        let asked = registry.seen.first { $0.path.hasSuffix("/latest") }?.header("accept") ?? ""
        let types = asked.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(
            Set(types) == [MadeImage.ociIndex, MadeImage.ociManifest, MadeImage.dockerList, MadeImage.dockerManifest])
        #expect(types.count == 4)
    }

    @Test("Content that does not match its digest is rejected: root, child and configuration")
    func wrongBodies() async throws {
        let (first, second) = (Self.image, Self.other)
        let byDigest = try await read({ _ in .manifest(second.manifest) }, "@\(first.digest)")
        #expect(byDigest.error?.exitCode == 69)
        #expect(byDigest.error?.description.contains("different content") == true)
        let asChild = try await read { request in
            request.path.hasSuffix("\(first.children[1].digest)") ? .manifest(second.children[1].manifest) : nil
        }
        #expect(asChild.error?.exitCode == 69)
        #expect(asChild.error?.description.contains("different content") == true)
        let asConfig = try await read { request in
            request.path.hasSuffix("\(first.children[0].blobs[0].digest)")
                ? .answer(status: 200, headers: [], body: second.children[0].blobs[0].bytes) : nil
        }
        #expect(asConfig.error?.exitCode == 69)
        #expect(asConfig.error?.description.contains("does not match its digest") == true)
    }

    @Test("A missing configuration makes an image incomplete, not absent")
    func missingConfig() async throws {
        let (error, _) = try await read { $0.path.contains("/blobs/") ? .status(404) : nil }
        #expect(error?.exitCode == 64)
        #expect(error?.description.contains("incomplete") == true)
    }

    @Test("Nested indexes are followed to a fixed depth")
    func nesting() async throws {
        var deep = Self.image
        for level in 1...3 { deep = .index([.init(deep)], padding: ",\"annotations\":{\"n\":\"\(level)\"}") }
        let fine = try await ScriptedRegistry.start(["latest": deep])
        let reference = try fine.reference()
        let image = try await withRegistryClient { try await $0.resolve(reference) }
        #expect(image.entries.map { $0.platform?.description } == ["linux/amd64", "linux/arm64"])
        await fine.stop()

        let deeper = MadeImage.index([.init(deep)], padding: ",\"annotations\":{\"n\":\"4\"}")
        let registry = try await ScriptedRegistry.start(["latest": deeper])
        let name = try registry.reference()
        let error = try await registryError { _ = try await withRegistryClient { try await $0.resolve(name) } }
        #expect(error?.exitCode == 64)
        #expect(error?.description.contains("nested deeper") == true)
        await registry.stop()
    }

    @Test("An index with hundreds of manifests is rejected")
    func manyChildren() async throws {
        let children = (0..<300).map { MadeImage.Child(.single(revision: nil, salt: "\($0)"), "linux/amd64") }
        let registry = try await ScriptedRegistry.start(["latest": .index(children)])
        let name = try registry.reference()
        let error = try await registryError { _ = try await withRegistryClient { try await $0.resolve(name) } }
        #expect(error?.exitCode == 64)
        #expect(error?.description.contains("more than 256") == true)
        await registry.stop()
    }

    @Test("A registry that hangs or sends slowly is abandoned at the deadline")
    func deadlines() async throws {
        for answer in [ScriptedHostAnswer.hang, .drip(body: Self.image.manifest.bytes)] {
            let start = ContinuousClock.now
            let (error, _) = try await read({ _ in answer }, within: .seconds(2))
            #expect(error?.exitCode == 69)
            // Generous: it must not take twenty seconds or forever.
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    @Test("A transient failure is retried, and a requested pause is kept")
    func transient() async throws {
        for answer in [
            ScriptedHostAnswer.status(503), .close, .reset,
            .answer(status: 429, headers: [("Retry-After", "1")], body: []),
        ] {
            let counter = Counter()
            let (error, _) = try await read { _ in counter.next() <= 2 ? answer : nil }
            #expect(error == nil, "\(error?.description ?? "")")
        }
    }

    @Test("An unreachable registry is 69 with its reason")
    func unreachable() async throws {
        let reference = try #require(ImageReference(parsing: "127.0.0.1:1/canvas"))
        let error = try await registryError {
            _ = try await withRegistryClient(within: .seconds(20)) { try await $0.manifest(of: reference) }
        }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("no complete response") == true)
    }
}

/// Counts calls, on any thread.
final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}
