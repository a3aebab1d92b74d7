import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite("Watchdog")
struct WatchdogTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(
        "systemd is notified at half of its period, by the process that it watches",
        arguments: [
            (["WATCHDOG_USEC": "30000000"], Duration.seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"], .seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
        ])
    func interval(environment: [String: String], interval: Duration?) {
        #expect(Watchdog.interval(ServiceManager(environment: environment, processID: 42)) == interval)
    }

    /// A notification socket.
    private final class NotificationSocket {
        let descriptor: Int32

        init(_ path: String) throws {
            descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            let address = try #require(UnixAddress(path: path))
            try #require(address.withSocketAddress { bind(descriptor, $0, $1) } == 0)
        }

        deinit { close(descriptor) }

        func received() -> [String] {
            var words: [String] = []
            var buffer = [UInt8](repeating: 0, count: 256)
            while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
                words.append(String(decoding: buffer.prefix(count), as: UTF8.self))
            }
            return words
        }
    }

    @Test("A hung observation stops the notifications, one in progress does not")
    func hungObservation() async throws {
        let socket = try NotificationSocket(folder.file("notify"))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hand = HandClock()
        let gate = OneTimeResult<Void>()
        let source = GatedSource(clock: hand.clock) { await gate.value }
        let watchdog = Watchdog(
            manager: ServiceManager(environment: ["NOTIFY_SOCKET": folder.file("notify")]), group: group,
            source: ReloadableSource(source))
        await watchdog.check()
        #expect(socket.received() == ["WATCHDOG=1"])
        let observation = Task { await source.refresh() }
        try await eventually("the observation has begun") { !source.refresher.isResponsive(within: .seconds(-1)) }
        await watchdog.check()
        #expect(socket.received() == ["WATCHDOG=1"])
        hand.advance(Watchdog.longestObservation + .seconds(1))
        await watchdog.check()
        #expect(socket.received().isEmpty)
        gate.set(())
        await observation.value
        await watchdog.check()
        #expect(socket.received() == ["WATCHDOG=1"])
        try await group.shutdownGracefully()
    }

    /// A source whose observations end when the test says so.
    private struct GatedSource: StatusSource, Refreshable {
        let documents = DocumentStore([])
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
