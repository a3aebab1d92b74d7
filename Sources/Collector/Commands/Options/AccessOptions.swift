import ArgumentParser
import CollectorSupport
import Inventory
import Operations
import Shared
import Transfer
import Verdict

/// The credentials that the collector presents to hosts, and the authorities that it trusts.
struct AccessOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--token-file"), .init("--ca"), .init("--cert"), .init("--key"), .init("--concurrency"),
    ]

    @Option(help: ArgumentHelp("File with the bearer token for the hosts.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("PEM bundle of the authorities that sign the hosts' certificates.", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("PEM file with this collector's client certificate.", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("PEM file with the client certificate's key.", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "Maximum number of concurrent requests (default: as many as the limit of open files allows).",
            valueName: "n"), transform: ArgumentText.positiveCount)
    var concurrency: Int?

    func validate() throws {
        guard key == nil || cert != nil else { throw ValidationError("--key needs --cert") }
    }

    /// The credentials for each host: the inventory's, or else those of the options.
    func access(for inventory: Inventory) throws -> HostCredentials {
        try HostCredentials(
            for: inventory,
            standard: CredentialPaths(
                tokenFile: .init(tokenFile, "--token-file"), ca: .init(ca, "--ca"), cert: .init(cert, "--cert"),
                key: .init(key, "--key")))
    }
}
