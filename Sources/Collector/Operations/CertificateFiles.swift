import CollectorSupport
import Foundation
import Glibc
import Shared
import Transfer

/// Checks the files for TLS before any request: a mistake in them is a usage error, not a failure of the hosts.
///
/// Each file is parsed twice: here, for a specific remedy, and by libcurl, as it will load the file for every request.
package struct CertificateFiles {
    /// The files that have passed: each set is read once, however many hosts share it.
    private var fine: Set<[String?]> = []

    package init() {}

    /// - Parameters:
    ///   - name: the option or the place in the inventory that names the file.
    /// - Throws: ``UsageError`` with the file and the remedy.
    package mutating func check(authorities path: String, name: String) throws {
        guard !fine.contains([path]) else { return }
        let text = try Self.text(path, name)
        guard Self.holdsCertificate(text) else { throw Self.notPEM(path, name, text, expected: "CERTIFICATE") }
        if case .authorities = TLSFileFailure(loading: RequestCredentials(certificateAuthorities: path)) {
            throw UsageError(
                "\(name) '\(path)' holds an unreadable certificate: it is truncated or corrupt; write the file again"
            )
        }
        fine.insert([path])
    }

    /// - Parameters:
    ///   - key: nil if the certificate's file holds the key, too.
    package mutating func check(certificate: String, key: String?, name: String, keyName: String) throws {
        guard !fine.contains([certificate, key]) else { return }
        let text = try Self.text(certificate, name)
        guard Self.holdsCertificate(text) else { throw Self.notPEM(certificate, name, text, expected: "CERTIFICATE") }
        let keyText = try key.map { try Self.text($0, keyName) } ?? text
        let keyPlace = key.map { "\(keyName) '\($0)'" } ?? "\(name) '\(certificate)'"
        guard Self.labels(keyText).contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
            guard let key else {
                throw UsageError(
                    "\(name) '\(certificate)' has no key: give \(keyName), or append the key to the file"
                )
            }
            throw Self.notPEM(key, keyName, keyText, expected: "PRIVATE KEY")
        }
        // OpenSSL would prompt for a passphrase on the terminal.
        guard !keyText.contains("ENCRYPTED") else {
            throw UsageError(
                "\(keyPlace) is encrypted, and the collector cannot prompt for a passphrase: write the decrypted key to a file that only the "
                    + "collector can read")
        }
        let credentials = RequestCredentials(clientCertificate: certificate, clientKey: key)
        if case .clientCertificate(let reason) = TLSFileFailure(loading: credentials) {
            // OpenSSL rejects another key of the certificate's kind while loading it.
            let isForeign =
                reason.contains("does not match") || (reason.contains("private key") && Self.hasWholeKey(keyText))
            if isForeign {
                throw UsageError(
                    "\(keyPlace) does not belong to \(key == nil ? "the certificate in it" : "\(name) '\(certificate)'"): "
                        + "give the key that the certificate was made for")
            }
            let broken = reason.contains("private key") ? keyPlace : "\(name) '\(certificate)'"
            throw UsageError("\(broken) is unreadable: it is truncated or corrupt; write the file again")
        }
        fine.insert([certificate, key])
    }

    // MARK: - PEM

    private static func text(_ path: String, _ name: String) throws -> String {
        try BoundedFile.requireReadable(path, flag: name)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw UsageError(
                "\(name) '\(path)' is not a regular file, which is required because every connection reads it again")
        }
        return String(decoding: try BoundedFile.read(path, limit: 16 << 20, flag: name), as: UTF8.self)
    }

    /// The labels behind BEGIN (RFC 7468).
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

    /// True if the text has a private key from its first line to its last, with a DER encoding of the stated length (X.690,
    /// 8.1.3).
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
            return UsageError("\(name) '\(path)' contains \(found), not a \(what): give the file with the \(what)")
        }
        if text.unicodeScalars.first == "0", text.contains("\u{FFFD}") {
            let command = expected == "CERTIFICATE" ? "x509" : "pkey"
            return UsageError(
                "\(name) '\(path)' is DER, not PEM: convert it with openssl \(command) -inform der -in '\(path)'")
        }
        return UsageError(
            "\(name) '\(path)' is not PEM: a \(what) begins with the line -----BEGIN \(expected)-----")
    }
}
