import CollectorSupport
import Glibc
package import Shared

/// The destination of evidence: opened before the work starts and written continuously, so that a killed collector leaves
/// everything that it has seen.
package struct EvidenceFile: Sendable {
    /// The path as the flag states it; `-` is standard output.
    package let path: String
    private let descriptor: Int32
    private let isNew: Bool
    /// Called after bytes were written.
    package var onWrite: (@Sendable () -> Void)?

    package var isStandardOutput: Bool { path == "-" }

    package init(opening path: String) throws(EvidenceError) {
        self.path = path
        guard path != "-" else {
            descriptor = STDOUT_FILENO
            isNew = false
            return
        }
        isNew = access(path, F_OK) != 0
        // The existing content is kept until there is something to write. Appending shows in the file's size if another
        // program truncates the file or writes to it.
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(path, reason: String(cString: strerror(errno))) }
    }

    /// Writes the bytes on a separate thread, so that a slow disk or reader delays nothing else.
    ///
    /// - Parameter isFirst: true if the bytes replace the file's earlier content.
    package func write(_ bytes: [UInt8], isFirst: Bool) async throws(EvidenceError) {
        try await apart { descriptor in
            if isFirst { _ = ftruncate(descriptor, 0) }
            guard Terminal(descriptor: descriptor).write(bytes) else { return false }
            // The disk starts to write what it has, so that closing the file does not take long. Pipes cannot do this.
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            return true
        }
        onWrite?()
    }

    /// Flushes the file to the disk.
    ///
    /// - Parameter count: the number of bytes that were written.
    /// - Throws: also if another program removed or changed the file.
    package func close(after count: Int) async throws(EvidenceError) {
        guard !isStandardOutput else { return }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
            guard status.st_nlink > 0 else { throw .unwritable(path, reason: "another program removed it meanwhile") }
            guard status.st_size == count else {
                throw .unwritable(path, reason: "another program wrote to it or truncated it meanwhile")
            }
        }
        try await apart { descriptor in
            // Pipes and devices cannot be flushed to a disk.
            let isSafe = fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS
            return Glibc.close(descriptor) == 0 && isSafe
        }
    }

    /// Removes the file that opening created, if nothing was written.
    package func removeIfEmpty() {
        var status = stat()
        if isNew, stat(path, &status) == 0, status.st_size == 0 { unlink(path) }
    }

    private func apart(_ work: @escaping @Sendable (Int32) -> Bool) async throws(EvidenceError) {
        let descriptor = descriptor
        let reason = await OwnThread.run { work(descriptor) ? nil : String(cString: strerror(errno)) }
        if let reason { throw .unwritable(path, reason: reason) }
    }
}

/// A failure to write or replay an evidence file, in one sentence.
package enum EvidenceError: ExitCoded, Hashable {
    case unwritable(String, reason: String)
    /// The end is missing; the report's warnings explain why.
    case incomplete(String)
    case unreadable(String, reason: String)
    case empty(String)
    case notEvidence(String)
    case otherSchema(String, schema: Int)
    /// Lines are numbered from 1.
    case changed(String, line: Int)
    case misplaced(String, line: Int)
    case misread(String, line: Int, reason: String)
    case differs(String, line: Int, recorded: String, derived: String, writer: String)

    package var exitStatus: ExitStatus {
        switch self {
        // The same evidence must have the same verdict. A difference is an error of the program, not of the caller.
        case .differs: .failure
        default: .usage
        }
    }

    package var description: String {
        switch self {
        case .unwritable(let path, let reason):
            "the evidence cannot be written to '\(Self.shown(path))' (\(reason)): choose another path"
        case .incomplete(let path):
            "the evidence in '\(Self.shown(path))' is incomplete (see the report's warnings): write it to another path"
        case .unreadable(let path, let reason):
            "the evidence '\(Self.shown(path))' cannot be read (\(reason)): check the path and its permissions"
        case .empty(let path): "the evidence '\(Self.shown(path))' is empty: nothing was verified"
        case .notEvidence(let path):
            "'\(Self.shown(path))' is not an evidence file: give one that verify wrote with --report evidence=FILE"
        case .otherSchema(let path, let schema):
            "the evidence '\(Self.shown(path))' has schema \(schema), which is newer than this collector knows "
                + "(\(EvidenceStart.schema)): replay it with the collector that wrote it"
        case .changed(let path, let line):
            "the evidence '\(Self.shown(path))' was changed: line \(line) does not fit its hash; do not trust it"
        case .misplaced(let path, let line):
            "the evidence '\(Self.shown(path))' was changed: line \(line) does not follow the line before it; "
                + "do not trust it"
        case .misread(let path, let line, let reason):
            "the evidence '\(Self.shown(path))' cannot be replayed: line \(line) \(reason)"
        case .differs(let path, let line, let recorded, let derived, let writer):
            "the evidence '\(Self.shown(path))' replays to something else: line \(line) has \(recorded), and collector "
                + "\(BuildinfoVersion.current) derives \(derived); replay it with collector \(writer), which wrote it"
        }
    }

    private static func shown(_ path: String) -> String { Sanitizer.singleLine(path, limit: 200) }
}
