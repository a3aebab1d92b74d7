import FoundationEssentials
import NIOCore
import NIOHTTP1
import Shared

/// The requests of one look, with what was learnt on the way: the agreed version, the store, images already inspected.
struct EngineSession {
    /// What a running engine says of itself, and does not change before it is started again.
    struct Greeting: Hashable, Sendable {
        var identity: EngineIdentity
        var version: APIVersion
    }

    let client: EngineClient
    let deadline: ContinuousClock.Instant
    private(set) var identity = EngineIdentity(name: .docker, store: .unknown)
    private var version: APIVersion?
    private var images: [Digest: ImageFacts?] = [:]
    private var tags: [TaggedReference: Digest?] = [:]

    /// - Parameter known: spares the look two requests, of which `/info` is the slowest of all: Docker starts three programs
    ///   for it.
    init(client: EngineClient, deadline: ContinuousClock.Instant, known: Greeting? = nil) {
        self.client = client
        self.deadline = deadline
        if let known {
            identity = known.identity
            version = known.version
        }
    }

    var isPodman: Bool { identity.name == .podman }

    /// What the engine said of itself; nil before it was greeted.
    var greeting: Greeting? { version.map { Greeting(identity: identity, version: $0) } }

    /// Agrees on a version, and says whether this is Podman.
    mutating func agree() async throws(EngineFailure) -> (version: APIVersion, isPodman: Bool) {
        let pong = try await ask(.ping)
        guard pong.status == 200 else { throw statusFailure(.ping, pong.status) }
        guard let offered = pong.headers.first(name: "Api-Version").flatMap(APIVersion.init(parsing:)) else {
            throw garbage(.ping, "it names no Api-Version")
        }
        let agreed = min(offered, .newest)
        version = agreed
        return (agreed, pong.headers.contains(name: "Libpod-API-Version"))
    }

    /// Agrees on a version, and finds out which engine and which store this is.
    mutating func greet() async throws(EngineFailure) {
        let (agreed, isPodman) = try await agree()
        let info = try await require(EngineAPI.Info.self, .info)
        let store: EngineIdentity.Store =
            if isPodman {
                .podman
            } else if info.driverStatus?.contains(["driver-type", "io.containerd.snapshotter.v1"]) == true {
                .containerd
            } else {
                .classic
            }
        identity = EngineIdentity(
            name: isPodman ? .podman : .docker, store: store,
            version: info.serverVersion.map { Sanitizer.singleLine($0, limit: 64) }, apiVersion: "\(agreed)",
            platform: Platform(info).map { Sanitizer.singleLine("\($0)", limit: 64) })
    }

    func list() async throws(EngineFailure) -> [EngineAPI.ListedContainer] {
        try await require([EngineAPI.ListedContainer].self, .containers)
    }

    /// - Throws: ``EngineFailure`` with reason `vanishing` where the container is no more.
    func inspect(_ id: ContainerID) async throws(EngineFailure) -> EngineAPI.Container {
        guard let container = try await find(EngineAPI.Container.self, .container(id)) else {
            throw EngineFailure(.vanishing, "a container vanished between list and inspection, twice")
        }
        guard container.id == "\(id)" else { throw garbage(.container(id), "it is about another container") }
        return container
    }

