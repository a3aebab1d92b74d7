import Glibc

/// What a command is given of the world: environment and standard streams. Tests give their own.
struct Console: Sendable {
    var environment: [String: String]
    /// As they were given, so that they can be read again with another configuration file.
    var arguments: [String] = []
    var output: @Sendable (String) -> Void
    var error: @Sendable (String) -> Void

    @TaskLocal static var current = Console(
        environment: [:],
        output: { Output.write($0, to: STDOUT_FILENO) },
        error: { Output.write($0, to: STDERR_FILENO) })
}
