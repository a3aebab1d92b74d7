import Shared
import Verdict

/// A key of a policy, in the configuration and in the body of a request.
enum PolicyKey: String, CaseIterable, Sendable {
    case timeout, interval
    case requestTimeout = "request_timeout"
    case soak, stall
    case failAfter = "fail_after"
    case maxStragglers = "max_stragglers"
    case maxUnreachable = "max_unreachable"
    case maxFailed = "max_failed"
    case minProven = "min_proven"

    enum ValueError: Error, Hashable {
        case duration(Duration.ParseError)
        case expected(String)

        /// One line about the value of a key.
        func text(_ key: String, _ value: String) -> String {
            let shown = Sanitizer.singleLine(value, limit: 80)
            return switch self {
            case .duration(let error): "\(key) '\(shown)' \(error)"
            case .expected(let what): "invalid \(key) '\(shown)': expected \(what)"
            }
        }
    }

    /// Sets a value as the option of `verify` with the same name would.
    func set(_ text: String, in policy: inout Policy) throws(ValueError) {
        switch self {
        case .timeout: policy.timeout = try Self.duration(text)
        case .interval:
            policy.interval = try Self.duration(text)
            guard policy.interval >= .milliseconds(10) else { throw ValueError.expected("at least 10ms") }
        case .requestTimeout: policy.requestTimeout = try Self.duration(text)
        case .soak: policy.soak = try Self.duration(text, canBeZero: true)
        case .stall: policy.stall = try Self.duration(text)
        case .failAfter:
            guard let count = Int(text), count >= 1 else {
                throw ValueError.expected("a whole number of 1 or more")
            }
            policy.failAfter = count
        case .maxStragglers: policy.maxStragglers = try Self.tolerance(text)
        case .maxUnreachable: policy.maxUnreachable = try Self.tolerance(text)
        case .maxFailed: policy.maxFailed = try Self.tolerance(text)
        case .minProven: policy.minProven = try Self.tolerance(text)
        }
    }

    static func duration(_ text: String, canBeZero: Bool = false) throws(ValueError) -> Duration {
        let duration: Duration
        do throws(Duration.ParseError) { duration = try Duration(parsing: text) } catch { throw .duration(error) }
        guard canBeZero || duration > .zero else { throw .expected("a duration longer than zero") }
        return duration
    }

    private static func tolerance(_ text: String) throws(ValueError) -> Tolerance {
        guard let tolerance = Tolerance(parsing: text) else {
            throw ValueError.expected("a number of hosts or a percentage, for example 3 or 5%")
        }
        return tolerance
    }
}
