import ArgumentParser
import Shared

/// Flags for authentication and limits.
struct AccessOptions: ParsableArguments {
    @Flag(help: "Permit listening beyond loopback without authentication.")
    var allowAnonymous = false

    @Option(
        help: ArgumentHelp(
            "File of bearer tokens, one per line, readable by its owner only; requests need one of them. Reloaded when it changes.",
            valueName: "path"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of the server's certificate and its chain. Reloaded when it changes.", valueName: "path"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("PEM file of the certificate's key, without a passphrase.", valueName: "path"))
    var tlsKey: String?

    @Option(
        name: .customLong("tls-client-ca"),
        help: ArgumentHelp("PEM file of the certificate authorities for client certificates.", valueName: "path"))
    var tlsClientAuthorities: String?

    @Option(
        name: .customLong("tls-client-name"),
        help: ArgumentHelp(
            "DNS name that a client certificate needs as subject alternative name; repeatable, one of them is enough.",
            valueName: "name"))
    var tlsClientNames: [String] = []

    @Option(
        help: ArgumentHelp(
            "Maximum number of connections, \(ServerLimits.permittedConnections.lowerBound) to \(ServerLimits.permittedConnections.upperBound); each collector that waits for changes holds one. Default: \(ServerLimits.defaultConnections).",
            valueName: "n"),
        transform: { try AccessOptions.count($0, "--max-connections", ServerLimits.permittedConnections) })
    var maxConnections: Int?

    @Option(
        help: ArgumentHelp(
            "Maximum number of connections from one address, except 127.0.0.1 and ::1. Default: \(ServerLimits.defaultConnectionsPerAddress).",
            valueName: "n"),
        transform: {
            try AccessOptions.count($0, "--max-connections-per-address", ServerLimits.permittedConnectionsPerAddress)
        })
    var maxConnectionsPerAddress: Int?

    @Option(
        help: ArgumentHelp(
            "Maximum number of requests per second from one address, except 127.0.0.1 and ::1; twice as many in a burst. Default: \(ServerLimits.defaultRequestsPerSecond).",
            valueName: "n"),
        transform: { try AccessOptions.count($0, "--max-requests-per-second", ServerLimits.permittedRequestsPerSecond) }
    )
    var maxRequestsPerSecond: Int?

    /// The flags that the environment can set.
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--allow-anonymous", .switchOn), .init("--token-file"), .init("--tls-certificate"), .init("--tls-key"),
        .init("--tls-client-ca"), .init("--tls-client-name", .values), .init("--max-connections"),
        .init("--max-connections-per-address"), .init("--max-requests-per-second"),
    ]

    /// The configuration of the flags, without that of systemd's credentials.
    var configuration: AccessConfiguration {
        AccessConfiguration(
            allowsAnonymous: allowAnonymous, tokenFile: tokenFile, certificate: tlsCertificate, key: tlsKey,
            clientAuthorities: tlsClientAuthorities, clientNames: tlsClientNames)
    }

    /// The given limits with those that the flags set.
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
                "invalid \(flag) '\(Sanitizer.singleLine(text, limit: 40))': expected a number from \(permitted.lowerBound) to \(permitted.upperBound)"
            )
        }
        return count
    }
}
