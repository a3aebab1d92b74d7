import ArgumentParser
import Shared

/// Everything that an agent is built from: flags over environment over configuration file over defaults.
struct AgentConfiguration: Sendable {
    /// Without services only where a reader knows them.
    var evidence: SourceConfiguration
    /// The path of the reader's socket; nil where this process looks.
    var from: String?
    var listen: [ListenAddress]
    var access: AccessConfiguration
    var limits: ServerLimits
    var log: StandardErrorLog

    /// Reads all of it anew: the same flags with the file as it is now.
    ///
    /// - Parameter flags: the command line of `serve`, without the program's name.
    /// - Throws: ``ConfigurationError`` with every mistake of the file; ``AgentError``; or what the parser of flags throws.
    static func load(flags: [String], environment: [String: String]) throws -> AgentConfiguration {
        guard let serve = try command(flags, environment) as? ServeCommand else { throw AgentError.notReadable }
        return try serve.configuration(environment: environment)
    }

    /// Reads anew what to look at, and what a reload leaves as it is.
    ///
    /// - Parameters:
    ///   - flags: the command line of `serve` or `read`.
    ///   - isBound: as in ``RestartOnlySettings``.
    /// - Throws: as ``load(flags:environment:)``.
    static func reread(
        flags: [String], environment: [String: String], isBound: Bool = false
    ) throws -> LoadedConfiguration {
        switch try command(flags, environment) {
        case let serve as ServeCommand:
            let configuration = try serve.configuration(environment: environment)
            return LoadedConfiguration(
                evidence: configuration.evidence, standing: RestartOnlySettings(configuration, isBound: isBound))
        case let read as ReadCommand:
            return LoadedConfiguration(
                evidence: try read.source.evidenceConfiguration(environment: environment),
                standing: RestartOnlySettings(log: try read.source.log()))
        default: throw AgentError.notReadable
        }
    }

    private static func command(
        _ flags: [String], _ environment: [String: String]
    ) throws -> any ParsableCommand {
        try Agent.parseAsRoot(MergedArguments.all(flags, environment: environment))
    }
}
