import Foundation
package import Logging
package import Shared

/// A log handler that writes each event as one line to standard error, in the format of ``LogLine``.
package struct StandardErrorLog: LogHandler {
    private let format: LogLine.Format
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    package init(format: LogLine.Format, logLevel: Logger.Level, metadata: Logger.Metadata = [:]) {
        self.format = format
        self.logLevel = logLevel
        self.metadata = metadata
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        let now = RFC3339.text(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        let line = LogLine(time: now, level: event.level.rawValue, message: "\(event.message)", fields: fields)
        Terminal.standardError.write(line.formatted(format) + "\n")
    }
}
