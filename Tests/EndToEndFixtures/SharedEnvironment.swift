import Support

/// The engine and the registry that all tests share. They end with the test process.
struct SharedEnvironment: Sendable {
    let engine: DockerEngine
    let registry: LocalRegistry

    /// - Throws: ``MissingPart``, so that every test that needs a missing part fails.
    static var shared: SharedEnvironment {
        get async throws { try await starting.value }
    }

    /// The registry alone.
    static var registry: LocalRegistry {
        get async throws { try await startingRegistry.value }
    }

    private static let startingRegistry = Task { try await LocalRegistry.start() }
    private static let starting = Task {
        SharedEnvironment(engine: try await DockerEngine.start(), registry: try await registry)
    }
}

/// Commits that tests promote.
enum Commit {
    static let old = "1f0e9d8c7b6a594837261504f3e2d1c0b9a89786"
    static let new = "c0ffee5eed1234567890abcdef1234567890abcd"
    static let newer = "decafbad5eed1234567890abcdef1234567890ab"
}
