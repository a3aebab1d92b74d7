import Glibc

/// A file that appears whole or not at all: its content is written beside it, synced, and renamed into place.
///
/// Created before the work starts, so that an unwritable path is reported at once and not after ten minutes.
package struct AtomicFile: Sendable {
    package let path: String
    private var temporary: String { "\(path).\(getpid()).part" }

    package struct WriteError: Error, Hashable {
        /// The reason alone, for a sentence that names the file.
        package let reason: String

        package init(reason: String) {
            self.reason = reason
        }

        /// The reason that `errno` holds.
        fileprivate static var last: WriteError { WriteError(reason: String(cString: strerror(errno))) }
    }

    /// Checks that the file can be written, and leaves nothing behind: a killed program needs no cleaning up.
    package init(path: String) throws(WriteError) {
        self.path = path
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw WriteError(reason: "is a directory") }
            guard status.st_mode & S_IFMT == S_IFREG else { throw WriteError(reason: "is not a regular file") }
        }
        close(try Self.create(temporary))
        unlink(temporary)
    }

    package func write(_ bytes: some Collection<UInt8>) throws(WriteError) {
        let descriptor = try Self.create(temporary)
        let isWritten = Terminal(descriptor: descriptor).write(bytes) && fsync(descriptor) == 0
        let writing = WriteError.last
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let failure = isWritten ? WriteError.last : writing
            unlink(temporary)
            throw failure
        }
    }

    private static func create(_ path: String) throws(WriteError) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .last }
        return descriptor
    }
}
