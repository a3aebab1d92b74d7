import Support
import Testing

@testable import Transfer

@Suite struct TransferClientTests {
    private static func requests(_ hosts: Range<Int>, of fleet: ScriptedHost, timeout: Duration = .seconds(60))
        -> [TransferRequest]
    {
        hosts.map { TransferRequest(id: UInt64($0), lane: $0, url: fleet.url(host: $0), timeout: timeout) }
    }

    @Test("A thousand hosts each get their own response, and a second sweep reuses all connections")
    func reuse() async throws {
        let fleet = try await ScriptedHost.start { .json($0.localAddress) }
        try await TransferFixture.run(concurrency: 100) { bench in
            for _ in 1...2 {
                let completions = await bench.ask(Self.requests(0..<1_000, of: fleet))
                #expect(Set(completions.map(\.id)).count == 1_000)
                for completion in completions {
                    let body = try completion.outcome.get().body
                    #expect(String(decoding: body, as: UTF8.self) == ScriptedHost.address(host: completion.lane))
                }
                #expect(fleet.accepted == 1_000)
            }
            #expect(fleet.requests == 2_000)
        }
        await fleet.stop()
    }

    @Test("A connection that was closed while idle is reopened")
    func closedWhileIdle() async throws {
        let fleet = try await ScriptedHost.start { _ in .json("{}") }
        try await TransferFixture.run { bench in
            for _ in 1...3 {
                let completions = await bench.ask(Self.requests(0..<20, of: fleet))
                #expect(completions.allSatisfy { $0.outcome.kind == "200" })
                await fleet.disconnect()
            }
        }
        #expect(fleet.accepted == 60)
        await fleet.stop()
    }

    @Test("No more requests than the window are in progress")
    func window() async throws {
        let fleet = try await ScriptedHost.start { $0.path == "/clock" ? .json("{}") : .hang }
        try await TransferFixture.run(concurrency: 7) { bench in
            bench.engine.submit(Self.requests(0..<60, of: fleet, timeout: .seconds(600)))
            await fleet.reached { $0.requests >= 7 }
            // Waits long enough for many more requests, measured by requests of another client.
            _ = try await TransferFixture.run(concurrency: 1) { clock in
                await clock.ask((0..<100).map { TransferRequest(id: $0, lane: 0, url: fleet.url("/clock")) })
            }
            #expect(fleet.requests == 107)
        }
        await fleet.stop()
    }

    @Test("The wait for the window does not count against the timeout")
    func waitIsFree() async throws {
        let fleet = try await ScriptedHost.start { _ in .after(.milliseconds(300), .json("{}")) }
        let completions = try await TransferFixture.run(concurrency: 1) { bench in
            // Twenty times 300 ms in sequence, each with a timeout below the sum.
            await bench.ask(Self.requests(0..<20, of: fleet, timeout: .milliseconds(5_900)))
        }
        await fleet.stop()
        #expect(completions.allSatisfy { $0.outcome.kind == "200" })
        #expect(completions.map(\.id) == (0..<20).map { UInt64($0) }, "first in, first out")
        for (earlier, later) in zip(completions, completions.dropFirst()) {
            #expect(earlier.finishedAt <= later.startedAt)
        }
    }

    @Test("A host that hangs does not delay the others")
    func independence() async throws {
        let fleet = try await ScriptedHost.start { request in
            request.localAddress == ScriptedHost.address(host: 0) ? .hang : .json("{}")
        }
        try await TransferFixture.run(concurrency: 2) { bench in
            bench.engine.submit(Self.requests(0..<50, of: fleet, timeout: .seconds(600)))
            let completions = await bench.take(49)
            #expect(Set(completions.map(\.id)) == Set(1..<50))
        }
        await fleet.stop()
    }

