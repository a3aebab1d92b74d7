import Foundation
import Support
import Testing

@testable import Registry

@Suite("Subprocesses within limits", .timeLimit(.minutes(2)))
struct BoundedSubprocessTests {
    private func run(
        _ script: String, environment: [String: String] = ["PATH": "/usr/bin:/bin"], input: String = "",
        outputLimit: Int = 1_000, within limit: Duration = .seconds(60)
    ) async -> BoundedSubprocess.Outcome {
        await BoundedSubprocess.run(
            "/bin/sh", ["-c", script], environment: environment, input: Array(input.utf8), outputLimit: outputLimit,
            within: limit)
    }

    @Test("Exit codes, signals and standard output are returned")
    func outcomes() async {
        #expect(await run("printf yes; exit 3") == .ended(3, Array("yes".utf8)))
        #expect(await run("kill -9 $$") == .ended(137, []))
        #expect(await run("cat", input: "from standard input") == .ended(0, Array("from standard input".utf8)))
    }

    @Test("A program that ends without reading its input raises no signal")
    func unreadInput() async {
        for _ in 1...20 {
            #expect(await run("exec < /dev/null; exit 0", input: String(repeating: "x", count: 4_096)) == .ended(0, []))
        }
    }

    @Test("The environment is the given one and no other")
    func environment() async {
        let outcome = await BoundedSubprocess.run(
            "/usr/bin/env", [], environment: ["ONLY": "this"], input: [], outputLimit: 1_000, within: .seconds(60))
        #expect(outcome == .ended(0, Array("ONLY=this\n".utf8)))
    }

    @Test("No descriptor but the three standard streams is inherited")
    func descriptors() async throws {
        let folder = try TemporaryFolder()
        let handle = try #require(FileHandle(forReadingAtPath: try folder.write("open", "x")))
        defer { try? handle.close() }
        // Inheritable, as a library might have opened it.
        _ = fcntl(handle.fileDescriptor, F_SETFD, 0)
        // The shell's glob itself has the folder open as a fourth.
        let outcome = await run("cd /proc/self/fd && for n in *; do test -e $n && printf '%s ' $n; done; true")
        #expect(outcome == .ended(0, Array("0 1 2 ".utf8)))
    }

    @Test("A program that writes too much is killed at once, even if it then hangs")
    func outputLimit() async {
        let clock = ContinuousClock()
        let start = clock.now
        #expect(await run("head -c 2000 /dev/zero; sleep 1000", outputLimit: 1_999) == .tooMuchOutput)
        #expect(clock.now - start < .seconds(30))
        #expect(await run("head -c 2000 /dev/zero", outputLimit: 2_000) == .ended(0, Array(repeating: 0, count: 2_000)))
    }

    @Test("A background process that keeps the output open does not delay the result")
    func background() async throws {
        let folder = try TemporaryFolder()
        let outcome = await run("sleep 1000 & echo $! > \(folder.path("pid")); printf done")
        #expect(outcome == .ended(0, Array("done".utf8)))
        let id = try #require(Int32(try folder.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(id, SIGKILL)
    }

    @Test("A process that leaves the group and keeps the output open does not delay the time limit")
    func escaped() async throws {
        let folder = try TemporaryFolder()
        let script = "setsid sh -c 'echo $$ > \(folder.path("pid")); exec sleep 1000' & sleep 1000"
        let clock = ContinuousClock()
        let start = clock.now
        #expect(await run(script, within: .seconds(1)) == .tooLate)
        #expect(clock.now - start < .seconds(30))
        try await eventually("the process has written its id") { (try? folder.read("pid"))?.hasSuffix("\n") == true }
        let id = try #require(Int32(try folder.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(id, SIGKILL)
    }

    @Test("Cancelling the task kills the program")
    func cancelled() async throws {
        let folder = try TemporaryFolder()
        let pid = folder.path("pid")
        let task = Task { await run("echo $$ > \(pid); sleep 1000 & wait") }
        try await eventually("the program runs") { (try? folder.read("pid"))?.hasSuffix("\n") == true }
        task.cancel()
        #expect(await task.value == .cancelled)
        let group = try #require(Int32(try folder.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
        try await eventually("the process group is gone") { kill(-group, 0) != 0 }
    }

    @Test("A program that cannot be started is reported without its environment")
    func notStarted() async throws {
        let folder = try TemporaryFolder()
        for path in [folder.path("missing"), folder.path, try folder.write("plain", "x")] {
            let outcome = await BoundedSubprocess.run(
                path, [], environment: ["TOKEN": "s3cret"], input: [], outputLimit: 10, within: .seconds(60))
            guard case .notStarted(let reason) = outcome else {
                Issue.record("\(path): \(outcome)")
                continue
            }
            #expect(!reason.isEmpty && !reason.contains("s3cret"), "\(reason)")
        }
    }
}
