import CollectorSupport
package import Shared

/// Why an inventory cannot be used. One line each: where, what, and the remedy. Never shows a URL that may hold a secret.
package enum InventoryError: ExitCoded, Hashable {
    /// Not there, not permitted, a folder.
    case unreadable(source: String, reason: String)
    case tooLarge(source: String)
    /// Not UTF-8, or control characters.
    case notText(SourceLocation, found: String)
    /// No YAML and no JSON.
    case syntax(SourceLocation, problem: String)
    /// Readable, and not what an inventory may say.
    case invalid(SourceLocation, problem: String)
    /// One name for two hosts.
    case duplicate(name: String, SourceLocation, first: SourceLocation)
    /// Two files that each name another service, and no `--service` to decide.
    case services(SourceLocation, String, first: SourceLocation, String)
    /// What `--service` asks for cannot stand in a URL.
    case unusableService(String)
    /// Neither `--service` nor an inventory names the service.
    case noService(source: String?)
    /// `--fleet -` twice: there is only one standard input.
    case standardInputTwice

    package var exitStatus: ExitStatus { .usage }
}

extension InventoryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let source, let reason):
            "\(source): cannot be read (\(reason)): give the path of an inventory file, or - for standard input"
        case .tooLarge(let source):
            "\(source): is larger than 64 MiB: split it, or give a list with one host a line"
        case .notText(let place, let found):
            "\(place): \(found): an inventory is UTF-8 text (YAML, JSON, or one host a line)"
        case .syntax(let place, let problem): "\(place): \(problem)"
        case .invalid(let place, let problem): "\(place): \(problem)"
        case .duplicate(let name, let place, let first):
            "\(place): the name '\(Self.shown(name))' is taken since \(first): remove one of them, "
                + "or give it another name and a url"
        case .services(let place, let service, let first, let other):
            "\(place): names the service '\(Self.shown(service))' where \(first) names '\(Self.shown(other))': "
                + "say with --service which one is meant"
        case .unusableService(let name):
            "--service '\(Self.shown(name))' \(ServiceName.rule)"
        case .noService(let source):
            "no service named: give --service NAME"
                + (source.map { ", or write 'service: NAME' at the top of \($0) (in YAML or JSON)" }
                    ?? ", or an inventory with 'service: NAME' at its top")
        case .standardInputTwice:
            "--fleet - stands twice: standard input can be read only once"
        }
    }

    /// Somebody's text inside a message.
    package static func shown(_ text: some StringProtocol) -> String { Sanitizer.singleLine(text, limit: 80) }
}
