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
        var files = CredentialFiles()
        if let ca { try files.certificates.check(authorities: ca, name: "--ca") }
        if let cert { try files.certificates.check(certificate: cert, key: key, name: "--cert", keyName: "--key") }
        let standard = RequestCredentials(
            bearerToken: try tokenFile.map { try CredentialFiles.token($0, flag: "--token-file") },
            certificateAuthorities: ca, clientCertificate: cert, clientKey: key)
        var own: [Int: RequestCredentials] = [:]
        for (index, listed) in inventory.access.enumerated() {
            guard let listed else { continue }
            own[index] = try files.credentials(listed, host: inventory.hosts[index].name, standard: standard)
        }
        return HostCredentials(standard, perHost: own)
    }
}

/// Reads the files that an inventory's credentials name, each once however many hosts share it.
struct CredentialFiles {
    private var tokens: [String: String] = [:]
    fileprivate var certificates = CertificateFiles()

    /// One host's credentials, completed from the options.
    ///
    /// - Throws: ``UsageError`` that names the inventory's line, the key, the host and the file.
    mutating func credentials(
        _ listed: InventoryCredentials, host: String, standard: RequestCredentials
    ) throws -> RequestCredentials {
        var credentials = standard
        if let file = listed[.tokenFile] {
            let token = try tokens[file.path] ?? Self.token(file.path, flag: Self.name(.tokenFile, file, host))
            tokens[file.path] = token
            credentials.bearerToken = token
        }
        if let file = listed[.ca] {
            try certificates.check(authorities: file.path, name: Self.name(.ca, file, host))
            credentials.certificateAuthorities = file.path
        }
        if let file = listed[.cert] {
            let key = listed[.key]
            try certificates.check(
                certificate: file.path, key: key?.path, name: Self.name(.cert, file, host),
                keyName: key.map { Self.name(.key, $0, host) } ?? "key")
            credentials.clientCertificate = file.path
            credentials.clientKey = key?.path
        }
        return credentials
    }

    private static func name(
        _ key: InventoryCredentials.Key, _ file: InventoryCredentials.File, _ host: String
    ) -> String {
        "\(file.place): \(key.rawValue) of host '\(Sanitizer.singleLine(host, limit: 80))':"
    }

    /// - Throws: ``UsageError``, which never repeats the file's content.
    static func token(_ path: String, flag: String) throws -> String {
        let bytes = try BoundedFile.read(path, limit: 16 << 10, flag: flag)
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard text.count == 1, let token = text.first, token.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw UsageError("\(flag) '\(path)' does not hold one token of printable ASCII on one line")
        }
        return String(token)
    }
}
