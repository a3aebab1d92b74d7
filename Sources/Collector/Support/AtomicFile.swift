import Glibc
import Synchronization

/// A file that appears whole or not at all: its content is written beside it, synced, and renamed into place.
///
/// Created before the work starts, so that an unwritable path is reported at once and not after ten minutes.
package struct AtomicFile: Sendable {
    package let path: String
    /// Differs between the files of a process, because several can have the same path.
    private let temporary: String
    private let mode: mode_t
    private static let files = Atomic(0)

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
    ///
    /// - Parameter isPrivate: true for a file that nobody else may read.
    package init(path: String, isPrivate: Bool = false) throws(WriteError) {
        self.path = path
        mode = isPrivate ? 0o600 : 0o644
        temporary = "\(path).\(getpid())-\(Self.files.add(1, ordering: .relaxed).newValue).part"
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw WriteError(reason: "is a directory") }
            guard status.st_mode & S_IFMT == S_IFREG else { throw WriteError(reason: "is not a regular file") }
        }
        close(try Self.create(temporary, mode))
        unlink(temporary)
    }

    package func write(_ bytes: some Collection<UInt8>) throws(WriteError) {
        do {
            try stage { stream in try stream.write { $0 += bytes } }
        } catch {
            throw error as? WriteError ?? WriteError(reason: "\(error)")
        }
        try commit()
    }

    /// Writes the content beside the file. The file itself does not change before ``commit()``.
    ///
    /// - Throws: ``WriteError``, or the closure's error. Nothing is left behind.
    package func stage(_ produce: (inout ByteStream) throws -> Void) throws {
        let descriptor = try Self.create(temporary, mode)
        defer { close(descriptor) }
        do {
            var stream = ByteStream { piece in
                guard Terminal(descriptor: descriptor).write(piece) else { throw WriteError.last }
            }
            try produce(&stream)
            try stream.finish()
            guard fsync(descriptor) == 0 else { throw WriteError.last }
        } catch {
            discard()
            throw error
        }
    }

    /// Puts the staged content in the file's place.
    package func commit() throws(WriteError) {
        guard rename(temporary, path) == 0 else {
            let failure = WriteError.last
            discard()
            throw failure
        }
    }

    /// Removes the staged content.
    package func discard() { unlink(temporary) }

    private static func create(_ path: String, _ mode: mode_t) throws(WriteError) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .last }
        return descriptor
    }
}
