import ArgumentParser
import Verdict

/// A value of `--max-stragglers` and its siblings: for the hosts of a label, or for those that no such value is for.
enum ToleranceArgument: Hashable, Sendable {
    case plain(Tolerance)
    case byLabel(GroupTolerance)

    init(argument text: String) throws {
        guard text.contains("=") else {
            self = .plain(try ArgumentText.tolerance(text))
            return
        }
        guard let tolerance = GroupTolerance(parsing: text) else {
            throw ValidationError(
                "'\(text)' is no tolerance by label: write KEY=VALUE:N or KEY=VALUE:P%, for example region=eu:10%")
        }
        self = .byLabel(tolerance)
    }
}

extension [ToleranceArgument] {
    /// The last plain one, as with flags that are no lists; nothing is tolerated where there is none.
    var plain: Tolerance {
        compactMap { if case .plain(let tolerance) = $0 { tolerance } else { nil } }.last ?? .none
    }

    var byLabel: [GroupTolerance] {
        compactMap { if case .byLabel(let tolerance) = $0 { tolerance } else { nil } }
    }
}
