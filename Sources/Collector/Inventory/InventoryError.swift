import CollectorSupport
package import Shared
package import Verdict

/// The reason why an inventory cannot be used: one line with the place, the problem and the remedy. It never shows a URL that
/// might contain a secret.
package enum InventoryError: ExitCoded, Hashable {
    /// Missing, not permitted, or a folder.
    case unreadable(source: String, reason: String)
    /// A server that lists hosts gave no usable answer.
    case unavailable(source: String, reason: String)
    case tooLarge(source: String)
    /// Invalid UTF-8, or control characters.
    case notText(SourceLocation, problem: String)
    /// Invalid YAML or JSON, or invalid contents.
    case invalid(SourceLocation, problem: String)
    /// One name for two hosts.
    case duplicate(name: String, SourceLocation, first: SourceLocation)
    /// Two sources name different services, and `--service` is not given.
    case services(SourceLocation, String, first: SourceLocation, String)
    /// Two sources name different environments, and `--environment` is not given.
    case environments(SourceLocation, EnvironmentName, first: SourceLocation, EnvironmentName)
    /// The value of `--service` cannot be part of a URL.
    case unusableService(String)
    /// Neither `--service` nor a source names the service.
    case noService(source: String?)
    /// `--fleet -` is given twice.
    case standardInputTwice

    package var exitStatus: ExitStatus {
        if case .unavailable = self { .unavailable } else { .usage }
    }
}

extension InventoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let source, let reason):
            "\(source): cannot be read (\(reason)): give the path of an inventory file, or - for standard input"
        case .unavailable(let source, let reason):
            "\(source): the list of hosts is unavailable (\(reason)): check the server, or give a file"
        case .tooLarge(let source):
            "\(source): is larger than 64 MiB: split it, or list one host per line"
        case .notText(let place, let problem):
            "\(place): \(problem): an inventory is UTF-8 text (YAML, JSON, or one host per line)"
        case .invalid(let place, let problem): "\(place): \(problem)"
        case .duplicate(let name, let place, let first):
            "\(place): duplicate name '\(Self.shown(name))', first used at \(first): remove one of them, "
                + "or give it another name and a url"
        case .services(let place, let service, let first, let other):
            "\(place): the service '\(Self.shown(service))' contradicts '\(Self.shown(other))' at \(first): "
                + "choose one with --service"
        case .environments(let place, let environment, let first, let other):
            "\(place): the environment '\(environment)' contradicts '\(other)' at \(first): "
                + "choose one with --environment"
        case .unusableService(let name):
            "--service '\(Self.shown(name))' \(ServiceName.rule)"
        case .noService(let source):
            "no service named: give --service NAME"
                + (source.map { ", or write 'service: NAME' at the top of \($0) (in YAML or JSON)" }
                    ?? ", or an inventory with 'service: NAME' at its top")
        case .standardInputTwice:
            "--fleet - is given twice: standard input can be read only once"
        }
    }

    /// Foreign text inside a message.
    static func shown(_ text: some StringProtocol) -> String { Sanitizer.singleLine(text, limit: 80) }
}

/// A place in an inventory: a line of a source, or a `--host`.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// Clean text: a source's name, or `--host`.
    package var source: String
    /// The line, from 1; nil for a `--host`, and for the whole source.
    package var line: Int?

    package init(source: String, line: Int? = nil) {
        self.source = source
        self.line = line
    }

    package var description: String { line.map { "\(source):\($0)" } ?? source }
}
