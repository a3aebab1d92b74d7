import Foundation
import Shared
import Testing

@testable import Agent

/// Documents against the contract's schema, judged by a validator that is not ours (Debian's python3-jsonschema).
@Suite struct SchemaTests {
    private static let judge = """
        import json, sys
        from jsonschema import Draft202012Validator, FormatChecker
        schema = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        bad = [e.message for line in open(sys.argv[2]) for e in validator.iter_errors(json.loads(line))]
        print("\\n".join(bad)[:2000])
        sys.exit(1 if bad else 0)
        """

    private static var schemaPath: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Schemas/buildinfo.schema.json").path
    }

    /// The validator's complaints; a missing validator is one, and no pass.
    private func complaints(_ documents: [String]) throws -> String? {
        let folder = try TemporaryFolder()
        let path = try folder.write(documents.joined(separator: "\n") + "\n", to: "documents")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", Self.judge, Self.schemaPath, path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? nil : "validator: " + String(decoding: output, as: UTF8.self)
    }

    private func text(_ content: DocumentContent, nonce: String? = nil) throws -> String {
        let observed = RFC3339.text(unixMilliseconds: 1_795_441_381_970)
        return String(
            decoding: try DocumentBody(content).bytes(
                observedAt: observed, age: .seconds(1), uptime: .seconds(9), nonce: nonce),
            as: UTF8.self)
    }

    @Test("Every kind of document satisfies the schema")
    func documents() throws {
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
            FileSource.content(service: "canvas", path: "/srv/x", host: Samples.host, read: .success(Array(bytes.utf8)))
        }
        let contents: [DocumentContent] = [
            builder.content(for: "canvas", looks: [.success(Samples.snapshot([try Samples.facts()]))]),
            builder.content(for: "canvas", looks: [.success(Samples.snapshot([]))]),
            builder.content(for: "canvas", looks: [.success(Samples.snapshot([hostile, created]))]),
            builder.content(
                for: "canvas", looks: [.success(Samples.snapshot([podman], name: .podman, store: .podman))]),
            builder.content(for: "canvas", looks: [.success(Samples.snapshot([hostile], store: .containerd))]),
            builder.content(
                for: "canvas", looks: [.failure(EngineFailure(.garbage, String(repeating: "y", count: 900)))]),
            file(Samples.sha), file(""),
            file("{\"git_sha\":\"short\",\"digest\":\"\(Samples.digestText("d"))\",\"state\":\"starting\"}"),
        ]
        let texts =
            try contents.map { try text($0) } + [
                text(contents[0], nonce: "a\"\\b/ ~"), text(contents[0], nonce: String(repeating: "\\", count: 128)),
            ]
        let found = try complaints(texts)
        #expect(found == nil, "\(found ?? "")")
        for text in texts { _ = try JSONDecoder().decode(Document.self, from: Data(text.utf8)) }
    }

    @Test("A document that is served satisfies the schema")
    func served() async throws {
        try await withServer { server in
            let body = try await server.get("/buildinfo?nonce=n").responseBody
            #expect(try complaints([body]) == nil)
        }
    }

    @Test("The validator does find a fault")
    func judgeBites() throws {
        #expect(try complaints(["{\"schema\":2}"])?.contains("required property") == true)
        let good = try text(
            FileSource.content(
                service: "canvas", path: "/x", host: Samples.host, read: .success(Array(Samples.sha.utf8))))
        #expect(try complaints([good.replacing("\"state\":\"serving\"", with: "\"state\":\"fine\"")]) != nil)
    }
}
