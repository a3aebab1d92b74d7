import CollectorSupport
import Glibc
package import Shared

/// Where a report goes: opened before the work starts, so that a mistake shows at once and not after ten minutes.
///
/// A file is written beside its place and renamed at the end: a reader finds the old one, the new one, or none, and never
/// half of one. What is no regular file (a pipe, a device) is written to directly.
package struct ReportDestination: Sendable {
    package let format: ReportFormat
    private let place: Place

    private enum Place: Sendable {
        case standardOutput
        /// Written directly.
        case device(path: String)
        case file(path: String, temporary: String)
    }

    /// Parses `FORMAT=PATH` and checks that the path can be written.
    init(opening argument: String) throws(ReportDestinationError) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
            throw .notFormatAndPath(argument)
        }
        let name = String(argument[..<equals])
        let path = String(argument[argument.index(after: equals)...])
        guard name != "evidence" else { throw .evidenceIsWrittenByVerify }
        guard let format = ReportFormat(rawValue: name) else { throw .unknownFormat(name) }
        guard !path.isEmpty else { throw .notFormatAndPath(argument) }
        self.format = format
        guard path != "-" else {
            place = .standardOutput
            return
        }
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT == S_IFDIR { throw .unwritable(path, reason: "is a directory") }
        if exists, status.st_mode & S_IFMT != S_IFREG {
            place = .device(path: path)
            return
        }
        let temporary = "\(path).\(getpid()).part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(path, reason: String(cString: strerror(errno))) }
        close(descriptor)
        place = .file(path: path, temporary: temporary)
    }

    package var isStandardOutput: Bool {
        if case .standardOutput = place { true } else { false }
    }

    /// Renders and writes the report.
    package func write(_ report: Report) throws {
        let bytes = try format.render(report)
        switch place {
        case .standardOutput:
            // A reader that went away has read enough; a device that is full has not got the report.
            guard Terminal.standardOutput.write(bytes) || errno == EPIPE else {
                throw ReportDestinationError.unwritable("standard output", reason: String(cString: strerror(errno)))
            }
        case .device(let path): try Self.write(bytes, to: path, flags: O_WRONLY, syncs: false)
        case .file(let path, let temporary):
            try Self.write(bytes, to: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, syncs: true)
            guard rename(temporary, path) == 0 else {
                throw ReportDestinationError.unwritable(path, reason: String(cString: strerror(errno)))
            }
        }
    }

    /// Takes back what opening left, where nothing will be written.
    package func abandon() {
        if case .file(_, let temporary) = place { unlink(temporary) }
    }

    private static func write(_ bytes: [UInt8], to path: String, flags: Int32, syncs: Bool) throws {
        let descriptor = open(path, flags | O_CLOEXEC, 0o644)
        let isWritten =
            descriptor >= 0 && Terminal(descriptor: descriptor).write(bytes) && (!syncs || fsync(descriptor) == 0)
        let reason = String(cString: strerror(errno))
        if descriptor >= 0 { close(descriptor) }
        guard isWritten else { throw ReportDestinationError.unwritable(path, reason: reason) }
    }
}

/// Why a report cannot be written. One sentence each.
package enum ReportDestinationError: ExitCoded, Hashable {
    case notFormatAndPath(String)
    case unknownFormat(String)
    case evidenceIsWrittenByVerify
    case unwritable(String, reason: String)

    package var exitStatus: ExitStatus { .usage }

    package var description: String {
        switch self {
        case .notFormatAndPath(let argument):
            "--report '\(Sanitizer.singleLine(argument, limit: 80))' is not FORMAT=PATH: write for example json=report.json"
        case .unknownFormat(let name):
            "--report knows no format '\(Sanitizer.singleLine(name, limit: 40))': "
                + "use \(ReportFormat.allCases.map(\.rawValue).joined(separator: " or "))"
        case .evidenceIsWrittenByVerify:
            "evidence is written while a verification runs: give --report evidence=FILE to verify"
        case .unwritable(let path, let reason):
            "the report cannot be written to '\(Sanitizer.singleLine(path, limit: 200))' (\(reason)): choose another path"
        }
    }
}
