import CollectorSupport
package import Inventory
import Shared
import Transfer
import Verdict

/// The files of the credentials for hosts without their own.
package struct CredentialPaths: Sendable {
    /// A file, and the option or the place that names it.
    package struct File: Sendable {
        package var path: String
        package var name: String

        /// nil without a path.
        package init?(_ path: String?, _ name: String) {
            guard let path else { return nil }
            self.path = path
            self.name = name
        }
    }

    package var tokenFile: File?
    package var ca: File?
    package var cert: File?
    package var key: File?
    /// The option or the place that would name the key, for a certificate without one.
    package var keyName: String

    package init(
        tokenFile: File? = nil, ca: File? = nil, cert: File? = nil, key: File? = nil, keyName: String = "--key"
    ) {
        self.keyName = keyName
        self.tokenFile = tokenFile
        self.ca = ca
        self.cert = cert
        self.key = key
    }
}

extension HostCredentials {
    /// Reads and checks all files.
    ///
    /// - Throws: ``UsageError`` with the file and the remedy.
    package init(for inventory: Inventory, standard paths: CredentialPaths) throws {
        var files = CredentialFiles()
        if let ca = paths.ca { try files.certificates.check(authorities: ca.path, name: ca.name) }
        if let cert = paths.cert {
            try files.certificates.check(
                certificate: cert.path, key: paths.key?.path, name: cert.name,
                keyName: paths.key?.name ?? paths.keyName)
        }
        let standard = RequestCredentials(
            bearerToken: try paths.tokenFile.map { try CredentialFiles.token($0.path, flag: $0.name) },
            certificateAuthorities: paths.ca?.path, clientCertificate: paths.cert?.path, clientKey: paths.key?.path)
        var own: [Int: RequestCredentials] = [:]
        for (index, listed) in inventory.access.enumerated() {
            guard let listed else { continue }
            own[index] = try files.credentials(listed, host: inventory.hosts[index].name, standard: standard)
        }
        self.init(standard, perHost: own)
    }
}

/// Reads the files that an inventory's credentials name, each once however many hosts share it.
package struct CredentialFiles {
    private var tokens: [String: String] = [:]
    var certificates = CertificateFiles()

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
    package static func token(_ path: String, flag: String) throws -> String {
        let bytes = try BoundedFile.read(path, limit: 16 << 10, flag: flag)
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard text.count == 1, let token = text.first, token.isVisibleASCII else {
            throw UsageError("\(flag) '\(path)' does not hold one token of printable ASCII on one line")
        }
        return String(token)
    }
}
