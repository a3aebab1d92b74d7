import Shared
import Verdict

/// A key of a policy, in the configuration and in the body of a request.
///
/// Each is an option of `verify` with the same name.
enum PolicyKey: String, CaseIterable, Sendable {
    case timeout, interval
    case requestTimeout = "request_timeout"
    case soak, stall
    case failAfter = "fail_after"
    case maxStragglers = "max_stragglers"
    case maxUnreachable = "max_unreachable"
    case maxFailed = "max_failed"
    case minProven = "min_proven"
    case require
    case minHosts = "min_hosts"
    case maxShrink = "max_shrink"

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

    /// Sets the values of a key, as its option would.
    ///
    /// - Parameters:
    ///   - texts: several for tolerances, of which one may be without a label, and for requirements; otherwise one.
    ///   - check: of the inventory, which is not part of the policy.
    func set(_ texts: [String], in policy: inout Policy, _ check: inout InventoryCheck) throws(ValueError) {
        switch self {
        case .maxStragglers: policy.stragglers = try Self.tolerances(texts)
        case .maxUnreachable: policy.unreachable = try Self.tolerances(texts)
        case .maxFailed: policy.failed = try Self.tolerances(texts)
        case .require:
            policy.require = try texts.map { text throws(ValueError) in
                guard let requirement = Requirement(parsing: text) else {
                    throw ValueError.expected("KEY=VALUE:N or KEY=VALUE:P% above 0, for example group=canary:100%")
                }
                return requirement
            }
        default:
            guard let text = texts.first, texts.count == 1 else { throw .expected("one value") }
            try set(text, in: &policy, &check)
        }
    }

    private func set(_ text: String, in policy: inout Policy, _ check: inout InventoryCheck) throws(ValueError) {
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
        case .minProven: policy.minProven = try Self.tolerance(text)
        case .minHosts:
            guard let count = Int(text), count >= 0 else {
                throw ValueError.expected("a whole number of 0 or more")
            }
            check.minimumHosts = count
        case .maxShrink:
            guard case .percent(let percent)? = Tolerance(parsing: text) else {
                throw ValueError.expected("a percentage, for example 20%")
            }
            check.maximumShrinkPercent = percent
        case .maxStragglers, .maxUnreachable, .maxFailed, .require: break
        }
    }

    /// True for a key that takes a list.
    var takesSeveral: Bool {
        switch self {
        case .maxStragglers, .maxUnreachable, .maxFailed, .require: true
        default: false
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

    private static func tolerances(_ texts: [String]) throws(ValueError) -> Tolerances {
        var tolerances = Tolerances()
        var isPlainGiven = false
        for text in texts {
            if text.contains("=") {
                guard let limit = GroupTolerance(parsing: text) else {
                    throw .expected("KEY=VALUE:N or KEY=VALUE:P%, for example region=eu:10%")
                }
                tolerances.byLabel.append(limit)
            } else {
                guard !isPlainGiven else { throw .expected("at most one value without a label") }
                (tolerances.plain, isPlainGiven) = (try tolerance(text), true)
            }
        }
        return tolerances
    }
}
