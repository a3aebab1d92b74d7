import Testing

/// Suites that run the programs against a real engine and a real registry.
///
/// They run serially, because they share the engine, and one of them stops it.
@Suite("With a real registry", .serialized, .timeLimit(.minutes(5)))
enum RealRegistry {}
