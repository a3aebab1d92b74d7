import Foundation
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

/// Documents against the contract's schema, checked by an independent validator (Debian's python3-jsonschema).
@Suite struct SchemaTests {
    /// The validator's findings; a missing validator is an error.
    private func complaints(_ documents: [String]) async throws -> String? {
        let defects = try await SchemaValidator.defects(documents, against: .document)
        return defects.isEmpty ? nil : defects.joined(separator: "\n")
    }

    private func text(_ content: DocumentContent, nonce: String? = nil) throws -> String {
        let observed = RFC3339.text(unixMilliseconds: 1_795_441_381_970)
        return String(
            decoding: try DocumentBody(content).bytes(
                observedAt: observed, age: .seconds(1), uptime: .seconds(9), nonce: nonce),
            as: UTF8.self)
    }

    @Test("Every kind of document satisfies the schema")
    func documents() async throws {
        let builder = DocumentBuilder(host: Samples.host)
        var hostile = try Samples.facts(
            name: String(repeating: "n", count: 300), typed: "\u{202E}" + String(repeating: "x", count: 900),
            revision: "\u{1B}[31m")
        hostile.state = ContainerStateFacts(
            status: String(repeating: "s", count: 900), running: true, exitCode: -1, startedAt: "yesterday", health: "?"
        )
        hostile.image?.platform = Platform(
            os: "linux", architecture: "amd64", variant: String(repeating: "v", count: 100))
        var created = try Samples.facts()
        created.state = ContainerStateFacts(status: "created", startedAt: "0001-01-01T00:00:00Z")
        var podman = try Samples.facts()
        podman.libpodImageDigest = try Samples.digest("e")
        let file = { (bytes: String) in
            DocumentContent(service: "canvas", path: "/srv/x", host: Samples.host, read: .success(Array(bytes.utf8)))
        }
        let contents: [DocumentContent] = [
            builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([try Samples.facts()]))]),
            builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([]))]),
            builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([hostile, created]))]),
            builder.content(
                for: Samples.canvas, scans: [.success(Samples.snapshot([podman], name: .podman, store: .podman))]),
            builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([hostile], store: .containerd))]),
            builder.content(
                for: Samples.canvas, scans: [.failure(EngineFailure(.garbage, String(repeating: "y", count: 900)))]),
            file(Samples.sha), file(""),
            file("{\"git_sha\":\"short\",\"digest\":\"\(Samples.digestText("d"))\",\"state\":\"starting\"}"),
        ]
        let texts =
            try contents.map { try text($0) } + [
                text(contents[0], nonce: "a\"\\b/ ~"), text(contents[0], nonce: String(repeating: "\\", count: 128)),
            ]
        let found = try await complaints(texts)
        #expect(found == nil, "\(found ?? "")")
        for text in texts { _ = try JSONDecoder().decode(Document.self, from: Data(text.utf8)) }
    }

    @Test("A served document satisfies the schema")
    func served() async throws {
        try await withServer { server in
            let body = try await server.get("/buildinfo?nonce=n").responseBody
            #expect(try await complaints([body]) == nil)
        }
    }

    @Test("The validator finds an invalid document")
    func judgeBites() async throws {
        #expect(try await complaints(["{\"schema\":2}"])?.contains("required property") == true)
        let good = try text(
            DocumentContent(
                service: "canvas", path: "/x", host: Samples.host, read: .success(Array(Samples.sha.utf8))))
        #expect(try await complaints([good.replacing("\"state\":\"serving\"", with: "\"state\":\"fine\"")]) != nil)
    }
}
