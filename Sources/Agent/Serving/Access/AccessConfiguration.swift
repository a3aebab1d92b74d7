import FoundationEssentials
import Glibc

/// Who may ask, and over what, as flags, a configuration file or systemd's credentials say it.
///
/// ```swift
/// let access = flags.or(file).or(.credentials(folders))
/// try access.check()
/// ```
struct AccessConfiguration: Hashable, Sendable {
    /// Permits listening beyond loopback although nobody has to authenticate.
    var allowsAnonymous = false
    /// File of the bearer tokens, one a line.
    var tokenFile: String?
    /// PEM file of the server's certificate, and of those between it and its authority.
    var certificate: String?
    /// PEM file of the certificate's key, without a passphrase.
    var key: String?
    /// PEM file of the authorities whose certificates clients must have.
    var clientAuthorities: String?
    /// Which of these clients may ask, by DNS name; all of them where it is empty.
    var clientNames: [String] = []

    var speaksTLS: Bool { certificate != nil }

    /// With what is not said here taken from what comes after it.
    func or(_ other: AccessConfiguration) -> AccessConfiguration {
        var merged = self
        merged.allowsAnonymous = allowsAnonymous || other.allowsAnonymous
        merged.tokenFile = tokenFile ?? other.tokenFile
        // One without the other is a mistake to be told, not a gap to be filled from elsewhere.
        if certificate == nil, key == nil { (merged.certificate, merged.key) = (other.certificate, other.key) }
        merged.clientAuthorities = clientAuthorities ?? other.clientAuthorities
        if clientNames.isEmpty { merged.clientNames = other.clientNames }
        return merged
    }

    /// The files of `LoadCredential=access:FOLDER`, as far as they exist. Source: `systemd.exec(5)`.
    ///
    /// Their paths are those at start, whether they were renewed since or not.
    static func credentials(_ folders: CredentialFolders) -> AccessConfiguration {
        guard let folder = folders.atStart else { return AccessConfiguration() }
        func present(_ name: String) -> String? {
            let path = "\(folder)/access_\(name)"
            // Whether it can be read is found out when it is: what is there and unusable must not count as absent.
            var status = stat()
            return stat(folders.current(path), &status) == 0 ? path : nil
        }
        return AccessConfiguration(
            tokenFile: present("token"), certificate: present("tls.crt"), key: present("tls.key"),
            clientAuthorities: present("clients.crt"))
    }

    /// - Throws: where the parts do not make a whole.
    func check() throws(AccessError) {
        guard (certificate == nil) == (key == nil) else {
            throw .halfPair(missing: certificate == nil ? "--tls-certificate" : "--tls-key")
        }
        guard clientAuthorities == nil || certificate != nil else { throw .authoritiesWithoutCertificate }
        guard clientNames.isEmpty || clientAuthorities != nil else { throw .namesWithoutAuthorities }
        for name in clientNames where !ClientNames.isName(name) { throw .clientName(name) }
    }
}

/// Where systemd hands the service its tokens and certificates: copied at start (`LoadCredential=`), and again at each reload
/// by `buildinfo-agent-access.service`, since systemd itself copies them once.
struct CredentialFolders: Hashable, Sendable {
    /// `$CREDENTIALS_DIRECTORY`; nil where there is none.
    let atStart: String?
    /// `$RUNTIME_DIRECTORY/access`, which comes to be with the first reload.
    let renewed: String?

    static let none = CredentialFolders(atStart: nil, renewed: nil)

    init(atStart: String?, renewed: String? = nil) {
        self.atStart = atStart.flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.renewed = renewed.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    init(environment: [String: String]) {
        // Several of them are parted by colons; the unit has one.
        self.init(
            atStart: environment["CREDENTIALS_DIRECTORY"],
            renewed: environment["RUNTIME_DIRECTORY"].map { "\($0.prefix { $0 != ":" })/access" })
    }

    /// Whether systemd placed the file.
    func contains(_ path: String) -> Bool { atStart.map { path.hasPrefix("\($0)/") } ?? false }

    /// Where a file that systemd placed at start is now: what was renewed counts as a whole.
    func current(_ path: String) -> String {
        guard let renewed, contains(path), access(renewed, F_OK) == 0 else { return path }
        return "\(renewed)/\(path.split(separator: "/").last ?? "")"
    }
}
