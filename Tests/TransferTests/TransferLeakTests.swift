import Foundation
import Support
import Testing

@testable import Collector
@testable import Transfer

/// In a process of its own, because descriptors and threads are counted for the whole process.
@Suite struct TransferLeakTests {
    static func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// Threads of engines, by the name that they give themselves.
    static func engineThreads() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count { thread in
            // A thread that ends between the listing and the reading is none any more.
            let name = try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
            return name?.hasPrefix("transfers") == true
        }
    }

    /// One engine's life with transfers that hang, kept connections, and some in the queue.
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
        #expect(try engineThreads() == 1)
        await engine.shutdown()
        #expect(try engineThreads() == 0)
        await fleet.reached { $0.open == 0 }
    }

    @Test("Fifty engines with hanging transfers come and go, and leave no descriptor and no thread")
    func cycles() async {
        await #expect(processExitsWith: .success) {
            let fleet = try await ScriptedHost.start { $0.path == "/hang" ? .hang : .json("{}") }
            let limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 20)
            // What the process sets up once (TLS library, event loops) is there after the first.
            try await Self.live(on: fleet, limits: limits)
            let before = try Self.descriptors()
            for _ in 1...50 { try await Self.live(on: fleet, limits: limits) }
            #expect(try Self.descriptors() <= before)
            await fleet.stop()
        }
    }

    @Test("An engine that nobody holds any more ends itself")
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
            await fleet.reached { _ in (try? Self.engineThreads()) == 0 }
            await fleet.reached { $0.open == 0 }
            await fleet.stop()
        }
    }
}
