import Glibc
import Shared

/// A file for authentication or TLS, with its purpose and the permissions that it may have.
struct AccessFile: Hashable, Sendable {
    enum Kind: String, Sendable {
        case token = "token file"
        case certificate = "TLS certificate"
        case key = "TLS key"
        case clientAuthorities = "client CA"

        /// The key in the configuration file.
        var key: String {
            switch self {
            case .token: "access.token_file"
            case .certificate: "access.tls.certificate"
            case .key: "access.tls.key"
            case .clientAuthorities: "access.tls.client_ca"
            }
        }
    }

    /// The maximum size in bytes; a bundle of authorities takes some hundred KiB.
    private static let limit = 1 << 20

    let kind: Kind
    let path: String
    /// True if systemd placed the file, readable for this service only. It uses an access list, whose mask appears as the
    /// group's permissions. Source: `systemd.exec(5)`, `LoadCredential=`.
    let isCredential: Bool
    private let folders: CredentialFolders

    init(_ kind: Kind, _ path: String, credentials: CredentialFolders) {
        self.kind = kind
        self.path = path
        folders = credentials
        isCredential = credentials.contains(path)
    }

    /// The path to read at present.
    private var currentPath: String { folders.current(path) }

    /// The sanitised path.
    var shown: String { Sanitizer.singleLine(path, limit: 200) }

    /// Permission bits that make the file unacceptable.
    private var forbidden: mode_t {
        switch kind {
        case .token: isCredential ? 0o007 : 0o077
        // Keys are often shared with a group made for that, such as Debian's `ssl-cert`.
        case .key: 0o007
        case .certificate, .clientAuthorities: 0
        }
    }

    /// Reads the file. Its type and permissions are checked after opening, so it cannot be replaced in between.
    func read() throws(AccessError) -> [UInt8] {
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        let descriptor = open(currentPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(self, why: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(self, why: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(self, why: "not a regular file") }
        guard status.st_mode & forbidden == 0 else { throw .exposed(self) }
        var bytes = [UInt8](repeating: 0, count: min(Int(status.st_size) + 1, Self.limit + 1))
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable(self, why: String(cString: strerror(errno))) }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.limit else {
            throw .unusable(self, why: "is larger than 1 MiB: remove what is not needed")
        }
        return Array(bytes.prefix(count))
    }

    /// A cheap indication of changes to the file; nil if it does not exist.
    var stamp: Stamp? {
        var status = stat()
        return stat(currentPath, &status) == 0 ? Stamp(status) : nil
    }

    /// The identity, size and times of a file, including the change time, which covers permissions.
    struct Stamp: Hashable, Sendable {
        private let numbers: [Int64]

        init(_ status: stat) {
            numbers = [
                Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino),
                Int64(status.st_size), Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
                Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
            ]
        }
    }
}

/// A problem with the agent's tokens, certificates or keys: one line with the file and the remedy, and without the file's
/// content.
enum AccessError: Error, Hashable, CustomStringConvertible {
    case halfPair(missing: String)
    case authoritiesWithoutCertificate
    case namesWithoutAuthorities
    case clientName(String)
    /// Users other than the owner can read the file.
    case exposed(AccessFile)
    case unreadable(AccessFile, why: String)
    case unusable(AccessFile, why: String)

    /// The key that causes the problem, and the text among its values; nil for any.
    var subject: (key: String, text: String?) {
        switch self {
        case .halfPair(let missing):
            (missing == "--tls-key" ? "access.tls.certificate" : "access.tls.key", nil)
        case .authoritiesWithoutCertificate: ("access.tls.client_ca", nil)
        case .namesWithoutAuthorities: ("access.tls.client_names", nil)
        case .clientName(let name): ("access.tls.client_names", name)
        case .exposed(let file), .unreadable(let file, _), .unusable(let file, _): (file.kind.key, file.path)
        }
    }

    var description: String {
        switch self {
        case .halfPair(let missing): "a TLS certificate needs its key: add \(missing)"
        case .authoritiesWithoutCertificate:
            "client certificates need TLS: add --tls-certificate and --tls-key to --tls-client-ca"
        case .namesWithoutAuthorities:
            "--tls-client-name needs a certificate authority: add --tls-client-ca"
        case .clientName(let name):
            "invalid --tls-client-name '\(Sanitizer.singleLine(name, limit: 80))': expected a DNS name, for example collector.internal"
        case .exposed(let file):
            "the \(file.kind.rawValue) '\(file.shown)' is readable by \(file.kind == .key ? "others" : "its group or others"): "
                + "chmod 600 it"
        case .unreadable(let file, let why):
            "the \(file.kind.rawValue) '\(file.shown)' cannot be read (\(why)): check the path and its permissions"
        case .unusable(let file, let why): "the \(file.kind.rawValue) '\(file.shown)' \(why)"
        }
    }
}
