import ArgumentParser
import Inventory
import Operations
import Shared
import Transfer
import Verdict

/// How the collector authenticates itself, and the hosts.
struct AccessOptions: ParsableArguments {
    @Option(help: "File with the bearer token that hosts ask for.")
    var tokenFile: String?

    @Option(help: "PEM bundle of the authorities that sign the hosts' certificates.")
    var ca: String?

    @Option(help: "PEM file of this collector's client certificate.")
    var cert: String?

    @Option(help: "PEM file of the client certificate's key.")
    var key: String?

    @Option(
        help: "Requests under way at once; as open files allow, if not given.", transform: ArgumentText.positiveCount)
    var concurrency: Int?

    func validate() throws {
        guard key == nil || cert != nil else { throw ValidationError("--key needs --cert") }
    }

    /// How each host of an inventory is asked: as the inventory says, and as the flags say where it says nothing.
    func access(for inventory: Inventory) throws -> HostCredentials {
        var certificates = CertificateFiles()
        if let ca { try certificates.check(authorities: ca, name: "--ca") }
        if let cert { try certificates.check(certificate: cert, key: key, name: "--cert", keyName: "--key") }
        let standard = RequestCredentials(
            bearerToken: try tokenFile.map { try AccessFiles.token($0, flag: "--token-file") },
            certificateAuthorities: ca, clientCertificate: cert, clientKey: key)
        var files = AccessFiles(certificates)
        var own: [Int: RequestCredentials] = [:]
        for (index, listed) in inventory.access.enumerated() {
            guard let listed else { continue }
            own[index] = try files.access(listed, host: inventory.hosts[index].name, standard: standard)
        }
        return HostCredentials(standard, perHost: own)
    }
}
