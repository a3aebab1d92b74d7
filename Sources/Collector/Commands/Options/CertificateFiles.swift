import CollectorSupport
import Foundation
import Glibc
import Shared
import Transfer

/// Checks the files that TLS needs before anybody is asked: a mistake in them is the caller's, and not the hosts'.
///
/// What they hold is looked at twice: for a remedy that fits, and by libcurl itself, which reads them here as it will for
/// every request. It connects to a socket of this process on loopback, and nothing is sent.
struct CertificateFiles {
    /// The standing of a set of files: read once, however many hosts share it.
    private var fine: Set<[String?]> = []

    /// - Parameters:
    ///   - name: how the file is called where the mistake was made: a flag, or a place in an inventory.
    /// - Throws: ``UsageError`` that names file and remedy.
    mutating func check(authorities path: String, name: String) throws {
        guard !fine.contains([path]) else { return }
        let text = try Self.text(path, name)
        guard Self.holdsCertificate(text) else { throw Self.notPEM(path, name, text, expected: "CERTIFICATE") }
        if case .authorities = TLSFileFailure(loading: RequestCredentials(certificateAuthorities: path)) {
            throw UsageError(
                "\(name) '\(path)' holds a certificate that cannot be read: it is cut off or changed, so write the file again"
            )
        }
        fine.insert([path])
    }

    /// - Parameters:
    ///   - key: nil where the certificate's file has to hold it.
    mutating func check(certificate: String, key: String?, name: String, keyName: String) throws {
        guard !fine.contains([certificate, key]) else { return }
        let text = try Self.text(certificate, name)
        guard Self.holdsCertificate(text) else { throw Self.notPEM(certificate, name, text, expected: "CERTIFICATE") }
        let keyText = try key.map { try Self.text($0, keyName) } ?? text
        let keyPlace = key.map { "\(keyName) '\($0)'" } ?? "\(name) '\(certificate)'"
        guard Self.labels(keyText).contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
            guard let key else {
                throw UsageError(
                    "\(name) '\(certificate)' comes without a key: name it with \(keyName), or put it into the same file"
                )
            }
            throw Self.notPEM(key, keyName, keyText, expected: "PRIVATE KEY")
        }
        // Asked for a passphrase, OpenSSL would wait at the terminal.
        guard !keyText.contains("ENCRYPTED") else {
            throw UsageError(
                "\(keyPlace) is encrypted, and nobody can type its passphrase: write the decrypted key to a file that only the "
                    + "collector may read")
        }
        let credentials = RequestCredentials(clientCertificate: certificate, clientKey: key)
        if case .clientCertificate(let reason) = TLSFileFailure(loading: credentials) {
            // A key of the same kind as the certificate's is refused as it is read.
            let isForeign =
                reason.contains("does not match") || (reason.contains("private key") && Self.hasWholeKey(keyText))
            if isForeign {
                throw UsageError(
                    "\(keyPlace) does not belong to \(key == nil ? "the certificate in it" : "\(name) '\(certificate)'"): "
                        + "give the key that the certificate was made for")
            }
            let broken = reason.contains("private key") ? keyPlace : "\(name) '\(certificate)'"
            throw UsageError("\(broken) cannot be read: it is cut off or changed, so write the file again")
        }
        fine.insert([certificate, key])
    }

    // MARK: - What a file holds

    private static func text(_ path: String, _ name: String) throws -> String {
        try LocalFile.check(path, flag: name)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw UsageError("\(name) '\(path)' is not a regular file: it is read again for every connection")
        }
        return String(decoding: try LocalFile.read(path, limit: 16 << 20, flag: name), as: UTF8.self)
    }

    /// What stands behind BEGIN (RFC 7468).
    private static func labels(_ text: String) -> [Substring] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            guard line.hasPrefix("-----BEGIN "), let end = line.dropFirst(11).firstRange(of: "-----") else {
                return nil
            }
            return line[line.index(line.startIndex, offsetBy: 11)..<end.lowerBound]
        }
    }

    private static func holdsCertificate(_ text: String) -> Bool {
        labels(text).contains { ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains($0) }
    }

    /// Whether a private key is there from its first line to its last, and its DER is as long as it says (X.690, 8.1.3).
    private static func hasWholeKey(_ text: String) -> Bool {
        guard let begin = text.firstRange(of: "PRIVATE KEY-----") else { return false }
        let rest = text[begin.upperBound...]
        guard let end = rest.firstRange(of: "-----END "),
            let der = Data(base64Encoded: String(rest[..<end.lowerBound]), options: .ignoreUnknownCharacters),
            der.count > 4, der[0] == 0x30
        else { return false }
        if der[1] < 0x80 { return der.count == 2 + Int(der[1]) }
        let count = Int(der[1] & 0x7F)
        guard (1...4).contains(count), der.count > 2 + count else { return false }
        return der.count == 2 + count + der[2..<2 + count].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func notPEM(_ path: String, _ name: String, _ text: String, expected: String) -> UsageError {
        let what = expected == "CERTIFICATE" ? "certificate" : "private key"
        let found = Set(labels(text)).sorted().map { Sanitizer.singleLine($0, limit: 40) }.joined(separator: ", ")
        if !found.isEmpty {
            return UsageError("\(name) '\(path)' holds no \(what) but \(found): give the file that holds the \(what)")
        }
        if text.unicodeScalars.first == "0", text.contains("\u{FFFD}") {
            let command = expected == "CERTIFICATE" ? "x509" : "pkey"
            return UsageError(
                "\(name) '\(path)' is DER and not PEM: convert it with openssl \(command) -inform der -in '\(path)'")
        }
        return UsageError(
            "\(name) '\(path)' is not PEM: a \(what) begins with the line -----BEGIN \(expected)-----")
    }
}
