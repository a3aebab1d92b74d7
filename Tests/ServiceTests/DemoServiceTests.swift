import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, the demo", .serialized, .timeLimit(.minutes(5)))
struct DemoServiceTests {
    private func start(in scratch: TemporaryFolder, programs: String? = nil) throws -> RunningProgram {
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        return try bash.start(
            [try SourceTree.path("scripts/demo-service.sh"), try programs ?? Program.productsFolder()],
            environment: [
                "TMPDIR": scratch.path, "HOME": scratch.path,
                // A user's proxy must not affect the demo.
                "http_proxy": "http://127.0.0.1:9",
            ])
    }

    /// The service's address, once the demo has printed it.
    private func authority(_ demo: RunningProgram) async throws -> String {
        var found: Substring?
        try await eventually("the demo prints the address", within: .seconds(60), detail: { demo.error }) {
            try #require(demo.exitCode == nil, "\(demo.error)")
            found = demo.error.firstMatch(of: /http:\/\/(127\.0\.0\.1:\d+)\/\n/)?.output.1
            return found != nil
        }
        return String(try #require(found))
    }

    private func answer(_ authority: String, _ path: String) throws -> LoopbackRequest.Answer {
        let answer = try #require(LoopbackRequest("GET", authority, path).answer(), "\(path)")
        #expect(answer.status == 200, "\(path): \(answer.text)")
        return answer
    }

    @Test("The demo shows a promotion that converges and one with three stragglers, and leaves nothing")
    func whole() async throws {
        let scratch = try TemporaryFolder()
        // The usual port is taken, so the demo takes another.
        let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(taken) }
        var address = sockaddr_in()
        (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), in_port_t(9_490).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(taken, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        listen(taken, 1)

        let demo = try start(in: scratch)
        let authority = try await authority(demo)
        #expect(!authority.hasSuffix(":9490"))
        try await eventually("both promotions end", within: .seconds(120), detail: { demo.error }) {
            try #require(demo.exitCode == nil, "\(demo.error)")
            return demo.error.contains("Ctrl-C ends it")
        }
        let promotions = try #require(
            try ServedCollector.object(try answer(authority, "/api/v1/promotions"))["promotions"] as? [[String: Any]])
        #expect(promotions.count == 6)
        let verdicts = promotions.compactMap { $0["verdict"] as? String }
        #expect(Set(verdicts) == ["converged", "stragglers"])
        #expect(verdicts.count { $0 == "stragglers" } == 1)
        let fleets = try #require(
            try ServedCollector.object(try answer(authority, "/api/v1/fleets"))["fleets"] as? [[String: Any]])
        #expect(fleets.count == 4)
        #expect(fleets.compactMap { $0["expected"] as? Int }.reduce(0, +) == 60)
        try await eventually("the standing check names the three hosts", within: .seconds(60)) {
            let hosts = try ServedCollector.object(
                try answer(authority, "/api/v1/fleets/canvas/production/hosts?status=straggler"))
            let names = (hosts["hosts"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            return names?.sorted() == ["canvas-production-07", "canvas-production-19", "canvas-production-28"]
        }
        let pages = demo.error.matches(of: /http:\/\/127\.0\.0\.1:\d+(\/\S*)/).map { String($0.output.1) }
        #expect(pages.count == 3, "the overview and two verifications: \(demo.error)")
        for page in pages + ["/fleets/canvas/production", "/promotions"] {
            #expect(try answer(authority, page).text.contains("canvas"), "\(page)")
        }
        #expect(!demo.error.contains("\u{1B}"), "control sequences without a terminal")

        demo.signal(SIGINT)
        #expect(try await demo.wait().exitCode == 0, "\(demo.error)")
        try Demo.expectNothingLeft(in: scratch)
        #expect(LoopbackRequest("GET", authority, "/healthz").answer() == nil, "the port is still open")
    }

    @Test(
        "An interrupted demo leaves no process and no file",
        arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interrupted(signal: Int32, code: Int32) async throws {
        let scratch = try TemporaryFolder()
        let demo = try start(in: scratch)
        _ = try await authority(demo)
        #expect(Demo.processes(naming: scratch.path).count >= 5, "four fleets and the service run")
        demo.signal(signal)
        let outcome = try await demo.wait()
        #expect(outcome.exitCode == code, "\(outcome.error)")
        try Demo.expectNothingLeft(in: scratch)
    }

    @Test("The demo fails if the service ends, and leaves nothing")
    func broken() async throws {
        let scratch = try TemporaryFolder()
        let programs = try scratch.makeFolder("programs")
        let built = try Program.productsFolder()
        symlink("\(built)/buildinfo-fleet", "\(programs)/buildinfo-fleet")
        let mute = try scratch.write("programs/buildinfo-collector", "#!/bin/sh\necho 'no ledger' >&2\nexit 1\n")
        chmod(mute, 0o755)
        let outcome = try await start(in: scratch, programs: programs).wait()
        #expect(outcome.exitCode == 1, "\(outcome.error)")
        #expect(outcome.error.contains("the service did not start: no ledger"), "\(outcome.error)")
        #expect(Demo.processes(naming: scratch.path).isEmpty, "processes are left")
        #expect(try scratch.names() == ["programs"], "files are left")
    }
}
