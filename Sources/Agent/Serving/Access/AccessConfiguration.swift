import FoundationEssentials
import Glibc

/// Authentication and TLS as set by flags, the configuration file or systemd's credentials.
///
/// ```swift
/// let access = flags.or(file).or(.credentials(folders))
/// try access.check()
/// ```
struct AccessConfiguration: Hashable, Sendable {
    /// True to permit listening beyond loopback without authentication.
    var allowsAnonymous = false
    /// File of the bearer tokens, one per line.
    var tokenFile: String?
    /// PEM file of the server's certificate, and of those between it and its authority.
    var certificate: String?
    /// PEM file of the certificate's key, without a passphrase.
    var key: String?
    /// PEM file of the certificate authorities for client certificates.
    var clientAuthorities: String?
    /// The DNS names of the permitted clients; all clients with a certificate if empty.
    var clientNames: [String] = []

    var speaksTLS: Bool { certificate != nil }

    /// The configuration with its gaps filled from another one.
    func or(_ other: AccessConfiguration) -> AccessConfiguration {
        var merged = self
        merged.allowsAnonymous = allowsAnonymous || other.allowsAnonymous
        merged.tokenFile = tokenFile ?? other.tokenFile
        // A certificate without a key is a mistake to report, not a gap to fill.
        if certificate == nil, key == nil { (merged.certificate, merged.key) = (other.certificate, other.key) }
        merged.clientAuthorities = clientAuthorities ?? other.clientAuthorities
        if clientNames.isEmpty { merged.clientNames = other.clientNames }
        return merged
    }

    /// The existing files of `LoadCredential=access:FOLDER`, by their paths at the start. Source: `systemd.exec(5)`.
    static func credentials(_ folders: CredentialFolders) -> AccessConfiguration {
        guard let folder = folders.atStart else { return AccessConfiguration() }
        func present(_ name: String) -> String? {
            let path = "\(folder)/access_\(name)"
            // An unreadable file is reported when it is read; it must not count as absent.
            var status = stat()
            return stat(folders.current(path), &status) == 0 ? path : nil
        }
        return AccessConfiguration(
            tokenFile: present("token"), certificate: present("tls.crt"), key: present("tls.key"),
            clientAuthorities: present("clients.crt"))
    }

    /// - Throws: ``AccessError`` if parts are missing or contradict each other.
    func check() throws(AccessError) {
        guard (certificate == nil) == (key == nil) else {
            throw .halfPair(missing: certificate == nil ? "--tls-certificate" : "--tls-key")
        }
        guard clientAuthorities == nil || certificate != nil else { throw .authoritiesWithoutCertificate }
        guard clientNames.isEmpty || clientAuthorities != nil else { throw .namesWithoutAuthorities }
        for name in clientNames where !ClientNames.isName(name) { throw .clientName(name) }
    }
}

/// The folders in which systemd passes tokens and certificates to the service: copied at the start (`LoadCredential=`), and
/// at each reload by `buildinfo-agent-access.service`, since systemd itself copies them only once.
struct CredentialFolders: Hashable, Sendable {
    /// `$CREDENTIALS_DIRECTORY`; nil if it is unset.
    let atStart: String?
    /// `$RUNTIME_DIRECTORY/access`, which the first reload creates.
    let renewed: String?

    static let none = CredentialFolders(atStart: nil, renewed: nil)

    init(atStart: String?, renewed: String? = nil) {
        self.atStart = atStart.flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.renewed = renewed.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    init(environment: [String: String]) {
        // A list separated by colons, of which the unit has one element.
        self.init(
            atStart: environment["CREDENTIALS_DIRECTORY"],
            renewed: environment["RUNTIME_DIRECTORY"].map { "\($0.prefix { $0 != ":" })/access" })
    }

    /// True if systemd placed the file.
    func contains(_ path: String) -> Bool { atStart.map { path.hasPrefix("\($0)/") } ?? false }

    /// The present path of a file: once the folder was renewed, all of systemd's files are there.
    func current(_ path: String) -> String {
        guard let renewed, contains(path), access(renewed, F_OK) == 0 else { return path }
        return "\(renewed)/\(path.split(separator: "/").last ?? "")"
    }
}
