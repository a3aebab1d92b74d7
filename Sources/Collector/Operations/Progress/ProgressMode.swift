import CollectorSupport
import Verdict

/// How progress is shown on standard error.
package enum ProgressMode: String, CaseIterable, Sendable {
    /// Live on a terminal, plain elsewhere.
    case auto
    case live
    case plain
    case none

    /// The observer that shows it; nil for none.
    func observer(on terminal: Terminal, environment: [String: String]) -> (any SessionObserver)? {
        switch self {
        case .auto where terminal.isInteractive(environment: environment), .live:
            LiveProgress(terminal: terminal, usesColor: environment["NO_COLOR", default: ""].isEmpty)
        case .auto, .plain: PlainProgress(terminal: terminal)
        case .none: nil
        }
    }
}
