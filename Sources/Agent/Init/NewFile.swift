import Glibc
import Shared

/// A file that appears as a whole, and replaces another one only on request.
struct NewFile: Sendable {
    /// The file's path, without symbolic links if the file exists.
    private let path: String
    private let replacesExisting: Bool

    /// The mode of the package's configuration file: everyone can read it, because it holds no secret.
    private static let mode: mode_t = 0o644

    /// The reason why a file could not be written, in one sentence.
    struct WriteFailure: Error, Hashable, CustomStringConvertible {
        let description: String

        fileprivate init(_ path: String, _ code: Int32) {
            let shown = Sanitizer.singleLine(path, limit: 200)
            description =
                switch code {
                case ENOENT, ENOTDIR: "cannot write \(shown): its folder does not exist; create it"
                case EACCES, EPERM:
                    "cannot write \(shown): permission denied; run the command as root, or choose another --output"
                default: "cannot write \(shown): \(String(cString: strerror(code))); choose another --output"
                }
        }
    }

    /// Checks the path, and writes nothing.
    ///
    /// - Throws: ``AgentError/outputExists(_:)`` and ``AgentError/outputKind(_:)``.
    init(path: String, replacingExisting: Bool) throws(AgentError) {
        replacesExisting = replacingExisting
        var status = stat()
        guard lstat(path, &status) == 0 else {
            self.path = path
            return
        }
        let shown = Sanitizer.singleLine(path, limit: 200)
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .outputKind(shown) }
        guard replacingExisting else { throw .outputExists(shown) }
        var resolved = [CChar](repeating: 0, count: Int(PATH_MAX))
        self.path = realpath(path, &resolved).map { String(cString: $0) } ?? path
    }

    /// Writes the content beside the file, and then puts it in place.
    func write(_ text: String) throws(WriteFailure) {
        let temporary = "\(path).\(getpid()).part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw WriteFailure(path, errno) }
        defer {
            close(descriptor)
            unlink(temporary)
        }
        try write(Array(text.utf8)[...], to: descriptor)
        var existing = stat()
        if replacesExisting, stat(path, &existing) == 0 {
            guard fchown(descriptor, existing.st_uid, existing.st_gid) == 0,
                fchmod(descriptor, existing.st_mode & 0o7777) == 0
            else { throw WriteFailure(path, errno) }
        } else {
            // Not the mode that the user's umask leaves: the agent runs as another user.
            guard fchmod(descriptor, Self.mode) == 0 else { throw WriteFailure(path, errno) }
        }
        guard fsync(descriptor) == 0 else { throw WriteFailure(path, errno) }
        // A link, unlike a rename, fails if another program has made the file since.
        let result = replacesExisting ? rename(temporary, path) : link(temporary, path)
        guard result == 0 else { throw WriteFailure(path, errno) }
    }

    private func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) throws(WriteFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw WriteFailure(path, errno) }
            rest = rest.dropFirst(count)
        }
    }
}
