import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Shared
import Synchronization

/// Authentication of clients, for the server and for each request.
final class AccessControl: Sendable {
    private let tokens: FileBacked<BearerTokens>?
    private let tls: FileBacked<ServerSecurity>?
    private let clientNames: ClientNames
    private let asksForCertificates: Bool
    private let clock: Clock
    private let logger: Logger
    /// The time of the last check for certificates that expire.
    private let warnedAt = Mutex<ContinuousClock.Instant?>(nil)

    /// Access for everyone, without TLS.
    static let anonymous = AccessControl()

    private init() {
        tokens = nil
        tls = nil
        clientNames = ClientNames([])
        asksForCertificates = false
        clock = .system
        logger = Logger(label: "none", factory: { _ in SwiftLogNoOpLogHandler() })
    }

    /// Reads the files.
    init(
        _ configuration: AccessConfiguration, credentials: CredentialFolders = .none, clock: Clock = .system,
        logger: Logger
    ) throws(AccessError) {
        self.clock = clock
        self.logger = logger
        try configuration.check()
        clientNames = ClientNames(configuration.clientNames)
        asksForCertificates = configuration.clientAuthorities != nil
        if let path = configuration.tokenFile {
            let file = AccessFile(.token, path, credentials: credentials)
            tokens = try FileBacked([file], clock: clock, logger: logger) { contents throws(AccessError) in
                do throws(BearerTokens.ParseError) {
                    return try BearerTokens(parsing: contents[0])
                } catch {
                    throw .unusable(file, why: "\(error)")
                }
            }
        } else {
            tokens = nil
        }
        if let certificate = configuration.certificate, let key = configuration.key {
            let material = TLSMaterial(
                certificate: AccessFile(.certificate, certificate, credentials: credentials),
                key: AccessFile(.key, key, credentials: credentials),
                authorities: configuration.clientAuthorities.map {
                    AccessFile(.clientAuthorities, $0, credentials: credentials)
                })
            tls = try FileBacked(material.files, clock: clock, logger: logger) { new, former in
                let now = clock.unixMilliseconds()
                guard let expiry = new.expiries.first(where: { $0.isExpired(now) }),
                    !former.expiries.contains(where: { $0.isExpired(now) })
                else { return nil }
                return .unusable(
                    expiry.owner == .server ? material.certificate : material.authorities ?? material.certificate,
                    why: "expired on \(expiry.date): provide a valid one")
            } make: { contents throws(AccessError) in
                try material.security(contents)
            }
        } else {
            tls = nil
        }
    }

    // MARK: - The server

    /// True if clients have to authenticate.
    var isRestricted: Bool { tokens != nil || asksForCertificates }

    /// True if tokens are sent unencrypted.
    var exposesTokens: Bool { tokens != nil && tls == nil }

    var speaksTLS: Bool { tls != nil }

    /// The TLS context for new connections; nil without TLS.
    var secured: NIOSSLContext? {
        warnOfExpiry()
        return tls?.current.context
    }

    /// The expiries of the certificates in use; empty without TLS.
    var expiries: [CertificateExpiry] { tls?.current.expiries ?? [] }

    /// Logs once a day which certificates have expired or expire soon. Called for each connection, so an idle agent need not
    /// wake up for it.
    func warnOfExpiry() {
        guard tls != nil else { return }
        let now = clock.now()
        let isDue = warnedAt.withLock { warnedAt in
            if let last = warnedAt, now - last < .seconds(86_400) { return false }
            warnedAt = now
            return true
        }
        guard isDue else { return }
        let time = clock.unixMilliseconds()
        for expiry in expiries {
            guard let warning = expiry.warning(time) else { continue }
            logger.log(
                level: expiry.isExpired(time) ? .error : .warning, "Certificate expiry",
                metadata: ["reason": "\(warning)"])
        }
    }

    /// A summary for the log.
    var protection: Logger.Metadata {
        [
            "token": tokens == nil ? "none" : "required", "tls": tls == nil ? "off" : "on",
            "client_certificates": asksForCertificates ? (clientNames.isEmpty ? "required" : "named") : "none",
        ]
    }

    // MARK: - One request

    /// True if the client certificate of a connection has a permitted name.
    func permits(_ certificate: NIOSSLCertificate?) -> Bool { clientNames.permit(certificate) }

    /// The answer to an unauthorised request; nil for an authorised one. `/healthz` needs no authentication.
    ///
    /// - Parameter isStranger: true if the client certificate has none of the permitted names.
    func refusal(of head: HTTPRequestHead, _ route: Route, isStranger: Bool) -> Answer? {
        if route == .health { return nil }
        if isStranger { return .strangeCertificate }
        guard let tokens else { return nil }
        let token = BearerTokens.token(of: head.headers["Authorization"])
        return token.map { tokens.current.contains($0) } ?? false ? nil : .tokenNeeded
    }
}

extension Answer {
    static let tokenNeeded = text(
        .unauthorized, "bearer token required", headers: [("WWW-Authenticate", "Bearer")])
    static let strangeCertificate = text(.forbidden, "client certificate not permitted")
    static func tooManyRequests(retryAfter seconds: Int) -> Answer {
        text(.tooManyRequests, "too many requests", headers: [("Retry-After", "\(seconds)")])
    }
}
