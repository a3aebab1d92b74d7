import ArgumentParser
import CollectorSupport
import Gate
import Ledger
import Operations
import Registry
import Shared
import Verdict

// Options that take one of an enumeration's raw values. Their own targets do not import the argument parser.
extension ForgeKind: ExpressibleByArgument {}
extension SupersedingRule: ExpressibleByArgument {}
extension ProgressMode: ExpressibleByArgument {}
extension HistoryStatistics.Order: ExpressibleByArgument {}

/// Parsers for option values. The argument parser puts the option and the value in front of each error.
enum ArgumentText {
    static func duration(_ text: String) throws -> Duration {
        try parsed { try Duration(parsing: text) }
    }

    static func gitSHA(_ text: String) throws -> GitSHA {
        try parsed("give the full commit id, as git rev-parse prints it") { try GitSHA(parsing: text) }
    }

    static func digest(_ text: String) throws -> Digest {
        try parsed("give the digest of an index or a manifest") { try Digest(parsing: text) }
    }

    static func imageReference(_ text: String) throws -> ImageReference {
        try required("an image reference, for example registry.example/app:latest", ImageReference(parsing: text))
    }

    static func tolerance(_ text: String) throws -> Tolerance {
        try required("a number of hosts or a percentage, for example 3 or 5%", Tolerance(parsing: text))
    }

    static func candidate(_ text: String) throws -> CandidatePattern {
        try parsed { try CandidatePattern(parsing: text) }
    }

    static func requirement(_ text: String) throws -> Requirement {
        try required(
            "KEY=VALUE:N or KEY=VALUE:P% above 0, for example group=canary:100%", Requirement(parsing: text))
    }

    static func environmentName(_ text: String) throws -> EnvironmentName {
        try required("letters, digits, '.', '_' and '-', at most 128", EnvironmentName(text))
    }

    static func port(_ text: String) throws -> Int {
        try required("a port from 1 to 65535", HostAddress.port(text))
    }

    static func selectorTerm(_ text: String) throws -> HostSelector.Term {
        try required("KEY=VALUE or KEY!=VALUE, for example region=eu", HostSelector.Term(parsing: text))
    }

    static func percent(_ text: String) throws -> Double {
        guard text.hasSuffix("%"), case .percent(let percent)? = Tolerance(parsing: text) else {
            throw expected("a percentage, for example 20%")
        }
        return percent
    }

    static func count(_ text: String) throws -> Int {
        try required("a whole number of 0 or more", Int(text).flatMap { $0 >= 0 ? $0 : nil })
    }

    static func positiveCount(_ text: String) throws -> Int {
        try required("a whole number of 1 or more", Int(text).flatMap { $0 >= 1 ? $0 : nil })
    }

    static func verdict(_ text: String) throws -> Verdict {
        try required("one of " + Verdict.allCases.map(\.rawValue).joined(separator: ", "), Verdict(rawValue: text))
    }

    static func grouping(_ text: String) throws -> HistoryStatistics.Grouping {
        try required(
            "service, host, day, week or label=KEY, for example label=region", HistoryStatistics.Grouping(text))
    }

    static func pastMoment(_ text: String) throws -> TimeCutoff {
        try parsed { try TimeCutoff(parsing: text) }
    }

    /// A duration that may have days and weeks, for retention.
    static func longDuration(_ text: String) throws -> Duration {
        do {
            return try TimeCutoff.duration(text)
        } catch {
            throw expected("a duration, for example 90d, 12w or 36h")
        }
    }

    private static func parsed<Value>(_ remedy: String? = nil, _ parse: () throws -> Value) throws -> Value {
        do {
            return try parse()
        } catch {
            throw ValidationError(["\(error)", remedy].compactMap(\.self).joined(separator: "; "))
        }
    }

    private static func required<Value>(_ what: String, _ value: Value?) throws -> Value {
        guard let value else { throw expected(what) }
        return value
    }

    private static func expected(_ what: String) -> ValidationError { ValidationError("expected \(what)") }
}

// MARK: - Contexts of CI

extension ArgumentText {
    /// The contexts in one value, separated by commas. A comma in parentheses does not separate, because matrix jobs have
    /// such names (`build (ubuntu, 3.11)`), nor does one behind a backslash.
    ///
    /// - Throws: for an empty list, which would be green at once.
    static func contexts(_ text: String) throws -> [String] {
        var names: [String] = []
        var name = ""
        var depth = 0
        var isEscaped = false
        for character in text {
            if isEscaped {
                name.append(character)
                isEscaped = false
                continue
            }
            switch character {
            case "\\": isEscaped = true
            case "," where depth == 0:
                names.append(name)
                name = ""
            default:
                if character == "(" { depth += 1 }
                if character == ")" { depth = max(0, depth - 1) }
                name.append(character)
            }
        }
        names.append(name)
        let given = names.map(\.trimmed).filter { !$0.isEmpty }
        guard !given.isEmpty else { throw expected("at least one context: an empty list would be green at once") }
        if let bad = given.first(where: { $0.utf8.count > 512 || $0.unicodeScalars.contains(where: isControl) }) {
            throw ValidationError(
                "invalid context '\(Sanitizer.singleLine(bad, limit: 60))': expected at most 512 bytes without control "
                    + "characters")
        }
        return given
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }
}

// MARK: - Tolerances

/// A value of `--max-stragglers`, `--max-unreachable` or `--max-failed`: for the hosts with a label, or for all others.
enum ToleranceArgument: Hashable, Sendable {
    case plain(Tolerance)
    case byLabel(GroupTolerance)

    init(argument text: String) throws {
        guard text.contains("=") else {
            self = .plain(try ArgumentText.tolerance(text))
            return
        }
        guard let tolerance = GroupTolerance(parsing: text) else {
            throw ValidationError("expected KEY=VALUE:N or KEY=VALUE:P%, for example region=eu:10%")
        }
        self = .byLabel(tolerance)
    }
}

extension [ToleranceArgument] {
    /// The last plain value, as with an option that is not a list; no tolerance without one.
    var plain: Tolerance {
        compactMap { if case .plain(let tolerance) = $0 { tolerance } else { nil } }.last ?? .none
    }

    var byLabel: [GroupTolerance] {
        compactMap { if case .byLabel(let tolerance) = $0 { tolerance } else { nil } }
    }
}
