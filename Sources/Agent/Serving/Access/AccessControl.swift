import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Who may ask: the one place that decides it, for the server and for each request.
final class AccessControl: Sendable {
    private let tokens: FileBacked<BearerTokens>?
    private let tls: FileBacked<NIOSSLContext>?
    private let clientNames: ClientNames
    private let asksForCertificates: Bool

    /// Everybody may, in the clear.
    static let anonymous = AccessControl()

    private init() {
        tokens = nil
        tls = nil
        clientNames = ClientNames([])
        asksForCertificates = false
    }

    /// Reads the files for the first time.
    ///
    /// - Parameter credentials: `$CREDENTIALS_DIRECTORY`.
    init(
        _ configuration: AccessConfiguration, credentials: String? = nil, clock: Clock = .system, logger: Logger
    ) throws(AccessError) {
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
            tls = try FileBacked(material.files, clock: clock, logger: logger) { contents throws(AccessError) in
                try material.context(contents)
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
    var secured: NIOSSLContext? { tls?.current }

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
