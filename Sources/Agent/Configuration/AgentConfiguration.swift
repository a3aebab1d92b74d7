import ArgumentParser
import Logging
import Shared

/// The merged configuration: flags over environment over configuration file over defaults.
struct AgentConfiguration: Sendable {
    /// The sources; without services only if a reader provides them.
    var evidence: SourceConfiguration
    /// The path of the reader's socket; nil without a reader.
    var from: String?
    var listen: [ListenAddress]
    var access: AccessConfiguration
    var limits: ServerLimits
    var log: StandardErrorLog

    /// Reads the configuration: the given flags with the present file.
    ///
    /// - Parameter flags: the command line of `serve`, without the program's name.
    /// - Throws: ``ConfigurationError`` with every problem of the file, ``AgentError``, or an error of the flag parser.
    static func load(flags: [String], environment: [String: String]) throws -> AgentConfiguration {
        guard let serve = try command(flags, environment) as? ServeCommand else { throw AgentError.notReloadable }
        return try serve.configuration(environment: environment)
    }

    /// Reads the configuration for a start or a reload of `serve` or `read`.
    ///
    /// - Parameters:
    ///   - flags: the command line of `serve` or `read`.
    ///   - isBound: see ``RestartOnlySettings/init(_:isBound:)``.
    /// - Throws: see ``load(flags:environment:)``.
    static func reread(
        flags: [String], environment: [String: String], isBound: Bool = false
    ) throws -> LoadedConfiguration {
        switch try command(flags, environment) {
        case let serve as ServeCommand:
            let configuration = try serve.configuration(environment: environment)
            return LoadedConfiguration(
                evidence: configuration.evidence, restartOnly: RestartOnlySettings(configuration, isBound: isBound))
        case let read as ReadCommand:
            return LoadedConfiguration(
                evidence: try read.source.evidenceConfiguration(environment: environment),
                restartOnly: RestartOnlySettings(log: try read.source.log()))
        default: throw AgentError.notReloadable
        }
    }

    private static func command(
        _ flags: [String], _ environment: [String: String]
    ) throws -> any ParsableCommand {
        try Agent.parseAsRoot(MergedArguments.all(flags, environment: environment))
    }
}

/// The configuration of a service, read at its start and at each reload.
struct LoadedConfiguration: Sendable {
    /// Applied by a reload.
    var evidence: SourceConfiguration
    /// Applied by a restart only.
    var restartOnly: RestartOnlySettings
}

/// The settings that only a restart applies, so a reload can report which of them changed.
struct RestartOnlySettings: Hashable, Sendable {
    /// Changes that wait for a restart.
    struct Pending: Hashable, Sendable {
        /// The changed keys in the order of ``ConfigurationKey/all``; never empty.
        var keys: [String]
        /// The consequence until the restart, for the log.
        var meaning: String
    }

    /// The settings by key; other keys are applied by a reload, or do not concern this process.
    private var values: [String: String]
    /// True if clients have to authenticate.
    private var isRestricted = false

    /// The settings of a reader.
    init(log: StandardErrorLog) {
        values = ["log.level": log.logLevel.rawValue, "log.format": log.format.rawValue]
    }

    /// The settings of `serve`.
    ///
    /// - Parameter isBound: true if systemd provides the sockets, so `listen` has no effect.
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

    /// The changes in the next configuration that need a restart; nil without any.
    func pending(in next: RestartOnlySettings) -> Pending? {
        let keys = ConfigurationKey.all.map(\.path).filter { values[$0] != next.values[$0] }
        guard !keys.isEmpty else { return nil }
        let meaning =
            if next.isRestricted, !isRestricted {
                "Access control not yet active"
            } else if keys.contains(where: { $0.hasPrefix("access.") }) {
                "Access control unchanged"
            } else {
                "Some settings unchanged"
            }
        return Pending(keys: keys, meaning: meaning)
    }
}
