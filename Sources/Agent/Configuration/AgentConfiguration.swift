import ArgumentParser
import Shared

/// Everything that an agent is built from: flags over environment over configuration file over defaults.
struct AgentConfiguration: Sendable {
    /// Without services only where a reader knows them.
    var evidence: EvidenceConfiguration
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
        guard let serve = try command(flags, environment) as? Serve else { throw AgentError.notReadable }
        return try serve.configuration(environment: environment)
    }

    /// Reads anew what to look at, and what a reload leaves as it is.
    ///
    /// - Parameters:
    ///   - flags: the command line of `serve` or `read`.
    ///   - isBound: as in ``StandingKeys``.
    /// - Throws: as ``load(flags:environment:)``.
    static func reread(
        flags: [String], environment: [String: String], isBound: Bool = false
    ) throws -> ReadConfiguration {
        switch try command(flags, environment) {
        case let serve as Serve:
            let configuration = try serve.configuration(environment: environment)
            return ReadConfiguration(
                evidence: configuration.evidence, standing: StandingKeys(configuration, isBound: isBound))
        case let read as Read:
            return ReadConfiguration(
                evidence: try read.source.evidenceConfiguration(environment: environment),
                standing: StandingKeys(log: try read.source.log()))
        default: throw AgentError.notReadable
        }
    }

    private static func command(
        _ flags: [String], _ environment: [String: String]
    ) throws -> any ParsableCommand {
        try Agent.parseAsRoot(CompletedArguments.all(flags, environment: environment))
    }
}
