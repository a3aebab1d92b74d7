import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared
import Synchronization

/// The address of a simulated host on loopback: a small HTTP server, or a port that refuses connections.
final class DrillServer: Sendable {
    let port: Int
    private let socket: Socket
    private let counter: Counter

    private enum Socket: Sendable {
        case listening(any Channel)
        case closed(DrillClosedPort)
    }

    /// The number of requests that the host has read.
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

    private init(port: Int, socket: Socket, counter: Counter) {
        self.port = port
        self.socket = socket
        self.counter = counter
    }

    /// Requests read so far.
    var requests: Int { counter.value }

    /// Starts the host on a free port.
    static func start(_ host: DrillHost, address: String) async throws(DrillError) -> DrillServer {
        do {
            let counter = Counter()
            guard let reply = host.reply else {
                let closed = try DrillClosedPort(on: address)
                return DrillServer(port: closed.port, socket: .closed(closed), counter: counter)
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
            return DrillServer(port: port, socket: .listening(channel), counter: counter)
        } catch {
            throw .noLoopback(address: address, reason: Self.reason(error))
        }
    }

    /// Checks that a host at the address can listen and be reached: on an interface that is down, it can only listen.
    static func check(_ address: String) async throws(DrillError) {
        let server = try await start(.stating("check", DrillStatement()), address: address)
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

    /// Releases the port, after the verification has closed its connections.
    func stop() async {
        switch socket {
        case .listening(let channel):
            // An error means that it is closed already.
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

/// A connection to a simulated host, which replies to one request after the other.
final class DrillConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let reply: @Sendable (_ nonce: String?) -> DrillReply
    private var target = ""

    init(reply: @escaping @Sendable (_ nonce: String?) -> DrillReply) {
        self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): target = head.uri
        case .body: break
        case .end: send(reply(Self.nonce(in: target)), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func send(_ reply: DrillReply, _ context: ChannelHandlerContext) {
        switch reply {
        case .document(let document):
            do {
                send(Array(try JSONEncoder().encode(document)), 200, [("Content-Type", "application/json")], context)
            } catch {
                // A document that cannot be encoded becomes a missing answer, which the case then reports.
                context.close(promise: nil)
            }
        case .page(let status, let location, let more, let body):
            let headers =
                [("Content-Type", "text/html")] + (location.map { [("Location", $0)] } ?? [])
                + more.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            send(Array(body.utf8), status, headers, context)
        case .silence: break
        case .hangUp: context.close(promise: nil)
        }
    }

    private func send(_ body: [UInt8], _ status: Int, _ headers: [(String, String)], _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status),
            headers: HTTPHeaders(headers + [("Content-Length", String(body.count))]))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// The nonce in a request's target. The collector's nonces need no decoding.
    static func nonce(in target: String) -> String? {
        let query = target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let prefix = "\(BuildinfoProtocol.nonceQueryItem)="
        return query.split(separator: "&").first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}

/// A port that is reserved but not listened on, so that connections to it are refused.
struct DrillClosedPort: Sendable {
    let port: Int
    private let descriptor: Int32

    /// - Throws: `IOError` with the system's reason.
    init(on address: String) throws {
        let wanted = try SocketAddress(ipAddress: address, port: 0)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        guard wanted.withSockAddr({ bind(descriptor, $0, socklen_t($1)) }) == 0, let port = Self.port(of: descriptor)
        else {
            let code = errno
            close(descriptor)
            throw IOError(errnoCode: code, reason: "bind")
        }
        (self.descriptor, self.port) = (descriptor, port)
    }

    func release() {
        close(descriptor)
    }

    private static func port(of descriptor: Int32) -> Int? {
        withUnsafeTemporaryAllocation(byteCount: MemoryLayout<sockaddr_storage>.size, alignment: 16) { buffer in
            var length = socklen_t(buffer.count)
            guard let base = buffer.baseAddress,
                getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
            else { return nil }
            // Behind the family, in network order. Read by offset, because the structure's members belong to another module if
            // NIO's headers are read first.
            return Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
