import Testing

/// Suites that run the programs against a real engine and a real registry.
///
/// They run one after the other, because they share the engine, and one of them stops it.
@Suite("With a real engine", .serialized, .timeLimit(.minutes(5)))
enum RealEngine {}
