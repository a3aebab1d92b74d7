import Glibc
import Shared

/// A file for a manifest's raw bytes: written beside its place and renamed, so that it is there whole or not at all.
///
/// Opened before the work starts, so that a mistake shows at once.
package struct ManifestFile: Sendable {
    private let path: String
    private let temporary: String

    package init(opening path: String) throws(UsageError) {
        guard path != "-", !path.isEmpty else {
            throw UsageError("--save '\(path)' is no file: the bytes go where nothing else is written")
        }
        self.path = path
        temporary = "\(path).\(getpid()).part"
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw UsageError("--save '\(Sanitizer.singleLine(path, limit: 200))' is no regular file")
        }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
        close(descriptor)
        // A look whether it can be written: who is killed while the registry is asked leaves nothing behind.
        unlink(temporary)
    }

    package func write(_ bytes: [UInt8]) throws(UsageError) {
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
        let isWritten = Terminal(descriptor: descriptor).write(bytes) && fsync(descriptor) == 0
        let failure = Self.failure(path)
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let renaming = Self.failure(path)
            unlink(temporary)
            throw isWritten ? renaming : failure
        }
    }

    private static func failure(_ path: String) -> UsageError {
        UsageError(
            "--save '\(Sanitizer.singleLine(path, limit: 200))' cannot be written: \(String(cString: strerror(errno)))")
    }
}
