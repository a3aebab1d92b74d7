import Glibc
import Logging
import Shared

/// Writes each log event as one line to standard error, formatted by ``LogLine``.
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

/// The environment, arguments and standard streams of a command; tests replace them.
struct Console: Sendable {
    var environment: [String: String]
    /// The command line as given, which a reload parses again with the new configuration file.
    var arguments: [String] = []
    var output: @Sendable (String) -> Void
    var error: @Sendable (String) -> Void

    @TaskLocal static var current = Console(
        environment: [:],
        output: { Output.write($0, to: STDOUT_FILENO) },
        error: { Output.write($0, to: STDERR_FILENO) })
}

/// Output to a standard stream.
enum Output {
    /// Writes a short text in one call, so lines of several threads do not mix. A closed stream is ignored.
    static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
