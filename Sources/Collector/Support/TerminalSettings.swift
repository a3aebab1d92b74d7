import Shared

/// The choices about terminal output that environment variables make.
package struct TerminalSettings: Hashable, Sendable {
    /// False in a locale with another encoding than UTF-8, such as C or POSIX. C.UTF-8 is UTF-8.
    let isUTF8: Bool
    /// The width from `COLUMNS`; nil if it is not set or not a positive number.
    let columns: Int?
    /// False without a terminal type, and for a terminal that cannot move its cursor.
    let movesCursor: Bool
    private let color: Color

    private enum Color: Hashable { case always, onTerminals, never }

    package init(environment: [String: String]) {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        // The first variable that is not empty decides, as in setlocale(3).
        let locale = (text("LC_ALL") ?? text("LC_CTYPE") ?? text("LANG") ?? "C").lowercased()
        isUTF8 = locale.contains("utf-8") || locale.contains("utf8")
        columns = text("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        movesCursor = !["dumb", ""].contains(environment["TERM"] ?? "")
        // https://no-color.org, then https://bixense.com/clicolors; FORCE_COLOR is Node's name for CLICOLOR_FORCE.
        let isForced = ["CLICOLOR_FORCE", "FORCE_COLOR"].contains { (text($0) ?? "0") != "0" }
        color =
            if text("NO_COLOR") != nil {
                .never
            } else if isForced {
                .always
            } else if environment["CLICOLOR"] == "0" || !movesCursor {
                .never
            } else {
                .onTerminals
            }
    }

    func usesColor(isTerminal: Bool) -> Bool {
        switch color {
        case .always: true
        case .onTerminals: isTerminal
        case .never: false
        }
    }
}
