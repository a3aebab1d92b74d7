import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared
import Synchronization

/// The address of one made-up host on loopback: a small HTTP server, or a port that nobody listens on.
final class DrillServer: Sendable {
    let port: Int
    private let place: Place
    private let counter: Counter

    private enum Place: Sendable {
        case listening(any Channel)
        case closed(DrillClosedPort)
    }

    /// How many requests the host has read.
    private final class Counter: Sendable {
        private let count = Mutex(0)

        var value: Int { count.withLock { $0 } }

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    private init(port: Int, place: Place, counter: Counter) {
        self.port = port
        self.place = place
        self.counter = counter
    }

    /// Requests read so far.
    var requests: Int { counter.value }

    /// Takes a free port.
    ///
    /// - Parameter address: of this machine; anything but loopback is for tests.
    static func start(_ host: DrillHost, address: String) async throws(DrillError) -> DrillServer {
        do {
            let counter = Counter()
            guard let reply = host.reply else {
                let closed = try DrillClosedPort(on: address)
                return DrillServer(port: closed.port, place: .closed(closed), counter: counter)
            }
            let name = host.name
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.configureHTTPServerPipeline()
                        try pipeline.addHandler(
                            DrillConnection { reply(DrillRequest(host: name, nonce: $0, number: counter.next())) })
                    }
                }
                .bind(host: address, port: 0).get()
            guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
            return DrillServer(port: port, place: .listening(channel), counter: counter)
        } catch {
            throw .noLoopback(address: address, reason: Self.reason(error))
        }
    }

    /// Checks that a host at the address can listen and be reached: an interface that is down lets the first alone happen.
    static func check(_ address: String) async throws(DrillError) {
        let server = try await start(.says("check", DrillStatement()), address: address)
        let result: Result<Void, DrillError>
        do {
            let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5)).connect(host: address, port: server.port).get()
            connection.close(promise: nil)
            result = .success(())
        } catch {
            result = .failure(.noLoopback(address: address, reason: reason(error)))
        }
        await server.stop()
        try result.get()
    }

    /// Gives the port back. The verification that asked has closed its connections by then.
    func stop() async {
        switch place {
        case .listening(let channel):
            // That it is closed already is what was wanted, too.
            do { try await channel.close() } catch {}
        case .closed(let port): port.release()
        }
    }

    private static func reason(_ error: any Error) -> String {
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        guard let error = cause as? IOError else { return Sanitizer.singleLine("\(cause)", limit: 200) }
        return String(cString: strerror(error.errnoCode))
    }
}
