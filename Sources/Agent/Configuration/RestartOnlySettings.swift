import Logging
import Shared

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
