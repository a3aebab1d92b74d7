import AgentCore
import FoundationEssentials
import NIOCore
import NIOSSL
import Shared

/// The TLS context for connections, with the expiries of its certificates.
struct ServerSecurity: Sendable {
    var context: NIOSSLContext
    /// The expiries, that of the server's certificate first.
    var expiries: [CertificateExpiry]
}

/// The files of a server's certificate, its key, and the certificate authorities of clients.
struct TLSMaterial: Sendable {
    let certificate: AccessFile
    let key: AccessFile
    let authorities: AccessFile?

    var files: [AccessFile] { [certificate, key] + (authorities.map { [$0] } ?? []) }

    /// The TLS context.
    ///
    /// - Parameter contents: the contents of ``files``.
    func security(_ contents: [[UInt8]]) throws(AccessError) -> ServerSecurity {
        let chain = try certificates(contents[0], certificate)
        let privateKey: NIOSSLPrivateKey
        do {
            // Without this closure, the library would prompt for a passphrase.
            privateKey = try NIOSSLPrivateKey(bytes: contents[1], format: .pem) { $0(Array<UInt8>()) }
        } catch {
            throw .unusable(key, why: "has no unencrypted PEM key: provide the key as PEM without a passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(1)
        configuration.trustRoots = .certificates([])
        var expiries = [CertificateExpiry(.server, chain)]
        if let authorities {
            let trusted = try certificates(contents[2], authorities)
            expiries.append(CertificateExpiry(.clientAuthorities, trusted))
            configuration.trustRoots = .certificates(trusted)
            // Requires a certificate and checks its chain; ``ClientNames`` checks its name.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return ServerSecurity(
                context: try NIOSSLContext(configuration: configuration), expiries: expiries.compactMap(\.self))
        } catch {
            throw .unusable(
                certificate, why: "does not match the key '\(key.shown)': provide the certificate's own key")
        }
    }

    private func certificates(_ bytes: [UInt8], _ file: AccessFile) throws(AccessError) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do {
            found = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw .unusable(file, why: "has no PEM certificate: expected -----BEGIN CERTIFICATE-----")
        }
        guard !found.isEmpty else {
            throw .unusable(file, why: "has no PEM certificate: expected -----BEGIN CERTIFICATE-----")
        }
        return found
    }
}

/// The expiry of certificates.
struct CertificateExpiry: Hashable, Sendable {
    /// The owner of the certificates; the raw value is a metric's label.
    enum Owner: String, Sendable {
        case server
        case clientAuthorities = "client_ca"

        var name: String {
            switch self {
            case .server: "the server's certificate"
            case .clientAuthorities: "the client CA"
            }
        }
    }

    /// The time before the expiry at which warnings begin.
    static let notice = Duration.seconds(14 * 86_400)

    var owner: Owner
    /// The first expiry among the certificates, in seconds since 1970.
    var seconds: Int64

    /// nil for no certificates.
    init?(_ owner: Owner, _ certificates: [NIOSSLCertificate]) {
        guard let first = certificates.map(\.notValidAfter).min() else { return nil }
        self.owner = owner
        seconds = Int64(first)
    }

    /// - Parameter now: milliseconds since 1970.
    func isExpired(_ now: Int64) -> Bool { seconds * 1_000 <= now }

    /// The warning; nil while the certificates are valid for longer than ``notice``.
    func warning(_ now: Int64) -> String? {
        if isExpired(now) { return "\(owner.name) expired on \(date): renew it" }
        let left = seconds - now / 1_000
        guard left <= Self.notice.components.seconds else { return nil }
        let days = left / 86_400
        return "\(owner.name) expires on \(date), in \(days) \(days == 1 ? "day" : "days"): renew it"
    }

    /// The date of the expiry in UTC.
    var date: String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601.year().month().day())
    }
}

/// The permitted clients, by the DNS names of their certificates.
///
/// Only subject alternative names count (RFC 9525, section 2): authorities check the free text of common names less. Names are
/// compared as a whole and ignoring case. A wildcard in a client certificate never matches, since it would include machines
/// that the operator did not name.
struct ClientNames: Hashable, Sendable {
    private let names: Set<String>

    init(_ names: [String]) {
        self.names = Set(names.map { $0.lowercased() })
    }

    /// True if every certificate of the authorities is permitted.
    var isEmpty: Bool { names.isEmpty }

    func permit(_ certificate: NIOSSLCertificate?) -> Bool {
        guard !names.isEmpty else { return true }
        guard let certificate else { return false }
        return permit(dnsNames: Self.dnsNames(certificate))
    }

    func permit(dnsNames: [String]) -> Bool {
        dnsNames.contains { !$0.contains("*") && names.contains($0.lowercased()) }
    }

    private static func dnsNames(_ certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().filter { $0.nameType == .dnsName }.map { name in
            name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// True for a possible DNS name.
    static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }
}