    mutating func facts(
        of container: EngineAPI.Container, listed: EngineAPI.ListedContainer, id: ContainerID, services: Set<String>
    ) async throws(EngineFailure) -> ContainerFacts {
        guard let imageID = Self.imageID(container.image) else {
            throw garbage(.container(id), "its image's id is no digest")
        }
        let typed = container.config.image ?? ""
        let name = (container.name ?? "").drop { $0 == "/" }
        var facts = ContainerFacts(
            id: container.id,
            name: Sanitizer.singleLine(name.isEmpty ? Substring(container.id.prefix(12)) : name, limit: 255),
            services: services, typedImage: typed, imageID: imageID, state: ContainerStateFacts(container.state),
            restartCount: container.restartCount.map { max(0, $0) },
            restartPolicy: container.hostConfig?.restartPolicy?.name,
            createdAt: container.created.flatMap(EngineTime.init)
                ?? listed.created.map { EngineTime(unixSeconds: $0) },
            origin: ContainerOrigin(labels: listed.labels ?? [:], name: String(name)),
            manifest: container.manifest.flatMap(DescriptorFacts.init))
        facts.state.healthRetries = container.config.healthCheck?.retries
        if isPodman {
            guard let libpod = try await find(EngineAPI.LibpodContainer.self, .libpodContainer(id)) else {
                throw EngineFailure(.vanishing, "a container vanished between two inspections, twice")
            }
            facts.libpodImageDigest = libpod.imageDigest.flatMap(Digest.init(contractText:))
            facts.isPodInfrastructure = libpod.isInfrastructure ?? false
        }
        facts.image = try await image(imageID)
        try await correctPlatform(of: &facts)
        if let reference = TaggedReference(typed: typed) { facts.tagImageID = try await resolve(reference) }
        return facts
    }

    private mutating func image(_ id: Digest) async throws(EngineFailure) -> ImageFacts? {
        if let known = images[id] { return known }
        let facts = try await find(EngineAPI.Image.self, .image(id: id)).map(ImageFacts.init)
        images.updateValue(facts, forKey: id)
        return facts
    }

    /// An index shows the host's own platform, and the container may run another: then the image is asked for that one.
    private func correctPlatform(of facts: inout ContainerFacts) async throws(EngineFailure) {
        guard identity.store == .containerd, let platform = facts.manifest?.platform,
            !platform.agrees(with: facts.image?.platform)
        else { return }
        if let version, version >= .imagePlatform, let query = PlatformQuery(platform),
            let image = try await find(EngineAPI.Image.self, .platformImage(id: facts.imageID, query)).map(
                ImageFacts.init),
            image.platform?.os == platform.os, image.platform?.architecture == platform.architecture
        {
            facts.image = image
        } else {
            facts.isImageOfOtherPlatform = facts.image != nil
        }
    }

    private mutating func resolve(_ reference: TaggedReference) async throws(EngineFailure) -> Digest? {
        if let known = tags[reference] { return known }
        let id = try await find(EngineAPI.Image.self, .taggedImage(reference)).flatMap { Self.imageID($0.id) }
        tags.updateValue(id, forKey: reference)
        return id
    }

    /// Docker writes `sha256:…`; Podman's older releases leave the algorithm out.
    private static func imageID(_ text: String) -> Digest? {
        Digest(contractText: text) ?? Digest(contractText: "sha256:\(text)")
    }

    // MARK: - Requests

    private func require<Answer: Decodable>(
        _ type: Answer.Type, _ request: EngineRequest
    ) async throws(EngineFailure) -> Answer {
        guard let answer = try await find(type, request) else { throw statusFailure(request, 404) }
        return answer
    }

    /// nil where the engine does not know it (404).
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
            throw garbage(request, "it is no JSON of the expected shape")
        }
    }

    private func ask(_ request: EngineRequest) async throws(EngineFailure) -> EngineResponse {
        guard ContinuousClock.now < deadline else {
            throw EngineFailure(.timeout, "the engine at \(client.socketPath) is too slow for a whole look")
        }
        return try await client.get(request, version: version)
    }

    private func statusFailure(_ request: EngineRequest, _ status: Int) -> EngineFailure {
        .status(request, status, socketPath: client.socketPath)
    }

    func garbage(_ request: EngineRequest, _ why: String) -> EngineFailure {
        EngineFailure(.garbage, "the engine's answer to \(request.name) is not usable: \(why)")
    }
}

extension Platform {
    /// Whether both are one platform. Where one of them names no variant, any will do: images' configurations often leave
    /// it out.
    fileprivate func agrees(with other: Platform?) -> Bool {
        guard let other, os == other.os, architecture == other.architecture else { return false }
        return variant == other.variant || variant == nil || other.variant == nil
    }
}
