import CollectorSupport
package import Shared
import Verdict

extension [ReportDestination] {
    /// Opens all of them, or none: what was opened before a mistake is taken back.
    package init(opening arguments: [String]) throws(ReportDestinationError) {
        self = []
        do throws(ReportDestinationError) {
            for argument in arguments { append(try ReportDestination(opening: argument)) }
        } catch {
            abandon()
            throw error
        }
    }

    /// Takes back what opening left, where nothing will be written.
    package func abandon() {
        for destination in self { destination.abandon() }
    }

    /// Makes a report and writes it to every destination, to the others too where one cannot be written.
    ///
    /// Where it cannot be made, or one cannot be written, what opening the destinations left behind is taken back.
    ///
    /// - Throws: what making it throws, or ``ReportWriteError`` for the first that could not be written.
    package func deliver(_ make: () async throws -> Report) async throws -> Report {
        let report: Report
        do {
            report = try await make()
        } catch {
            abandon()
            throw error
        }
        var undelivered: ReportWriteError?
        for destination in self {
            do {
                try destination.write(report)
            } catch {
                destination.abandon()
                undelivered = undelivered ?? ReportWriteError(report: report, error: error)
            }
        }
        if let undelivered { throw undelivered }
        return report
    }
}

/// A report that did not arrive where it was wanted: never a success, whatever its verdict.
package struct ReportWriteError: ExitCoded {
    package let report: Report
    package let error: any Error

    /// Something that was needed was unavailable, for example room on a disk. Mistakes in a path were found before.
    package let exitStatus = ExitStatus.unavailable

    package init(report: Report, error: any Error) {
        self.report = report
        self.error = error
    }

    package var description: String { "\(error); the verdict was \(report.verdict.rawValue) (exit \(report.exitCode))" }
}
