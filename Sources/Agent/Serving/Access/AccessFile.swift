import Glibc
import Shared

/// A file that access rests on: what it is for, where it is, and who may be able to read it.
struct AccessFile: Hashable, Sendable {
    enum Kind: String, Sendable {
        case token = "token file"
        case certificate = "TLS certificate"
        case key = "TLS key"
        case clientAuthorities = "client CA"

        /// In the configuration file.
        var key: String {
            switch self {
            case .token: "access.token_file"
            case .certificate: "access.tls.certificate"
            case .key: "access.tls.key"
            case .clientAuthorities: "access.tls.client_ca"
            }
        }
    }

    /// Bytes; a bundle of authorities is some hundred KiB.
    private static let limit = 1 << 20

    let kind: Kind
    let path: String
    /// systemd placed it, readable for this service alone: it does so with an access list, whose mask shows as the group's
    /// permissions. Source: `systemd.exec(5)`, `LoadCredential=`.
    let isCredential: Bool
    private let folders: CredentialFolders

    init(_ kind: Kind, _ path: String, credentials: CredentialFolders) {
        self.kind = kind
        self.path = path
        folders = credentials
        isCredential = credentials.contains(path)
    }

    /// Where it is read now.
    private var currentPath: String { folders.current(path) }

    /// One clean line.
    var shown: String { Sanitizer.singleLine(path, limit: 200) }

    /// Whose reading (or writing) makes the file unfit; bits of its mode.
    private var forbidden: mode_t {
        switch kind {
        case .token: isCredential ? 0o007 : 0o077
        // Keys are often shared with a group made for that, such as Debian's `ssl-cert`.
        case .key: 0o007
        case .certificate, .clientAuthorities: 0
        }
    }

    /// The file's bytes.
    ///
    /// What it is and who may read it is asked of the opened file, so that none is put in its place in between.
    func read() throws(AccessError) -> [UInt8] {
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        let descriptor = open(currentPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(self, why: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(self, why: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(self, why: "it is no regular file") }
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
            throw .unusable(self, why: "is larger than 1 MiB: take out what is not needed")
        }
        return Array(bytes.prefix(count))
    }

    /// What tells cheaply whether the file is still the one that was read; nil where there is none.
    var stamp: Stamp? {
        var status = stat()
        return stat(currentPath, &status) == 0 ? Stamp(status) : nil
    }

    /// Identity, size and times of a file. The change time is among them, since permissions count, too.
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

/// What is wrong with the agent's tokens, certificates and keys: one line that names the file and the remedy, and never
/// what the file holds.
enum AccessError: Error, Hashable, CustomStringConvertible {
    case halfPair(missing: String)
    case authoritiesWithoutCertificate
    case namesWithoutAuthorities
    case clientName(String)
    /// Others than its owner can read it.
    case exposed(AccessFile)
    case unreadable(AccessFile, why: String)
    case unusable(AccessFile, why: String)

    /// The configuration's key that it is about, and of its texts the one; nil where any is.
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
        case .halfPair(let missing): "a TLS certificate goes with its key: add \(missing)"
        case .authoritiesWithoutCertificate:
            "client certificates need TLS: add --tls-certificate and --tls-key to --tls-client-ca"
        case .namesWithoutAuthorities:
            "--tls-client-name needs an authority that vouches for names: add --tls-client-ca"
        case .clientName(let name):
            "--tls-client-name '\(Sanitizer.singleLine(name, limit: 80))' is no DNS name: write for example collector.internal"
        case .exposed(let file):
            "the \(file.kind.rawValue) '\(file.shown)' can be read by \(file.kind == .key ? "others" : "its group or others"): "
                + "chmod 600 it"
        case .unreadable(let file, let why):
            "the \(file.kind.rawValue) '\(file.shown)' cannot be read (\(why)): check the path and its permissions"
        case .unusable(let file, let why): "the \(file.kind.rawValue) '\(file.shown)' \(why)"
        }
    }
}
