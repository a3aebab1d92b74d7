import AgentCore
import NIOCore
import NIOPosix
import Shared

/// The answer of an engine or a reader on its socket.
struct EngineInfo: Hashable, Sendable {
    enum Kind: String, Sendable { case engine, reader }

    var kind: Kind
    /// The socket with the identity of the program behind it, or the reason why it is unavailable; one line.
    var answer: String
    var isReadable: Bool
    /// The engine's containers; nil if not requested.
    var listing: ContainerListing?

    /// Asks every configured engine, if a service needs one.
    ///
    /// - Parameter listing: true to list the containers too.
    static func engines(
        _ configuration: SourceConfiguration, listing: Bool = false
    ) async throws -> [EngineInfo] {
        guard configuration.services.contains(where: { $0.selector.filePath == nil }) else { return [] }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var answers: [EngineInfo] = []
        if let absence = configuration.engines.absence {
            answers = [EngineInfo(kind: .engine, answer: "\(absence)", isReadable: false)]
        } else {
            for address in configuration.engines.current() {
                answers.append(await engine(address, configuration.engines, group, listing))
            }
        }
        try await group.shutdownGracefully()
        return answers
    }

    /// The result of a reader's first snapshot.
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

/// The selectors that match containers of an engine, for an operator whose own selector matches none.
struct ContainerListing: Hashable, Sendable {
    /// The selectors by kind, each list sorted and not empty.
    let selectors: [[String]]

    /// The maximum number of selectors per kind to name; the rest are counted.
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

    /// One line for each kind.
    var lines: [String] {
        guard !selectors.isEmpty else { return ["no containers, running or not"] }
        return selectors.map { kind in
            let named = kind.prefix(Self.limit).map { Sanitizer.singleLine($0, limit: 80) }
            let more = kind.count > named.count ? " and \(kind.count - named.count) more" : ""
            return named.joined(separator: ", ") + more
        }
    }
}
