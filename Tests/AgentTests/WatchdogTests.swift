import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite("The watchdog")
struct WatchdogTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(
        "It is fed in half of the time that systemd grants, by the process that systemd means",
        arguments: [
            (["WATCHDOG_USEC": "30000000"], Duration.seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"], .seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
        ])
    func interval(environment: [String: String], interval: Duration?) {
        #expect(Watchdog.interval(ServiceManager(environment: environment, processID: 42)) == interval)
    }

    /// What systemd would hear, as long as it is asked for.
    private final class Ear {
        let descriptor: Int32

        init(_ path: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            let address = try #require(UnixAddress(path: path))
            try #require(address.withSocketAddress { bind(descriptor, $0, $1) } == 0)
        }

        deinit { close(descriptor) }

        func heard() -> [String] {
            var words: [String] = []
            var buffer = [UInt8](repeating: 0, count: 256)
            while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
                words.append(String(decoding: buffer.prefix(count), as: UTF8.self))
            }
            return words
        }
    }

    @Test("A look that does not end starves it; one that is under way does not")
    func hungLook() async throws {
        let ear = try Ear(folder.file("notify"))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hand = HandClock()
        let gate = OneTimeResult<Void>()
        let source = GatedSource(clock: hand.clock) { await gate.value }
        let dog = Watchdog(
            manager: ServiceManager(environment: ["NOTIFY_SOCKET": folder.file("notify")]), group: group,
            source: ReloadableSource(source))
        await dog.round()
        #expect(ear.heard() == ["WATCHDOG=1"])
        let look = Task { await source.refresh() }
        try await eventually("the look has begun") { !source.refresher.isResponsive(within: .seconds(-1)) }
        await dog.round()
        #expect(ear.heard() == ["WATCHDOG=1"])
        hand.advance(Watchdog.longestLook + .seconds(1))
        await dog.round()
        #expect(ear.heard().isEmpty)
        gate.set(())
        await look.value
        await dog.round()
        #expect(ear.heard() == ["WATCHDOG=1"])
        try await group.shutdownGracefully()
    }

    /// A source whose looks take as long as the test likes.
    private struct GatedSource: StatusSource, Refreshable {
        let board = DocumentStore([])
        let clock: Clock
        let refresher: Refresher
        private let gate: @Sendable () async -> Void

        init(clock: Clock, gate: @escaping @Sendable () async -> Void) {
            self.clock = clock
            self.gate = gate
            refresher = Refresher(pace: .files, clock: clock)
        }

        func run() async {}
        var parts: [any Refreshable] { [self] }
        func part(for service: String) -> (any Refreshable)? { self }

        func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome {
            await gate()
            return Refresher.Outcome(succeeded: true, changed: false, eventsAvailable: nil)
        }
    }
}
