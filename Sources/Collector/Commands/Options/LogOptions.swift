import ArgumentParser
import Logging
import Shared

/// What is logged to standard error, and how.
struct LogOptions: ParsableArguments {
    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = Logger.Level.notice

    @Option(help: "text or json.")
    var logFormat = LogLine.Format.text

    var logger: Logger {
        let (level, format) = (logLevel, logFormat)
        return Logger(label: "buildinfo-collector") { _ in StandardErrorLog(format: format, logLevel: level) }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogLine.Format: @retroactive ExpressibleByArgument {}
