import CollectorSupport
import Inventory
import Shared
import Transfer

/// Reads the files that an inventory's access names, each once however many hosts share it.
struct AccessFiles {
    private var tokens: [String: String] = [:]
    private var certificates: CertificateFiles

    /// - Parameter certificates: what was checked before.
    init(_ certificates: CertificateFiles = CertificateFiles()) {
        self.certificates = certificates
    }

    /// One host's access, with what it leaves open from the flags.
    ///
    /// - Throws: ``UsageError`` that names the inventory's line, the key, the host and the file.
    mutating func access(_ listed: InventoryCredentials, host: String, standard: RequestCredentials) throws
        -> RequestCredentials
    {
        var access = standard
        if let file = listed[.tokenFile] {
            let known = tokens[file.path]
            let token = try known ?? Self.token(file.path, flag: Self.name(.tokenFile, file, host))
            tokens[file.path] = token
            access.bearerToken = token
        }
        if let file = listed[.ca] {
            try certificates.check(authorities: file.path, name: Self.name(.ca, file, host))
            access.certificateAuthorities = file.path
        }
        if let file = listed[.cert] {
            let key = listed[.key]
            try certificates.check(
                certificate: file.path, key: key?.path, name: Self.name(.cert, file, host),
                keyName: key.map { Self.name(.key, $0, host) } ?? "key")
            access.clientCertificate = file.path
            access.clientKey = key?.path
        }
        return access
    }

    private static func name(_ key: InventoryCredentials.Key, _ file: InventoryCredentials.File, _ host: String)
        -> String
    {
        "\(file.place): \(key.rawValue) of host '\(Sanitizer.singleLine(host, limit: 80))':"
    }

    /// - Throws: ``UsageError`` that never repeats what the file holds.
    static func token(_ path: String, flag: String) throws -> String {
        let bytes = try LocalFile.read(path, limit: 16 << 10, flag: flag)
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard text.count == 1, let token = text.first, token.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw UsageError("\(flag) '\(path)' does not hold one token of printable ASCII on one line")
        }
        return String(token)
    }
}
