import Shared

/// Where a list of hosts comes from, as `--fleet` names it.
package enum InventorySource: Hashable, Sendable {
    case file(path: String)
    case standardInput

    /// - Parameter argument: a path; `-` is standard input.
    package init(argument: String) {
        self = argument == "-" ? .standardInput : .file(path: argument)
    }

    /// What errors and reports call it; one clean line.
    package var name: String {
        switch self {
        case .file(let path): path.isEmpty ? "--fleet ''" : Sanitizer.singleLine(path, limit: 200)
        case .standardInput: "standard input"
        }
    }
}
