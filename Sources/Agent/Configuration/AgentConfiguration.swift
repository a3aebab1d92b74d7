import ArgumentParser
import Logging
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

/// What a service reads of flags, environment and file when it starts, and again at each reload.
struct LoadedConfiguration: Sendable {
    /// Applied at a reload.
    var evidence: SourceConfiguration
    /// Told at a reload.
    var standing: RestartOnlySettings
}

/// What of a configuration only a start applies, by the keys of the file: so a reload can say what it left undone.
struct RestartOnlySettings: Hashable, Sendable {
    /// What another configuration says otherwise, and what that means until the restart.
    struct Waiting: Hashable, Sendable {
        /// In the order of ``ConfigurationKey/all``; never empty.
        var keys: [String]
        /// What holds until then.
        var meaning: String
    }

    /// By the key's path; a key that is not here is applied at once, or is none of this process's.
    private var values: [String: String]
    /// Whether not everybody may ask.
    private var isRestricted = false

    /// Of a process that takes nothing else from it.
    init(log: StandardErrorLog) {
        values = ["log.level": log.logLevel.rawValue, "log.format": log.format.rawValue]
    }

    /// - Parameter isBound: the addresses come from systemd, whatever the configuration says of them.
    init(_ configuration: AgentConfiguration, isBound: Bool) {
        self.init(log: configuration.log)
        let (access, limits) = (configuration.access, configuration.limits)
        isRestricted = access.tokenFile != nil || access.clientAuthorities != nil
        values["from"] = configuration.from
        if !isBound { values["listen"] = configuration.listen.map(\.description).joined(separator: " ") }
        values["access.allow_anonymous"] = "\(access.allowsAnonymous)"
        values["access.token_file"] = access.tokenFile
        values["access.tls.certificate"] = access.certificate
        values["access.tls.key"] = access.key
        values["access.tls.client_ca"] = access.clientAuthorities
        values["access.tls.client_names"] = access.clientNames.joined(separator: " ")
        values["limits.connections"] = "\(limits.connections)"
        values["limits.connections_per_address"] = "\(limits.connectionsPerAddress)"
        values["limits.requests_per_second"] = "\(limits.requestsPerSecond)"
    }

    /// What the next configuration has to wait with for a restart; nil where there is nothing.
    func waiting(in next: RestartOnlySettings) -> Waiting? {
        let keys = ConfigurationKey.all.map(\.path).filter { values[$0] != next.values[$0] }
        guard !keys.isEmpty else { return nil }
        let meaning =
            if next.isRestricted, !isRestricted {
                "ANYBODY MAY STILL ASK"
            } else if keys.contains(where: { $0.hasPrefix("access.") }) {
                "Who may ask is decided as before"
            } else {
                "Not everything was applied"
            }
        return Waiting(keys: keys, meaning: meaning)
    }
}
