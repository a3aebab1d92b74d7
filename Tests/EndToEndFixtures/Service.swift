import Shared
import Support
import Synchronization

/// A service of one test: a repository in the registry, and containers on the engine.
struct Service: Sendable {
    let yard: SharedEnvironment
    /// The unique name of the repository, and the prefix of its containers' names.
    let name: String

    private static let count = Mutex(0)

    static func make() async throws -> Service {
        let number = count.withLock { count in
            count += 1
            return count
        }
        return Service(yard: try await SharedEnvironment.shared, name: "canvas-\(number)")
    }

    var engine: DockerEngine { yard.engine }
    /// The reference without a tag.
    var repository: String { "\(yard.registry.authority)/\(name)" }
    /// The moving tag, which operators run.
    var latest: String { "\(repository):latest" }

    /// Builds an image and pushes it as `staging-<sha>`, as a pipeline does. The engine's copy is removed.
    ///
    /// - Returns: the registry's digest.
    @discardableResult
    func build(_ commit: String, command: [String] = [], healthCheck: [String]? = nil) async throws -> Digest {
        let reference = "\(repository):staging-\(commit)"
        try await engine.makeImage(reference, revision: commit, command: command, healthCheck: healthCheck)
        try await engine.docker("push", "--quiet", reference)
        try await engine.docker("rmi", reference)
        return try yard.registry.manifest(name, "staging-\(commit)").digest
    }

    /// Points `latest` at a build by its digest.
    @discardableResult
    func promote(_ commit: String) throws -> Digest {
        try yard.registry.promote(name, from: "staging-\(commit)")
    }

    /// Builds and promotes.
    func release(_ commit: String, command: [String] = [], healthCheck: [String]? = nil) async throws -> Digest {
        try await build(commit, command: command, healthCheck: healthCheck)
        return try promote(commit)
    }

    func pull() async throws { try await engine.docker("pull", "--quiet", latest) }

    /// Runs the host's copy of `latest`, without pulling.
    func run(_ options: String...) async throws {
        try await run(options)
    }

    func run(_ options: [String]) async throws {
        let client = ["run", "--detach", "--pull", "never", "--name", name, "--network", "host"]
        try await engine.docker(client + options + [latest])
    }

    /// Removes the container and creates it again, as `docker compose up -d` does after a pull.
    func recreate(_ options: String...) async throws {
        try await engine.remove(name)
        try await run(options)
    }
}
