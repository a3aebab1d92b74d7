/// One log line as text or JSON, without its newline; both programs write their logs with it.
///
/// Everything passes ``Sanitizer/singleLine(_:limit:)``, so a container's name or a header cannot forge a line.
public struct LogLine: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        /// `2026-11-23T13:19:01.250Z info message key=value`
        case text
        /// `{"time":…,"level":…,"message":…,"key":"value"}`
        case json
    }

    /// The time in RFC 3339; see ``RFC3339/text(unixMilliseconds:)``.
    public var time: String
    public var level: String
    public var message: String
    /// Written in the order of the keys. In JSON, a key that is also one of the line's own is prefixed with `_`.
    public var fields: [String: String]

    public init(time: String, level: String, message: String, fields: [String: String] = [:]) {
        self.time = time
        self.level = level
        self.message = message
        self.fields = fields
    }

    public func formatted(_ format: Format) -> String {
        switch format {
        case .text: text
        case .json: json
        }
    }

    private static let limit = 2_048

    private var text: String {
        let pairs = fields.sorted { $0.key < $1.key }.map { key, value in
            let clean = Sanitizer.singleLine(value, limit: Self.limit)
            let isPlain = !clean.isEmpty && !clean.contains { $0 == " " || $0 == "\"" || $0 == "=" }
            return " \(Self.key(key))=\(isPlain ? clean : Self.quoted(clean))"
        }
        return "\(time) \(level) \(Sanitizer.singleLine(message, limit: Self.limit))\(pairs.joined())"
    }

    private var json: String {
        let own = [("time", time), ("level", level), ("message", message)]
        let names = Set(own.map(\.0))
        let others = fields.sorted { $0.key < $1.key }.map {
            (names.contains($0.key) ? "_\($0.key)" : $0.key, $0.value)
        }
        let members = (own + others).map { key, value in
            "\(Self.quoted(Self.key(key))):\(Self.quoted(Sanitizer.singleLine(value, limit: Self.limit)))"
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func key(_ key: String) -> String {
        Sanitizer.singleLine(key, limit: 64).replacing(" ", with: "_").replacing("=", with: "_")
    }

    /// A JSON string. The text has no control characters, so only two characters need an escape.
    private static func quoted(_ clean: String) -> String {
        "\"" + clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
