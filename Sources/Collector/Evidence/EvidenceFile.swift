import CollectorSupport
import Dispatch
import Glibc
import Shared

/// Where evidence goes: opened before the work starts, and written as it happens, so that a collector that is killed leaves
/// all that it had seen.
package struct EvidenceFile: Sendable {
    /// As the flag has it; `-` is standard output.
    package let path: String
    private let descriptor: Int32
    private let isNew: Bool

    package var isStandardOutput: Bool { path == "-" }

    package init(opening path: String) throws(EvidenceError) {
        self.path = path
        guard path != "-" else {
            descriptor = STDOUT_FILENO
            isNew = false
            return
        }
        isNew = access(path, F_OK) != 0
        // What is there stays until there is something to write.
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(path, reason: String(cString: strerror(errno))) }
    }

    /// Writes all of it on a thread of its own: a slow disk or reader holds up nothing else.
    ///
    /// - Parameter isFirst: whether it takes the place of what the file held.
    package func write(_ bytes: [UInt8], isFirst: Bool) async throws(EvidenceError) {
        try await apart { descriptor in
            if isFirst { _ = ftruncate(descriptor, 0) }
            return Terminal(descriptor: descriptor).write(bytes)
        }
    }

    /// Brings it to the disk.
    package func close() async throws(EvidenceError) {
        guard !isStandardOutput else { return }
        try await apart { descriptor in
            // Pipes and devices have nothing to bring to a disk.
            let isSafe = fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS
            return Glibc.close(descriptor) == 0 && isSafe
        }
    }

    /// Takes back what opening left, where nothing came to be written.
    package func removeIfEmpty() {
        var status = stat()
        if isNew, stat(path, &status) == 0, status.st_size == 0 { unlink(path) }
    }

    private func apart(_ work: @escaping @Sendable (Int32) -> Bool) async throws(EvidenceError) {
        let descriptor = descriptor
        let reason: String? = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(returning: work(descriptor) ? nil : String(cString: strerror(errno)))
            }
        }
        if let reason { throw .unwritable(path, reason: reason) }
    }
}
