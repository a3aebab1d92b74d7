import Foundation
import Logging
import Shared

/// Writes each log event as one line to standard error, through ``LogLine``.
struct StandardErrorLog: LogHandler {
    let format: LogLine.Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        let now = RFC3339.text(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        let line = LogLine(time: now, level: event.level.rawValue, message: "\(event.message)", fields: fields)
        Terminal.standardError.write(line.formatted(format) + "\n")
    }
}
