import AgentCore
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Shared

/// One complete scan of one engine.
struct EngineScan: Sendable {
    let client: EngineClient
    let services: [ServiceDeclaration]
    /// The time limit for the whole scan, which is many requests.
    var budget = Duration.seconds(5)

    /// The maximum number of containers to inspect. More than this can only be a mistake in a selector.
    static let containerLimit = 256

    func run() async -> Result<EngineSnapshot, EngineFailure> {
        var handshake: EngineSession.Handshake?
        return await run(handshake: &handshake)
    }

    /// - Parameter handshake: the known result of a handshake with this run of the engine, or nil. Afterwards, the present
    ///   one; nil if the scan failed.
    func run(handshake: inout EngineSession.Handshake?) async -> Result<EngineSnapshot, EngineFailure> {
        do throws(EngineFailure) {
            var session = EngineSession(client: client, deadline: ContinuousClock.now + budget, known: handshake)
            if handshake == nil { try await session.shakeHands() }
            var listed = try await session.list()
            for attempt in 1...2 {
                do throws(EngineFailure) {
                    let snapshot = try await snapshot(of: listed, with: &session)
                    handshake = session.handshake
                    return .success(snapshot)
                } catch  where error.reason == .vanishing && attempt == 1 {
                    listed = try await session.list()
                }
            }
            throw EngineFailure(.vanishing, "containers vanish faster than they can be inspected")
        } catch {
            handshake = nil
            return .failure(error)
        }
    }

    private func snapshot(
        of listed: [EngineAPI.ListedContainer], with session: inout EngineSession
    ) async throws(EngineFailure) -> EngineSnapshot {
        let candidates = listed.filter { entry in
            services.contains { $0.selector.canMatch(entry, podman: session.isPodman) }
        }
        guard candidates.count <= Self.containerLimit else {
            throw EngineFailure(
                .tooLarge, "\(candidates.count) containers could belong to the services: narrow the selectors")
        }
        var containers: [ContainerFacts] = []
        for entry in candidates {
            guard let id = ContainerID(entry.id) else {
                throw .garbage(.containers, "a container's id is not 64 hexadecimal digits")
            }
            do throws(EngineFailure) {
                if let facts = try await facts(of: entry, id: id, with: &session) { containers.append(facts) }
            } catch {
                throw EngineFailure(error.reason, "container \(entry.displayName): \(error)")
            }
        }
        return EngineSnapshot(engine: session.identity, containers: containers)
    }

    /// nil if the container belongs to no service.
    private func facts(
        of entry: EngineAPI.ListedContainer, id: ContainerID, with session: inout EngineSession
    ) async throws(EngineFailure) -> ContainerFacts? {
        let inspected = try await session.inspect(id)
        let matching = services.filter { service in
            service.selector.matches(entry, typedImage: inspected.typedImage, podman: session.isPodman)
        }
        guard !matching.isEmpty else { return nil }
        return try await session.facts(of: inspected, listed: entry, id: id, services: Set(matching.map(\.name)))
    }
}

/// The requests of one scan, with their shared state: the negotiated version, the store, and the images already inspected.
struct EngineSession {
    /// A running engine's identity and API version, which do not change until it is restarted.
    struct Handshake: Hashable, Sendable {
        var identity: EngineIdentity
        var version: APIVersion
    }

    private let client: EngineClient
    private let deadline: ContinuousClock.Instant
    private(set) var identity = EngineIdentity(name: .docker, store: .unknown)
    private var version: APIVersion?
    private var images: [Digest: ImageFacts?] = [:]
    private var tags: [TaggedReference: Digest?] = [:]

    /// - Parameter known: saves two requests, of which `/info` is the slowest of all: Docker starts three programs for it.
    init(client: EngineClient, deadline: ContinuousClock.Instant, known: Handshake? = nil) {
        self.client = client
        self.deadline = deadline
        if let known {
            identity = known.identity
            version = known.version
        }
    }

    var isPodman: Bool { identity.name == .podman }

    /// nil before the handshake.
    var handshake: Handshake? { version.map { Handshake(identity: identity, version: $0) } }

    /// Negotiates the API version, and determines whether the engine is Podman.
    mutating func negotiate() async throws(EngineFailure) -> (version: APIVersion, isPodman: Bool) {
        let pong = try await ask(.ping)
        guard pong.status == 200 else { throw statusFailure(.ping, pong.status) }
        guard let offered = pong.headers.first(name: "Api-Version").flatMap(APIVersion.init(parsing:)) else {
            throw .garbage(.ping, "it has no Api-Version header")
        }
        let version = min(offered, .newest)
        self.version = version
        return (version, pong.headers.contains(name: "Libpod-API-Version"))
    }

