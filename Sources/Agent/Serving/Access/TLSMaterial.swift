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
