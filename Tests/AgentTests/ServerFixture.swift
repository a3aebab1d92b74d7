import Logging
import NIOCore
import NIOPosix
import Shared

@testable import Agent

/// An agent in this process, on its own port.
final class ServerFixture {
    let folder: TemporaryFolder
    let documents: DocumentStore
    let source: LocalSource
    let metrics = Metrics()
    let server: HTTPServer
    let address: SocketAddress
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let looking: Task<Void, Never>

    /// - Parameter services: without any, `canvas` is a file with ``Samples/sha``.
    init(
        services: [String] = [], engines: [String] = [], sockets: EngineSockets? = nil,
        limits: ServerLimits = ServerLimits(), folder: TemporaryFolder? = nil, probes: [String] = [],
        access: AccessControl = .anonymous, log: any LogHandler = SwiftLogNoOpLogHandler()
    ) async throws {
        self.folder = try folder ?? TemporaryFolder()
        var services = services
        if services.isEmpty { services = ["canvas=file:\(try self.folder.write(Samples.sha, to: "canvas"))"] }
        let configuration = SourceConfiguration(
            services: try ServiceDeclaration.all(parsing: services, probes: probes),
            engines: try sockets ?? EngineSockets(parsing: engines.map { "unix://\($0)" }, environment: [:]),
            host: Samples.host)
        documents = try DocumentStore(configuration: configuration)
        let logger = Logger(label: "test", factory: { _ in log })
        let source = LocalSource(
            configuration: configuration, documents: documents, group: group, metrics: metrics, clock: .system,
            logger: logger)
        self.source = source
        let responder = Responder(
            documents: documents, source: ReloadableSource(source), metrics: metrics, clock: .system,
            startedAt: Clock.system.now())
        server = HTTPServer(responder: responder, limits: limits, group: group, logger: logger, access: access)
        let addresses = try await server.start([.address(.tcp(host: "127.0.0.1", port: 0))])
        guard let first = addresses.first else { throw AgentError.noService }
        address = first
        await source.refreshAll()
        looking = Task { await source.run() }
    }

    func stop() async throws {
        looking.cancel()
        await server.stop()
        await looking.value
        try await group.shutdownGracefully()
    }

    /// The server's output for these bytes until it closes the connection.
    func exchange(_ text: String) async throws -> String {
        let connection = try await RawConnection.open(address)
        connection.send(text)
        _ = try await connection.closes()
        return connection.text
    }

    /// The whole response to a GET, headers and body.
    func get(_ target: String, headers: String = "", method: String = "GET") async throws -> String {
        try await exchange("\(method) \(target) HTTP/1.1\r\nHost: x\r\n\(headers)Connection: close\r\n\r\n")
    }
}

/// Runs a test's body, and stops the agent in any case.
func withServer(
    services: [String] = [], engines: [String] = [], sockets: EngineSockets? = nil,
    limits: ServerLimits = ServerLimits(), folder: TemporaryFolder? = nil, probes: [String] = [],
    access: AccessControl = .anonymous, log: any LogHandler = SwiftLogNoOpLogHandler(),
    _ body: (ServerFixture) async throws -> Void
) async throws {
    let fixture = try await ServerFixture(
        services: services, engines: engines, sockets: sockets, limits: limits, folder: folder, probes: probes,
        access: access, log: log)
    do {
        try await body(fixture)
    } catch {
        try await fixture.stop()
        throw error
    }
    try await fixture.stop()
}

extension String {
    /// The value of a header of a raw response, ignoring case.
    func header(_ name: String) -> String? {
        let head = replacing("\r\n", with: "\n").prefix { _ in true }
        for line in head.split(separator: "\n", omittingEmptySubsequences: false).dropFirst() {
            if line.isEmpty { return nil }
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.first?.lowercased() == name.lowercased() {
                return parts.dropFirst().first.map { String($0.drop { $0 == " " }) }
            }
        }
        return nil
    }

    var responseBody: String {
        let text = replacing("\r\n", with: "\n")
        return firstRange(of: "\n\n").map { String(text[$0.upperBound...]) }
            ?? text.firstRange(of: "\n\n").map { String(text[$0.upperBound...]) } ?? ""
    }
}
