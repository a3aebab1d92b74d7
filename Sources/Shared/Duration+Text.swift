/// Durations as people write and read them: `500ms`, `10s`, `5m`, `1h`, `1m30s`.
extension Duration {
    /// Parses one or more numbers with a unit each (`ms`, `s`, `m`, `h`, `d`), largest first by convention.
    ///
    /// - Throws: ``ParseError``. A number without a unit is refused, because its unit would be a guess. Durations above ten
    ///   years are refused, too.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        var rest = text[...]
        guard !rest.isEmpty else { throw .empty }
        var milliseconds = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let value = Double(number) else { throw .noNumber }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            guard let factor = Self.millisecondsByUnit[String(unit)] else {
                throw unit.isEmpty ? .noUnit : .unknownUnit
            }
            rest = rest[unit.endIndex...]
            milliseconds += value * factor
        }
        guard milliseconds <= 10 * 366 * 86_400_000 else { throw .tooLong }
        self = .milliseconds(Int64(milliseconds.rounded()))
    }

    private static var millisecondsByUnit: [String: Double] {
        ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    }

    /// Seconds as a floating-point number, for arithmetic and JSON.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// Creates a duration from seconds, rounded to nanoseconds and clamped to ±100 years; not-a-number is zero.
    public init(clampingSeconds seconds: Double) {
        guard !seconds.isNaN else {
            self = .zero
            return
        }
        let limit = 100.0 * 366 * 86_400
        self = .nanoseconds(Int64((Swift.min(Swift.max(seconds, -limit), limit) * 1e9).rounded()))
    }

    /// The duration in one or two units: `850ms`, `4.2s`, `3m 5s`, `2h 10m`, `4d 3h`.
    public var brief: String {
        let total = seconds
        if total < 0 { return "-" + (Duration.zero - self).brief }
        if total < 0.9995 { return "\(Int((total * 1_000).rounded()))ms" }
        if total < 9.95 { return "\(Double(Int((total * 10).rounded())) / 10)s" }
        let whole = Int(total.rounded())
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3_600: return "\(whole / 60)m \(whole % 60)s"
        case ..<86_400: return "\(whole / 3_600)h \(whole % 3_600 / 60)m"
        default: return "\(whole / 86_400)d \(whole % 86_400 / 3_600)h"
        }
    }

    /// The reason why a text is not a duration, as a predicate.
    public enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        case empty
        case noNumber
        case noUnit
        case unknownUnit
        case tooLong

        public var description: String {
            let remedy = "write for example 500ms, 10s, 5m or 1h"
            return switch self {
            case .empty: "is empty: \(remedy)"
            case .noNumber: "is not a duration: \(remedy)"
            case .noUnit: "has no unit: \(remedy)"
            case .unknownUnit: "has an unknown unit: \(remedy)"
            case .tooLong: "is longer than ten years"
            }
        }
    }
}