    /// Negotiates the API version, and determines the engine and its store.
    mutating func shakeHands() async throws(EngineFailure) {
        let (version, isPodman) = try await negotiate()
        let info = try await require(EngineAPI.Info.self, .info)
        identity = EngineIdentity(info, isPodman: isPodman, apiVersion: version)
    }

    func list() async throws(EngineFailure) -> [EngineAPI.ListedContainer] {
        try await require([EngineAPI.ListedContainer].self, .containers)
    }

    /// - Throws: ``EngineFailure`` with reason `vanishing` if the container no longer exists.
    func inspect(_ id: ContainerID) async throws(EngineFailure) -> EngineAPI.Container {
        guard let container = try await find(EngineAPI.Container.self, .container(id)) else {
            throw EngineFailure(.vanishing, "a container vanished between list and inspection, twice")
        }
        guard container.id == "\(id)" else { throw .garbage(.container(id), "it is about another container") }
        return container
    }

    /// Makes the requests that complete the facts of a container.
    mutating func facts(
        of container: EngineAPI.Container, listed: EngineAPI.ListedContainer, id: ContainerID, services: Set<String>
    ) async throws(EngineFailure) -> ContainerFacts {
        guard var facts = ContainerFacts(container, listed: listed, services: services) else {
            throw .garbage(.container(id), "its image id is not a digest")
        }
        if isPodman {
            guard let libpod = try await find(EngineAPI.LibpodContainer.self, .libpodContainer(id)) else {
                throw EngineFailure(.vanishing, "a container vanished between two inspections, twice")
            }
            facts.add(libpod)
        }
        facts.image = try await image(facts.imageID)
        if let platform = facts.platformToInspect(in: identity.store) {
            facts.replaceImage(with: try await image(facts.imageID, for: platform), for: platform)
        }
        if let reference = TaggedReference(typed: facts.typedImage) { facts.tagImageID = try await resolve(reference) }
        return facts
    }

    private mutating func image(_ id: Digest) async throws(EngineFailure) -> ImageFacts? {
        if let known = images[id] { return known }
        let facts = try await find(EngineAPI.Image.self, .image(id: id)).map(ImageFacts.init)
        images.updateValue(facts, forKey: id)
        return facts
    }

    /// nil if the engine cannot inspect the image for that platform.
    private func image(_ id: Digest, for platform: Platform) async throws(EngineFailure) -> ImageFacts? {
        guard let version, version >= .imagePlatform, let query = PlatformQuery(platform) else { return nil }
        return try await find(EngineAPI.Image.self, .platformImage(id: id, query)).map(ImageFacts.init)
    }

    private mutating func resolve(_ reference: TaggedReference) async throws(EngineFailure) -> Digest? {
        if let known = tags[reference] { return known }
        let id = try await find(EngineAPI.Image.self, .taggedImage(reference)).flatMap { Digest(imageID: $0.id) }
        tags.updateValue(id, forKey: reference)
        return id
    }

    // MARK: - Requests

    private func require<Answer: Decodable>(
        _ type: Answer.Type, _ request: EngineRequest
    ) async throws(EngineFailure) -> Answer {
        guard let answer = try await find(type, request) else { throw statusFailure(request, 404) }
        return answer
    }

    /// nil if the engine does not know the object (404).
    private func find<Answer: Decodable>(
        _ type: Answer.Type, _ request: EngineRequest
    ) async throws(EngineFailure) -> Answer? {
        let response = try await ask(request)
        switch response.status {
        case 200: break
        case 404: return nil
        default: throw statusFailure(request, response.status)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(response.body.readableBytesView))
        } catch {
            throw .garbage(request, "it is not JSON of the expected shape")
        }
    }

    private func ask(_ request: EngineRequest) async throws(EngineFailure) -> EngineResponse {
        guard ContinuousClock.now < deadline else {
            throw EngineFailure(.timeout, "the engine at \(client.address) is too slow for a complete scan")
        }
        return try await client.get(request, version: version)
    }

    private func statusFailure(_ request: EngineRequest, _ status: Int) -> EngineFailure {
        .status(request, status, address: "\(client.address)")
    }
}
