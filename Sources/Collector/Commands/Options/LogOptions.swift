import ArgumentParser
import CollectorSupport
import Logging
import Shared

/// What is logged to standard error, and how.
struct LogOptions: ParsableArguments {
    @Option(
        help: "trace, debug, info, notice, warning, error or critical (default: notice).",
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("'\(text)' is no level: use for example debug, info, notice or warning")
            }
            return level
        })
    var logLevel = Logger.Level.notice

    @Option(
        help: "text or json (default: text).",
        transform: { text in
            guard let format = LogLine.Format(rawValue: text) else {
                throw ValidationError("'\(text)' is no format: use text or json")
            }
            return format
        })
    var logFormat = LogLine.Format.text

    var logger: Logger {
        let (level, format) = (logLevel, logFormat)
        return Logger(label: "buildinfo-collector") { _ in StandardErrorLog(format: format, logLevel: level) }
    }
}
