import ArgumentParser
import Shared

/// Who may ask the agent, and how much of it.
struct AccessOptions: ParsableArguments {
    @Flag(help: "Permit listening beyond loopback although nobody has to authenticate.")
    var allowAnonymous = false

    @Option(
        help: ArgumentHelp(
            "File of bearer tokens that requests must have one of, one a line; nobody else may be able to read it. Taken up when it changes.",
            valueName: "path"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of the server's certificate and its chain. Taken up when it changes.", valueName: "path"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("PEM file of the certificate's key, without a passphrase.", valueName: "path"))
    var tlsKey: String?

    @Option(
        name: .customLong("tls-client-ca"),
        help: ArgumentHelp("PEM file of the authorities whose certificates clients must have.", valueName: "path"))
    var tlsClientAuthorities: String?

    @Option(
        name: .customLong("tls-client-name"),
        help: ArgumentHelp(
            "A DNS name that a client's certificate must have as subject alternative name; repeatable, one will do.",
            valueName: "name"))
    var tlsClientNames: [String] = []

    @Option(
        help: ArgumentHelp(
            "Connections at a time, \(ServerLimits.permittedConnections.lowerBound) to \(ServerLimits.permittedConnections.upperBound). Each collector that waits for changes holds one.",
            valueName: "n"),
        transform: { try AccessOptions.count($0, "--max-connections", ServerLimits.permittedConnections) })
    var maxConnections: Int?

    @Option(
        help: ArgumentHelp(
            "Connections at a time from one address, except 127.0.0.1 and ::1. Default: \(ServerLimits.defaultConnectionsPerAddress).",
            valueName: "n"),
        transform: {
            try AccessOptions.count($0, "--max-connections-per-address", ServerLimits.permittedConnectionsPerAddress)
        })
    var maxConnectionsPerAddress: Int?

    @Option(
        help: ArgumentHelp(
            "Requests a second from one address, except 127.0.0.1 and ::1; twice as many at once. Default: \(ServerLimits.defaultRequestsPerSecond).",
            valueName: "n"),
        transform: { try AccessOptions.count($0, "--max-requests-per-second", ServerLimits.permittedRequestsPerSecond) }
    )
    var maxRequestsPerSecond: Int?

    /// The environment variables that stand in for these flags.
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--allow-anonymous", .switchOn), .init("--token-file"), .init("--tls-certificate"), .init("--tls-key"),
        .init("--tls-client-ca"), .init("--tls-client-name", .values), .init("--max-connections"),
        .init("--max-connections-per-address"), .init("--max-requests-per-second"),
    ]

    /// What the flags say, and nothing else: a configuration file and credentials come after it.
    var configuration: AccessConfiguration {
        AccessConfiguration(
            allowsAnonymous: allowAnonymous, tokenFile: tokenFile, certificate: tlsCertificate, key: tlsKey,
            clientAuthorities: tlsClientAuthorities, clientNames: tlsClientNames)
    }

    /// Other limits with those that the flags name.
    func limits(over limits: ServerLimits = ServerLimits()) -> ServerLimits {
        var limits = limits
        if let maxConnections { limits.connections = maxConnections }
        if let maxConnectionsPerAddress { limits.connectionsPerAddress = maxConnectionsPerAddress }
        if let maxRequestsPerSecond { limits.requestsPerSecond = maxRequestsPerSecond }
        return limits
    }

    private static func count(_ text: String, _ flag: String, _ permitted: ClosedRange<Int>) throws -> Int {
        guard let count = Int(text), permitted.contains(count) else {
            throw ValidationError(
                "\(flag) \(Sanitizer.singleLine(text, limit: 40)) is not from \(permitted.lowerBound) to \(permitted.upperBound)"
            )
        }
        return count
    }
}
