import CollectorSupport
import HTTPTypes
import Inventory
import Operations
import Registry
import Reports
import Shared
import Transfer
import Verdict

/// The image that a request names, as the registry had it when the request came.
struct TargetImage: Sendable {
    private let image: ResolvedImage
    private let access: RegistryAccess

    /// The time limit for the requests of one step.
    private static let limit = Duration.seconds(30)

    /// The target of a request, completed by its image.
    ///
    /// - Parameter watched: the fleet's tag. Only its repository is asked: who may start a verification must not make the
    ///   service send requests to any address.
    /// - Throws: ``Problem`` if the registry cannot be asked, or the image is not the target.
    static func target(
        of request: VerificationRequest, for inventory: Inventory, watched: WatchedTag?
    ) async throws -> (Target, TargetImage?) {
        var target = Target(
            service: request.deployed.name, environment: request.deployed.environment, gitSHA: request.gitSHA,
            digest: request.digest, content: request.content)
        guard let reference = request.image else { return (target, nil) }
        guard let watched, watched.image.repository == reference.repository else {
            throw Problem(
                .badRequest, "image '\(reference)' is not in the repository of the fleet's image",
                remedy: "add image to the fleet in the service's configuration, or send git_sha and digest")
        }
        do throws(RegistryError) {
            try TargetResolver.check(target, against: reference)
        } catch {
            throw Problem(.badRequest, "\(error)", remedy: "send image, or git_sha and digest")
        }
        let resolved: ResolvedImage
        do {
            resolved = try await WebClient.with { web in
                try await RegistryClient(web: web, access: watched.access, deadline: .now + limit).resolve(reference)
            }
        } catch let error as RegistryError where error.isAboutTheImage {
            throw Problem(.badRequest, "\(error)", remedy: "correct image, or push it again")
        } catch {
            throw Problem(
                .serviceUnavailable, "\(error)",
                remedy: "send the request again; if it stays, check the service's access to the registry")
        }
        do throws(RegistryError) {
            target = try TargetResolver.complete(target, by: resolved, for: inventory.hosts)
        } catch {
            throw Problem(.badRequest, "\(error)", remedy: "send the image, the commit or the digest that was promoted")
        }
        return (target, TargetImage(image: resolved, access: watched.access))
    }

    /// Runs a verification that watches the image's tag, and looks up other digests that hosts serve.
    func run(_ run: VerificationRun, until interruptions: AsyncStream<Int32>) async throws -> Report {
        try await WebClient.with { web in
            let source = ImageSource(
                reference: image.reference, image: image,
                client: RegistryClient(web: web, access: access, deadline: .now + Self.limit), timeout: Self.limit)
            var run = run
            run.watch(source)
            return try await run.run(until: interruptions)
        }
    }
}

extension RegistryError {
    /// True if the registry answered, so that the same request would fail again.
    fileprivate var isAboutTheImage: Bool {
        switch self {
        case .absent, .unusable, .contradiction: true
        default: false
        }
    }
}
