import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Shared

/// The listening socket, and the event loops with their states.
struct FleetServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let loops: [NIOLoopBoundBox<FleetLoop>]
    private let channel: any Channel
    let port: Int

    /// Listens on every address of the loopback interface.
    ///
    /// - Parameter tls: nil for plain HTTP.
    /// - Throws: ``FleetError``.
    init(plan: FleetPlan, counters: FleetCounters, port: Int, threads: Int, tls: NIOSSLContext?) throws {
        let socket = try Self.listen(port: port)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        self.group = group
        let loops = group.makeIterator().map { loop in
            NIOLoopBoundBox.makeBoxSendingValue(
                FleetLoop(plan: plan, counters: counters, loop: loop), eventLoop: loop)
        }
        self.loops = loops
        channel = try ServerBootstrap(group: group)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1_024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    guard let box = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
                    try channel.pipeline.syncOperations.addHandler(FleetConnection(fleet: box.value))
                }
            }
            .withBoundSocket(socket).wait()
        // The channel listens with a backlog of 128, which a sweep of new connections overflows.
        guard Glibc.listen(socket, 65_535) == 0 else { throw FleetError.listen(port: port, reason: Self.reason()) }
    }

    /// Starts the script.
    func start() {
        let now = NIODeadline.now()
        for loop in loops { loop.eventLoop.execute { loop.value.start(at: now) } }
    }

    /// Plays another script from now on, beside the one that is under way.
    func play(_ schedule: Schedule) {
        let now = NIODeadline.now()
        for loop in loops { loop.eventLoop.execute { loop.value.add(schedule, at: now) } }
    }

    func stop() throws {
        try group.syncShutdownGracefully()
    }

    /// A listening socket for all loopback addresses, which nothing outside can reach.
    private static func listen(port: Int) throws(FleetError) -> CInt {
        let socket = Glibc.socket(
            AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { throw .listen(port: port, reason: reason()) }
        // Before bind: at no time is the address reachable through another interface.
        guard setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0 else {
            defer { close(socket) }
            throw .permission(reason: reason())
        }
        var yes: CInt = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(socket, 65_535) == 0 else {
            defer { close(socket) }
            throw .listen(port: port, reason: reason())
        }
        return socket
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
