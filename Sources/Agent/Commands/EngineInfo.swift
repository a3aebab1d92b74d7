import NIOCore
import NIOPosix
import Shared

/// Who answers on the socket of an engine or of a reader.
struct EngineInfo: Hashable, Sendable {
    enum Kind: String, Sendable { case engine, reader }

    var kind: Kind
    /// Which it is, or why nobody can tell; one line that names the socket.
    var answer: String
    var isReadable: Bool
    /// What an engine has; nil where it was not asked for.
    var listing: ContainerListing?

    /// Asks every engine that a service is on.
    ///
    /// - Parameter listing: whether to list what it has, too.
    static func engines(
        _ configuration: SourceConfiguration, listing: Bool = false
    ) async throws -> [EngineInfo] {
        guard configuration.services.contains(where: { $0.selector.filePath == nil }) else { return [] }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var greetings: [EngineInfo] = []
        if let absence = configuration.engines.absence {
            greetings = [EngineInfo(kind: .engine, answer: "\(absence)", isReadable: false)]
        } else {
            for address in configuration.engines.current() {
                greetings.append(await engine(address, configuration.engines, group, listing))
            }
        }
        try await group.shutdownGracefully()
        return greetings
    }

    /// What came of a reader's first snapshot.
    static func reader(_ socket: String, _ outcome: Result<[DocumentContent], ReaderFailure>) -> EngineInfo {
        switch outcome {
        case .success(let contents):
            let names = contents.isEmpty ? "no service" : contents.map(\.service).joined(separator: ", ")
            return EngineInfo(kind: .reader, answer: "\(socket): \(names)", isReadable: true)
        case .failure(let failure): return EngineInfo(kind: .reader, answer: "\(failure)", isReadable: false)
        }
    }

    private static func engine(
        _ address: EngineAddress, _ engines: EngineSockets, _ group: any EventLoopGroup, _ listing: Bool
    ) async -> EngineInfo {
        let client = EngineClient(address: address, group: group)
        var look = EngineSession(client: client, deadline: ContinuousClock.now + .seconds(5))
        do throws(EngineFailure) {
            let (version, isPodman) = try await look.agree()
            let name = isPodman ? "podman" : "docker"
            return EngineInfo(
                kind: .engine, answer: "\(address): \(name), API \(version)", isReadable: true,
                listing: listing ? ContainerListing(try await look.list(), podman: isPodman) : nil)
        } catch {
            return EngineInfo(kind: .engine, answer: "\(engines.explained(error))", isReadable: false)
        }
    }
}
