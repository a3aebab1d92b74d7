import Foundation
import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct FileSourceTests {
    struct Example: CustomTestStringConvertible, Sendable {
        var text: String
        var state: ServiceState
        var sha: Bool
        var digest: Bool
        var reason: String?

        init(_ text: String, _ state: ServiceState, sha: Bool = false, digest: Bool = false, reason: String? = nil) {
            self.text = text
            self.state = state
            self.sha = sha
            self.digest = digest
            self.reason = reason
        }

        var testDescription: String { text }
    }

    @Test(
        "A file's statement is reported, and its unusable parts are named",
        arguments: [
            Example(Samples.sha, .serving, sha: true),
            Example("  \(Samples.sha)\r\n", .serving, sha: true),
            Example("{\"git_sha\":\"\(Samples.sha)\"}", .serving, sha: true),
            Example("{\"git_sha\":\"\(Samples.sha.uppercased())\"}", .serving, sha: true),
            Example(
                "{\"git_sha\":\"\(Samples.sha)\",\"digest\":\"\(Samples.digestText("d"))\",\"state\":\"starting\"}",
                .starting, sha: true, digest: true),
            Example(
                "{\"git_sha\":null,\"digest\":\"\(Samples.digestText("d"))\"}", .serving, digest: true,
                reason: "git_sha is missing"),
            Example("{\"git_sha\":\"abc1234\"}", .serving, reason: "has 7 digits"),
            Example("abc1234", .serving, reason: "has 7 digits"),
            Example("{\"git_sha\":\"\"}", .serving, reason: "is empty"),
            Example(
                "{\"git_sha\":\"\(Samples.sha)\",\"digest\":\"latest\"}", .serving, sha: true,
                reason: "has no algorithm"),
            Example(
                "{\"git_sha\":\"\(Samples.sha)\",\"state\":\"great\"}", .unknown, sha: true,
                reason: "state 'great' is unknown: expected one of serving, starting, unhealthy, paused, restarting, "
                    + "exited, absent, unknown"),
            Example("{\"git_sha\":17}", .unknown, reason: "not a JSON object"),
            Example("{\"git_sha\":\"\(Samples.sha)\"", .unknown, reason: "not a JSON object"),
            Example("", .unknown, reason: "is empty"),
            Example("\u{FEFF}\(Samples.sha)\r\n", .serving, sha: true),
            Example("\u{FEFF}{\"git_sha\":\"\(Samples.sha)\"}", .serving, sha: true),
            Example("garbage", .unknown, reason: "not a commit id"),
            Example("\(Samples.sha) refs/heads/main", .unknown, reason: "not a commit id"),
            Example("git_sha: \(Samples.sha)", .unknown, reason: "not a commit id"),
            Example("<html>404</html>", .unknown, reason: "not a commit id"),
            Example("[\"\(Samples.sha)\"]", .unknown, reason: "not a commit id"),
            Example(String(repeating: "\0", count: 40), .unknown, reason: "not a commit id"),
            Example(String(Samples.sha.prefix(20)), .serving, reason: "has 20 digits"),
            Example("{}", .unknown, reason: "states neither"),
            Example("{\"commit\":\"\(Samples.sha)\"}", .unknown, reason: "states neither"),
            Example("{\"git_sha\":\"\(Samples.sha)\",\"built\":{\"by\":[1]}}", .serving, sha: true),
            Example(
                "{\"git_sha\":\"\(Samples.sha)\",\"git_sha\":\"\(Samples.otherSHA)\"}", .unknown,
                reason: "states git_sha twice"),
            Example("{\"git_sha\":[\"\(Samples.sha)\"]}", .unknown, reason: "not a JSON object"),
            Example("{\"git_sha\":\"\(Samples.sha)\",\"digest\":7}", .unknown, reason: "not a JSON object"),
            Example("{\"git_sha\":\"\(Samples.sha)\"}{}", .unknown, reason: "not a JSON object"),
            Example(" \n", .unknown, reason: "is empty"),
            Example("\(Samples.sha)\n\(Samples.sha)", .unknown, reason: "neither"),
        ])
    func contents(example: Example) {
        let content = DocumentContent(
            service: "canvas", path: "/srv/canvas.json", host: Samples.host, read: .success(Array(example.text.utf8)))
        #expect(content.state == example.state)
        #expect((content.gitSHA != nil) == example.sha)
        #expect((content.digest != nil) == example.digest)
        if let reason = example.reason {
            #expect(content.reason?.contains(reason) == true)
        } else {
            #expect(content.reason == nil)
        }
        let instance = content.instances.first
        #expect((instance?.image.origin == .registry) == example.digest)
    }

    @Test("The instance id depends on the content and the path of the file")
    func identity() {
        let id = { (path: String, text: String) in
            DocumentContent(service: "canvas", path: path, host: Samples.host, read: .success(Array(text.utf8)))
                .instances.first?.id
        }
        #expect(id("/a", Samples.sha) != nil)
        #expect(id("/a", Samples.sha) == id("/a", Samples.sha))
        #expect(id("/a", Samples.sha) != id("/b", Samples.sha))
        #expect(id("/a", Samples.sha) != id("/a", Samples.otherSHA))
    }

    @Test("A missing, oversized, special or binary file is unknown, for a reason that names the problem")
    func unreadable() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("agent-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = { (name: String) in folder.appendingPathComponent(name).path }
        let content = { (name: String) in
            DocumentContent(
                service: "canvas", path: path(name), host: Samples.host,
                read: SmallFile.read(path(name), limit: DocumentContent.fileSizeLimit))
        }
        let reason = { (name: String) in content(name).state == .unknown ? content(name).reason ?? "" : "not unknown" }

        #expect(reason("missing").contains("does not exist"))
        #expect(reason(".").contains("is not a regular file"))
        try Data(count: DocumentContent.fileSizeLimit + 1).write(to: URL(fileURLWithPath: path("large")))
        #expect(reason("large").contains("is larger than 64 KiB"))
        try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: path("binary")))
        #expect(reason("binary").contains("is not UTF-8"))
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        #expect(reason("fifo").contains("is not a regular file"))

        try Data(Samples.sha.utf8).write(to: URL(fileURLWithPath: path("good")))
        #expect(content("good").gitSHA?.hex == Samples.sha)
    }
}
