import CollectorSupport
import Glibc
package import Shared
import Verdict

/// A destination of a report, opened before the work starts so that a mistake shows at once and not after ten minutes.
///
/// A regular file is written as an ``AtomicFile``, so that a reader never finds half of one. Anything else (a pipe, a device)
/// is written to directly.
package struct ReportDestination: Sendable {
    package let format: ReportFormat
    private let place: Place

    private enum Place: Sendable {
        case standardOutput
        case device(path: String)
        case file(AtomicFile)
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
        if stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
            place = .device(path: path)
            return
        }
        do {
            place = .file(try AtomicFile(path: path))
        } catch {
            throw .unwritable(path, reason: error.reason)
        }
    }

    package var isStandardOutput: Bool {
        if case .standardOutput = place { true } else { false }
    }

    fileprivate var isFile: Bool {
        if case .file = place { true } else { false }
    }

    /// Renders and writes the report.
    package func write(_ report: Report) throws {
        try stage(report)
        try finish(report)
    }

    /// Writes the report beside its file, which takes time, so that ``finish(_:)`` has little left to do. A stream or a
    /// device has no such place.
    fileprivate func stage(_ report: Report) throws {
        guard case .file(let file) = place else { return }
        do {
            try file.stage { try format.write(report, to: &$0) }
        } catch let error as AtomicFile.WriteError {
            throw ReportDestinationError.unwritable(file.path, reason: error.reason)
        }
    }

    /// Puts the staged report in its place, or writes it there.
    fileprivate func finish(_ report: Report) throws {
        switch place {
        case .standardOutput:
            // A reader that closed the pipe has read enough; a full device has not received the report.
            let bytes = try format.render(report, layout: Terminal.standardOutput.layout)
            guard Terminal.standardOutput.write(String(decoding: bytes, as: UTF8.self)) || errno == EPIPE else {
                throw ReportDestinationError.unwritable("standard output", reason: Terminal.reason(errno))
            }
        case .device(let path): try Self.write(try format.render(report, layout: .file), toDevice: path)
        case .file(let file):
            do {
                try file.commit()
            } catch {
                throw ReportDestinationError.unwritable(file.path, reason: error.reason)
            }
        }
    }

    fileprivate func discard() {
        if case .file(let file) = place { file.discard() }
    }

    private static func write(_ bytes: [UInt8], toDevice path: String) throws {
        let descriptor = Terminal.open(device: path)
        let isWritten = descriptor >= 0 && Terminal(descriptor: descriptor).write(bytes)
        let reason = Terminal.reason(errno)
        if descriptor >= 0 { close(descriptor) }
        guard isWritten else { throw ReportDestinationError.unwritable(path, reason: reason) }
    }
}

extension [ReportDestination] {
    package init(opening arguments: [String]) throws(ReportDestinationError) {
        self = []
        for argument in arguments { append(try ReportDestination(opening: argument)) }
    }

    /// Writes a report to every destination, even if one of them fails.
    ///
    /// - Throws: the error of the first destination that failed.
    package func deliver(_ report: Report) async throws(ReportWriteError) { try await staged(report).finish() }

    /// Writes a report beside every file, at the same time, each on a thread of its own. The files themselves do not change
    /// yet.
    package func staged(_ report: Report) async -> StagedReport {
        let failures = await withTaskGroup(of: (Int, any Error)?.self) { group in
            for (index, destination) in enumerated() {
                group.addTask {
                    await OwnThread.run {
                        do {
                            try destination.stage(report)
                            return nil
                        } catch {
                            return (index, error)
                        }
                    }
                }
            }
            var failures: [Int: any Error] = [:]
            for await case (let index, let error)? in group { failures[index] = error }
            return failures
        }
        return StagedReport(report: report, destinations: self, failures: failures)
    }
}

/// A report that is written beside its files, and not in their place yet.
package struct StagedReport: Sendable {
    fileprivate let report: Report
    fileprivate let destinations: [ReportDestination]
    /// The errors, by the index of the destination.
    fileprivate let failures: [Int: any Error]

    /// Puts the report in the place of every file, and writes it to the other destinations, even if one of them fails.
    ///
    /// - Throws: the error of the first destination that failed.
    package func finish() throws(ReportWriteError) {
        var failure: ReportWriteError?
        // Files first: a reader that stopped must not keep them from their place.
        let files = destinations.indices.filter { destinations[$0].isFile }
        let streams = destinations.indices.filter { !destinations[$0].isFile }
        for index in files + streams {
            let destination = destinations[index]
            do {
                if let error = failures[index] { throw error }
                try destination.finish(report)
            } catch {
                failure = failure ?? ReportWriteError(report: report, error: error)
            }
        }
        if let failure { throw failure }
    }

    /// Removes what was written.
    package func discard() {
        for (index, destination) in destinations.enumerated() where failures[index] == nil { destination.discard() }
    }
}

/// A report destination that is invalid or cannot be written.
package enum ReportDestinationError: ExitCoded, Hashable {
    case notFormatAndPath(String)
    case unknownFormat(String)
    case evidenceIsWrittenByVerify
    case unwritable(String, reason: String)

    package var exitStatus: ExitStatus { .usage }

    package var description: String {
        switch self {
        case .notFormatAndPath(let argument):
            "invalid --report '\(Sanitizer.singleLine(argument, limit: 80))': expected FORMAT=PATH, for example json=report.json"
        case .unknownFormat(let name):
            "invalid --report format '\(Sanitizer.singleLine(name, limit: 40))': "
                + "use \(ReportFormat.allCases.map(\.rawValue).joined(separator: " or "))"
        case .evidenceIsWrittenByVerify:
            "evidence is recorded only while a verification runs: give --report evidence=FILE to verify"
        case .unwritable(let path, let reason):
            "cannot write the report to '\(Sanitizer.singleLine(path, limit: 200))' (\(reason)): choose another path"
        }
    }
}

/// A report that could not be written: never a success, whatever its verdict.
package struct ReportWriteError: ExitCoded {
    package let report: Report
    private let error: any Error

    /// Something was unavailable, for example room on a disk. Invalid paths are rejected earlier, with 64.
    package let exitStatus = ExitStatus.unavailable

    package init(report: Report, error: any Error) {
        self.report = report
        self.error = error
    }

    package var description: String { "\(error); the verdict was \(report.verdict.rawValue) (exit \(report.exitCode))" }
}
