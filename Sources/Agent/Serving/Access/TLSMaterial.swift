import AgentCore
import FoundationEssentials
import NIOCore
import NIOSSL
import Shared

/// What connections are secured with, and until when it is good.
struct ServerSecurity: Sendable {
    var context: NIOSSLContext
    /// Of the server's certificate first.
    var expiries: [CertificateExpiry]
}

/// Makes what connections are secured with of a certificate, its key, and the authorities of clients.
struct TLSMaterial: Sendable {
    let certificate: AccessFile
    let key: AccessFile
    let authorities: AccessFile?

    var files: [AccessFile] { [certificate, key] + (authorities.map { [$0] } ?? []) }

    /// - Parameter contents: those of ``files``.
    func security(_ contents: [[UInt8]]) throws(AccessError) -> ServerSecurity {
        let chain = try certificates(contents[0], certificate)
        let privateKey: NIOSSLPrivateKey
        do {
            // Never asks for a passphrase, as the library does without an answer to that.
            privateKey = try NIOSSLPrivateKey(bytes: contents[1], format: .pem) { $0(Array<UInt8>()) }
        } catch {
            throw .unusable(key, why: "holds no PEM key without a passphrase: write the key as PEM, unencrypted")
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
            // The chain is checked here, and that a certificate is there; whose it is, by ``ClientNames``.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return ServerSecurity(
                context: try NIOSSLContext(configuration: configuration), expiries: expiries.compactMap(\.self))
        } catch {
            throw .unusable(
                certificate, why: "does not go with the key '\(key.shown)': use the key that it was made for")
        }
    }

    private func certificates(_ bytes: [UInt8], _ file: AccessFile) throws(AccessError) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do {
            found = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw .unusable(file, why: "holds no PEM certificate: write -----BEGIN CERTIFICATE----- and what follows")
        }
        guard !found.isEmpty else {
            throw .unusable(file, why: "holds no PEM certificate: write -----BEGIN CERTIFICATE----- and what follows")
        }
        return found
    }
}

/// When certificates stop being valid.
struct CertificateExpiry: Hashable, Sendable {
    /// Whose, as in metrics.
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

    /// How long before the end somebody is to be told.
    static let notice = Duration.seconds(14 * 86_400)

    var owner: Owner
    /// Seconds since 1970 of the first of the certificates to expire.
    var seconds: Int64

    /// nil for no certificates.
    init?(_ owner: Owner, _ certificates: [NIOSSLCertificate]) {
        guard let first = certificates.map(\.notValidAfter).min() else { return nil }
        self.owner = owner
        seconds = Int64(first)
    }

    /// - Parameter now: milliseconds since 1970.
    func isExpired(_ now: Int64) -> Bool { seconds * 1_000 <= now }

    /// What is to be said of it; nil while it is valid for longer than ``notice``.
    func warning(_ now: Int64) -> String? {
        if isExpired(now) { return "\(owner.name) expired on \(date): renew it" }
        let left = seconds - now / 1_000
        guard left <= Self.notice.components.seconds else { return nil }
        let days = left / 86_400
        return "\(owner.name) expires on \(date), in \(days) \(days == 1 ? "day" : "days"): renew it"
    }

    /// For people, in UTC.
    var date: String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601.year().month().day())
    }
}

/// The clients that may ask, by the DNS names that their certificates carry.
///
/// Only subject alternative names of that type count (RFC 9525, section 2): a common name is free text, which authorities
/// check less, so a certificate without such names is nobody's. Names are compared whole and without regard to case: a
/// wildcard in a client's certificate would stand for machines that nobody named.
struct ClientNames: Hashable, Sendable {
    private let names: Set<String>

    init(_ names: [String]) {
        self.names = Set(names.map { $0.lowercased() })
    }

    /// Every certificate that the authorities vouch for will do.
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

    /// Whether a text can be a DNS name that is compared with.
    static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }
}