    @Test("Cancelling by id or lane ends exactly those requests, queued or in progress")
    func cancel() async throws {
        let fleet = try await ScriptedHost.start { _ in .hang }
        try await TransferFixture.run(concurrency: 4) { bench in
            bench.engine.submit(Self.requests(0..<8, of: fleet, timeout: .seconds(600)))
            await fleet.reached { $0.requests == 4 }
            let start = ContinuousClock.now
            bench.engine.cancel(ids: [0, 7])
            bench.engine.cancel(lane: 1)
            let ended = await bench.take(3)
            #expect(Set(ended.map(\.id)) == [0, 1, 7])
            #expect(ended.allSatisfy { $0.outcome.kind == "cancelled" })
            // A tenth of a second on a quiet machine; the limit allows for a busy one.
            #expect(start.duration(to: .now) < .seconds(5))
            // Two places became free for the next two in the queue.
            await fleet.reached { $0.requests == 6 && $0.open == 4 }
        }
        await fleet.stop()
    }

    @Test("Shutdown cancels all requests and ends the stream; later submissions do nothing")
    func shutdown() async throws {
        let fleet = try await ScriptedHost.start { _ in .hang }
        let limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 5)
        let engine = try TransferClient(limits: limits)
        engine.submit(Self.requests(0..<20, of: fleet, timeout: .seconds(600)))
        await fleet.reached { $0.requests == 5 }
        await engine.shutdown()
        await engine.shutdown()
        engine.submit(Self.requests(20..<30, of: fleet))
        var ended: [TransferCompletion] = []
        for await batch in engine.completions { ended += batch }
        #expect(Set(ended.map(\.id)) == Set(0..<20))
        #expect(ended.allSatisfy { $0.outcome.kind == "cancelled" })
        await fleet.reached { $0.open == 0 }
        await fleet.stop()
    }

    @Test("A cancelled reader gets the end of the stream at once")
    func cancelledReader() async throws {
        try await TransferFixture.run { bench in
            let reader = Task { for await _ in bench.engine.completions {} }
            reader.cancel()
            await reader.value
        }
    }

    @Test("Responses that are not taken hold back new requests")
    func backpressure() async throws {
        let body = Array(repeating: UInt8(ascii: "x"), count: 50_000)
        let fleet = try await ScriptedHost.start { request in
            request.path == "/clock" ? .json("{}") : .answer(status: 200, headers: [], body: body)
        }
        try await TransferFixture.run(concurrency: 4, adjust: { $0.memoryBytes = 400_000 }) { bench in
            bench.engine.submit(Self.requests(0..<200, of: fleet))
            await fleet.reached { $0.requests >= 8 }
            // Waits long enough for far more requests, measured by requests of another client.
            _ = try await TransferFixture.run(concurrency: 1) { clock in
                await clock.ask((0..<400).map { TransferRequest(id: $0, lane: 0, url: fleet.url("/clock")) })
            }
            // Room for eight bodies, and one window in progress.
            #expect(fleet.requests - 400 <= 12)
            let completions = await bench.take(200)
            #expect(completions.count == 200)
            #expect(completions.allSatisfy { $0.outcome.kind == "200" })
        }
        await fleet.stop()
    }

    @Test("All bodies together are limited, too")
    func memory() async throws {
        let fleet = try await ScriptedHost.start { _ in .flood(chunked: false) }
        try await TransferFixture.run(concurrency: 4, adjust: { $0.memoryBytes = 100_000 }) { bench in
            let completions = await bench.ask(Self.requests(0..<40, of: fleet))
            for completion in completions {
                guard case .failure(.tooLarge(let detail)) = completion.outcome else {
                    Issue.record("\(completion.outcome)")
                    continue
                }
                #expect(detail.contains("together"), "one alone is allowed a mebibyte")
            }
        }
        await fleet.stop()
    }

    @Test("The window is reduced to fit the limit on open files", arguments: [16, 256, 1_024, 20_000, 1_048_576])
    func descriptors(_ openFiles: Int) {
        for wish in [nil, 1, 1_000_000] {
            let limits = TransferLimits(openFiles: openFiles, concurrency: wish)
            #expect(limits.concurrency >= 1)
            #expect(limits.keptConnections >= limits.multiHandles)
            guard openFiles > 200 else { continue }
            let needed = 2 * limits.concurrency + limits.keptConnections + 2 * limits.multiHandles
            #expect(needed + TransferLimits.reservedDescriptors <= openFiles)
        }
    }
}
