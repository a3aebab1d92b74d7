import AgentCore
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
        var session = EngineSession(client: client, deadline: ContinuousClock.now + .seconds(5))
        do throws(EngineFailure) {
            let (version, isPodman) = try await session.negotiate()
            let name = isPodman ? "podman" : "docker"
            return EngineInfo(
                kind: .engine, answer: "\(address): \(name), API \(version)", isReadable: true,
                listing: listing ? ContainerListing(try await session.list(), podman: isPodman) : nil)
        } catch {
            return EngineInfo(kind: .engine, answer: "\(engines.explained(error))", isReadable: false)
        }
    }
}

/// What selectors could name on an engine: for an operator whose own selector matches nothing.
struct ContainerListing: Hashable, Sendable {
    /// Selectors, one list a kind, each sorted; kinds of which there is nothing are left out.
    let selectors: [[String]]

    /// More of one kind are counted, not named.
    static let limit = 20

    init(_ listed: [EngineAPI.ListedContainer], podman: Bool) {
        let services = listed.compactMap { entry -> String? in
            guard let service = entry.composeService(podman: podman) else { return nil }
            return "\(Selector.compose(project: entry.project, service: service))"
        }
        let tasks = listed.compactMap { $0.swarmService.map { "\(Selector.swarm($0))" } }
        let names = listed.map { "\(Selector.container($0.displayName))" }
        selectors = [services, tasks, names].map { Set($0).sorted() }.filter { !$0.isEmpty }
    }

    /// One line a kind.
    var lines: [String] {
        guard !selectors.isEmpty else { return ["no containers, running or not"] }
        return selectors.map { kind in
            let named = kind.prefix(Self.limit).map { Sanitizer.singleLine($0, limit: 80) }
            let more = kind.count > named.count ? " and \(kind.count - named.count) more" : ""
            return named.joined(separator: ", ") + more
        }
    }
}
