import NIOCore
import NIOPosix
import Shared

/// Who answers on the socket of an engine or of a reader.
struct SourceGreeting: Hashable, Sendable {
    enum Kind: String, Sendable { case engine, reader }

    var kind: Kind
    /// Which it is, or why nobody can tell; one line that names the socket.
    var answer: String
    var isReadable: Bool

    /// Asks every engine that a service is on; the reader where only that knows the services.
    static func all(_ configuration: AgentConfiguration) async throws -> [SourceGreeting] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var greetings: [SourceGreeting] = []
        if let reader = configuration.from, configuration.evidence.services.isEmpty {
            greetings.append(await Self.reader(reader, group))
        } else if configuration.evidence.services.contains(where: { $0.selector.filePath == nil }) {
            for socket in configuration.evidence.engines.current() { greetings.append(await engine(socket, group)) }
        }
        try await group.shutdownGracefully()
        return greetings
    }

    private static func engine(_ socket: String, _ group: any EventLoopGroup) async -> SourceGreeting {
        let client = EngineClient(socketPath: socket, group: group)
        var look = EngineLook(client: client, deadline: ContinuousClock.now + .seconds(5))
        do throws(EngineFailure) {
            let (version, isPodman) = try await look.agree()
            let name = isPodman ? "podman" : "docker"
            return SourceGreeting(kind: .engine, answer: "\(socket): \(name), API \(version)", isReadable: true)
        } catch {
            return SourceGreeting(kind: .engine, answer: "\(error)", isReadable: false)
        }
    }

    private static func reader(_ socket: String, _ group: any EventLoopGroup) async -> SourceGreeting {
        do throws(ReaderFailure) {
            let (line, connection) = try await ReaderClient(path: socket, group: group).connect()
            connection.close()
            let names = try Snapshot(line: line).services.map(\.content.service).joined(separator: ", ")
            return SourceGreeting(kind: .reader, answer: "\(socket): \(names)", isReadable: true)
        } catch {
            return SourceGreeting(kind: .reader, answer: "\(error)", isReadable: false)
        }
    }
}
