import Glibc
import Logging
import Shared

/// Writes each log event as one line to standard error, through ``LogLine``.
struct StandardErrorLog: LogHandler {
    let format: LogLine.Format
    let clock: Clock
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata.mapValues { "\($0)" }
        fields.merge((event.metadata ?? [:]).mapValues { "\($0)" }) { $1 }
        fields = fields.filter { !$0.value.isEmpty }
        let line = LogLine(
            time: RFC3339.text(unixMilliseconds: clock.unixMilliseconds()), level: event.level.rawValue,
            message: "\(event.message)", fields: fields)
        Output.write(line.formatted(format) + "\n", to: STDERR_FILENO)
    }
}
