import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Registry

@Suite(.timeLimit(.minutes(2)))
struct RegistryPutTests {
    private static let image = MadeImage.usual(revision: String(repeating: "a", count: 40))

    /// Reads `staging`, and puts it under `latest`.
    private func promote(
        within limit: Duration = .seconds(60), _ answer: @escaping @Sendable (Int) -> ScriptedHostAnswer?
    ) async throws -> (error: RegistryError?, puts: [ScriptedHostRequest]) {
        let counter = Counter()
        let registry = try await ScriptedRegistry.start(["staging": Self.image]) { request in
            request.method == "PUT" ? answer(counter.next()) : nil
        }
        let (from, to) = (try registry.reference(":staging"), try registry.reference(""))
        let error = try await registryError {
            try await withRegistryClient(within: limit) { client in
                try await client.put(try await client.manifest(of: from), tag: "latest", in: to)
            }
        }
        await registry.stop()
        return (error, registry.seen.filter { $0.method == "PUT" })
    }

    @Test("A tag is written with exactly the same bytes and media type")
    func bytes() async throws {
        let (error, puts) = try await promote { _ in nil }
        #expect(error == nil)
        #expect(puts.map(\.path) == ["/v2/canvas/manifests/latest"])
        #expect(puts.first?.body == Self.image.manifest.bytes)
        #expect(puts.first?.header("content-type") == MadeImage.ociIndex)
    }

    @Test(
        "After a lost or ambiguous response a write is not repeated, and its outcome is unknown",
        arguments: [
            ScriptedHostAnswer.status(500), .status(502), .status(503), .status(504), .close, .reset,
            .closeEarly(status: 201, body: [], missing: 5),
            .answer(
                status: 201, headers: [("Docker-Content-Digest", "\(MadeImage.attestation().digest)")], body: []),
        ])
    func ambiguous(answer: ScriptedHostAnswer) async throws {
        let (error, puts) = try await promote { _ in answer }
        #expect(error?.exitCode == 69)
        #expect(
            error?.description.contains("may or may not have been written") == true, "\(error?.description ?? "none")")
        #expect(puts.count == 1)
    }

    @Test("A write that hangs has an unknown outcome at the deadline")
    func hangs() async throws {
        let (error, puts) = try await promote(within: .seconds(10)) { _ in .hang }
        #expect(
            error?.description.contains("may or may not have been written") == true, "\(error?.description ?? "none")")
        #expect(puts.count == 1)
    }

    @Test(
        "A write that was certainly rejected is reported as not written",
        arguments: [400, 403, 404, 405, 409, 413, 307])
    func refused(status: Int) async throws {
        let (error, puts) = try await promote { _ in .status(status) }
        #expect(error?.exitCode == 69)
        #expect(
            error?.description.contains("may or may not have been written") == false, "\(error?.description ?? "none")")
        #expect(puts.count == 1)
    }

    @Test("A write is repeated after 429 and after 401")
    func again() async throws {
        let (error, puts) = try await promote { $0 == 1 ? .status(429) : nil }
        #expect(error == nil)
        #expect(puts.count == 2)

        let registry = try await ScriptedRegistry.start(["staging": Self.image]) { request in
            request.method == "PUT" && request.header("authorization") == nil ? .challenge("Basic realm=r") : nil
        }
        let (from, to) = (try registry.reference(":staging"), try registry.reference(""))
        try await withRegistryClient(credentials: MadeUpCredentials.file(for: registry.authority)) { client in
            try await client.put(try await client.manifest(of: from), tag: "latest", in: to)
        }
        #expect(registry.seen.count { $0.method == "PUT" } == 2)
        await registry.stop()
    }

    @Test("An invalid tag is not written", arguments: ["", "a b", "../x", "a@b", "a/b"])
    func noTag(tag: String) async throws {
        let registry = try await ScriptedRegistry.start(["staging": Self.image])
        let reference = try registry.reference(":staging")
        let error = try await registryError {
            try await withRegistryClient { client in
                try await client.put(try await client.manifest(of: reference), tag: tag, in: reference)
            }
        }
        #expect(error?.exitCode == 64)
        #expect(!registry.seen.contains { $0.method == "PUT" })
        await registry.stop()
    }

    // MARK: - Tags

    private func tags(
        _ script: @escaping @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer?
    ) async throws -> (tags: [String], error: RegistryError?, asked: [String]) {
        let registry = try await ScriptedRegistry.start([:], script)
        let reference = try registry.reference("")
        var tags: [String] = []
        let error = try await registryError {
            tags = try await withRegistryClient { try await $0.tags(of: reference) }
        }
        await registry.stop()
        return (tags, error, registry.seen.map(\.target))
    }

    private static func page(_ tags: String, next: String?) -> ScriptedHostAnswer {
        .json(
            "{\"name\":\"canvas\",\"tags\":[\(tags)]}", headers: next.map { [("Link", "<\($0)>; rel=\"next\"")] } ?? [])
    }

    @Test("All pages of tags are read, with relative or absolute links and smaller pages than requested")
    func pages() async throws {
        let (tags, error, asked) = try await tags { request in
            switch request.query("last") {
            case nil: Self.page(#""a","b""#, next: "/v2/canvas/tags/list?last=b&n=2")
            case "b": Self.page(#""c""#, next: "http://\(request.header("host") ?? "")/v2/canvas/tags/list?last=c&n=2")
            case "c": Self.page("", next: "list?last=d&n=2")
            default: Self.page(#""e""#, next: nil)
            }
        }
        #expect(error == nil, "\(error?.description ?? "")")
        #expect(tags == ["a", "b", "c", "e"])
        #expect(asked.count == 4)
    }

    @Test("An empty repository's tag list may be null")
    func null() async throws {
        let (tags, error, _) = try await tags { _ in .json(#"{"name":"canvas","tags":null}"#) }
        #expect(error == nil)
        #expect(tags.isEmpty)
    }

    @Test("A tag list with repeated or endless pages is rejected")
    func endless() async throws {
        let back = try await tags { _ in Self.page(#""a""#, next: "/v2/canvas/tags/list?n=7") }
        #expect(back.error?.description.contains("repeats a page") == true)
        #expect(back.asked.count == 2)
        let counter = Counter()
        let endless = try await tags { _ in Self.page(#""a""#, next: "/v2/canvas/tags/list?last=\(counter.next())") }
        #expect(endless.error?.description.contains("has more than 200 pages") == true)
        #expect(endless.asked.count == RegistryClient.maximumPages)
        #expect(endless.error?.exitCode == 69)
    }

    @Test("A next page on another host is not requested")
    func foreignPage() async throws {
        let foreign = try await ScriptedRegistry.start { _ in Self.page("", next: nil) }
        for url in [foreign.host.url(host: 8, "/v2/canvas/tags/list"), foreign.url + "/v2/canvas/tags/list"] {
            let (_, error, asked) = try await tags { _ in Self.page(#""a""#, next: url) }
            #expect(error?.exitCode == 69)
            #expect(asked.count == 1)
        }
        #expect(foreign.seen.isEmpty)
        await foreign.stop()
    }

    @Test("A response other than a tag list is not an empty list")
    func noList() async throws {
        for answer in [ScriptedHostAnswer.status(200, "<html>"), .status(403), .status(500), .json("[]")] {
            #expect(try await tags { _ in answer }.error?.exitCode == 69)
        }
        #expect(
            try await tags { _ in .status(404) }.error?.description.contains("does not have this repository") == true)
    }
}
