import Foundation
import Support
import Testing

@testable import Transfer

/// Runs in a separate process, because descriptors and threads are counted per process.
@Suite struct TransferLeakTests {
    static func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// The number of transfer threads, by name.
    static func transferThreads() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count { thread in
            // A thread may end between listing and reading.
            let name = try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
            return name?.hasPrefix("transfers") == true
        }
    }

    /// The lifetime of one client, with hanging transfers, kept connections and queued requests.
    static func live(on fleet: ScriptedHost, limits: TransferLimits) async throws {
        let engine = try TransferClient(limits: limits)
        let before = fleet.requests
        engine.submit(
            (0..<30).map { index in
                let path = index < 5 ? "/answer" : "/hang"
                let url = fleet.url(host: index, path)
                return TransferRequest(id: UInt64(index), lane: index, url: url, timeout: .seconds(600))
            })
        await fleet.reached { $0.requests == before + 25 }
        #expect(try transferThreads() == 1)
        await engine.shutdown()
        #expect(try transferThreads() == 0)
        await fleet.reached { $0.open == 0 }
    }

    @Test("Fifty clients with hanging requests leave no descriptor and no thread behind")
    func cycles() async {
        await #expect(processExitsWith: .success) {
            let fleet = try await ScriptedHost.start { $0.path == "/hang" ? .hang : .json("{}") }
            let limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 20)
            // The first client causes one-time setup of the process (TLS library, event loops).
            try await Self.live(on: fleet, limits: limits)
            let before = try Self.descriptors()
            for _ in 1...50 { try await Self.live(on: fleet, limits: limits) }
            #expect(try Self.descriptors() <= before)
            await fleet.stop()
        }
    }

    @Test("A client shuts down with its last reference")
    func dropped() async {
        await #expect(processExitsWith: .success) {
            let fleet = try await ScriptedHost.start { _ in .hang }
            let limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 20)
            func drop() async throws {
                let engine = try TransferClient(limits: limits)
                engine.submit([TransferRequest(id: 1, lane: 0, url: fleet.url(), timeout: .seconds(600))])
                await fleet.reached { $0.requests == 1 }
            }
            try await drop()
            await fleet.reached { _ in (try? Self.transferThreads()) == 0 }
            await fleet.reached { $0.open == 0 }
            await fleet.stop()
        }
    }
}
