import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// Who may ask: the one place that decides it, for the server and for each request.
final class AccessControl: Sendable {
    private let tokens: FileBacked<BearerTokens>?
    private let tls: FileBacked<ServerSecurity>?
    private let clientNames: ClientNames
    private let asksForCertificates: Bool
    private let clock: Clock
    private let logger: Logger
    /// When it was last looked at how long certificates are valid.
    private let warnedAt = Mutex<ContinuousClock.Instant?>(nil)

    /// Everybody may, in the clear.
    static let anonymous = AccessControl()

    private init() {
        tokens = nil
        tls = nil
        clientNames = ClientNames([])
        asksForCertificates = false
        clock = .system
        logger = Logger(label: "none", factory: { _ in SwiftLogNoOpLogHandler() })
    }

    /// Reads the files for the first time.
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
                do throws(BearerTokens.Defect) {
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
                    why: "expired on \(expiry.date): write one that is valid")
            } make: { contents throws(AccessError) in
                try material.security(contents)
            }
        } else {
            tls = nil
        }
    }

    // MARK: - The server

    /// Not everybody who reaches the agent may ask it.
    var isRestricted: Bool { tokens != nil || asksForCertificates }

    /// Tokens cross the network where anybody on the way can read them.
    var showsTokens: Bool { tokens != nil && tls == nil }

    var speaksTLS: Bool { tls != nil }

    /// What secures a connection that comes in now; nil where nothing does.
    var secured: NIOSSLContext? {
        warnOfExpiry()
        return tls?.current.context
    }

    /// When the certificates in use expire; empty without TLS.
    var expiries: [CertificateExpiry] { tls?.current.expiries ?? [] }

    /// Says once a day in the log which certificates expire soon, or have. Asked for by connections, so that an idle agent
    /// does not wake up for it.
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
                level: expiry.isExpired(time) ? .error : .warning, "A certificate ends",
                metadata: ["reason": "\(warning)"])
        }
    }

    /// For the log, when the agent starts.
    var protection: Logger.Metadata {
        [
            "token": tokens == nil ? "none" : "required", "tls": tls == nil ? "off" : "on",
            "client_certificates": asksForCertificates ? (clientNames.isEmpty ? "required" : "named") : "none",
        ]
    }

    // MARK: - One request

    /// Whether the certificate of a secured connection is one of somebody who may ask.
    func permits(_ certificate: NIOSSLCertificate?) -> Bool { clientNames.permit(certificate) }

    /// The answer to a request that may not be made; nil where it may. Whether the agent lives is no secret.
    ///
    /// - Parameter isStranger: the connection's certificate is not one of those that may ask.
    func objection(to head: HTTPRequestHead, _ route: Route, isStranger: Bool) -> Answer? {
        if route == .health { return nil }
        if isStranger { return .strangeCertificate }
        guard let tokens else { return nil }
        return Self.token(head.headers).map { tokens.current.contains($0) } ?? false ? nil : .tokenNeeded
    }

    /// `Bearer TOKEN` (RFC 6750, section 2.1), once.
    private static func token(_ headers: HTTPHeaders) -> Substring? {
        let lines = headers["Authorization"]
        guard lines.count == 1, let line = lines.first else { return nil }
        let parts = line.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1]
    }
}

extension Answer {
    static let tokenNeeded = text(
        .unauthorized, "a bearer token is needed", headers: [("WWW-Authenticate", "Bearer")])
    static let strangeCertificate = text(.forbidden, "this client certificate may not ask here")
    static func tooManyRequests(retryAfter seconds: Int) -> Answer {
        text(.tooManyRequests, "too many requests", headers: [("Retry-After", "\(seconds)")])
    }
}
