internal import Foundation

/// Finds the commands in a step's output, as the runners of GitHub Actions, Gitea and Forgejo do.
///
/// The rules are those of actions/runner 2.3xx (`ActionCommand.TryParseV2`, `TryParse`, `OutputManager`) and of act
/// (`pkg/runner/command.go`). Both streams are read in the same way.
public enum WorkflowRunner {
    public struct Command: Hashable, Sendable, CustomStringConvertible {
        /// In lower case.
        public var name: String
        public var properties: [String: String]
        public var data: String
        public var description: String { "\(name) \(properties): \(data)" }
    }

    private static let names: Set<String> = [
        "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path",
        "notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
        // Commands of Azure and TeamCity, which count as well.
        "vso", "teamcity",
    ]

    /// All commands in the output, in order.
    public static func commands(in output: String) -> [Command] { lines(output).compactMap(command) }

    /// The lines, split like .NET's `StreamReader.ReadLine` does.
    private static func lines(_ output: String) -> [String] {
        output.unicodeScalars.split { $0 == "\n" || $0 == "\r" }.map { String(String.UnicodeScalarView($0)) }
    }

    private static func command(_ line: String) -> Command? { current(line) ?? old(line) ?? foreign(line) }

    /// `::name key=value,key=value::data`, after white space.
    private static func current(_ line: String) -> Command? {
        let text = String(line.unicodeScalars.drop { $0.properties.isWhitespace || $0 == "\u{200B}" })
        guard let start = text.range(of: "::", options: [.literal, .anchored]),
            let end = text.range(of: "::", options: .literal, range: start.upperBound..<text.endIndex)
        else { return nil }
        let words = text[start.upperBound..<end.lowerBound].split(
            separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = words.first?.lowercased(), names.contains(name) else { return nil }
        let pairs = words.count > 1 ? words[1] : ""
        return Command(
            name: name,
            properties: properties(pairs, separator: ",") {
                unescaped($0, [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")])
            },
            data: unescaped(String(text[end.upperBound...]), [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]))
    }

    /// `##[name key=value;key=value]data`, anywhere.
    private static func old(_ line: String) -> Command? {
        guard let start = line.range(of: "##[", options: .literal),
            let end = line.range(of: "]", options: .literal, range: start.upperBound..<line.endIndex)
        else { return nil }
        let words = line[start.upperBound..<end.lowerBound].split(
            separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = words.first?.lowercased(), names.contains(name) else { return nil }
        return Command(
            name: name, properties: properties(words.count > 1 ? words[1] : "", separator: ";") { $0 },
            data: String(line[end.upperBound...]))
    }

    private static func foreign(_ line: String) -> Command? {
        for name in ["vso", "teamcity"] where line.range(of: "##\(name)[", options: .literal) != nil {
            return Command(name: name, properties: [:], data: line)
        }
        return nil
    }

    private static func properties(
        _ text: some StringProtocol, separator: Character, unescape: (String) -> String
    ) -> [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: separator) {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { result[String(parts[0])] = unescape(String(parts[1])) }
        }
        return result
    }

    private static func unescaped(_ text: String, _ pairs: [(String, String)]) -> String {
        pairs.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    // MARK: - Files

    public struct BadFile: Error, CustomStringConvertible {
        public let description: String
    }

    /// The outputs in a step's `$GITHUB_OUTPUT`, parsed like the runner does: `name=value`, or `name<<DELIMITER`.
    public static func outputs(_ text: String) throws -> [String: String] {
        var result: [String: String] = [:]
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String(String.UnicodeScalarView($0)) }[...]
        while let line = lines.popFirst() {
            if line.isEmpty { continue }
            let equals = line.range(of: "=")?.lowerBound ?? line.endIndex
            let document = line.range(of: "<<")?.lowerBound ?? line.endIndex
            if equals < document {
                result[String(line[..<equals])] = String(line[line.index(after: equals)...])
            } else if document < equals {
                let delimiter = String(line[line.index(document, offsetBy: 2)...])
                let end = lines.firstIndex(of: delimiter)
                guard let end, !delimiter.isEmpty else { throw BadFile(description: "'\(line)' has no end") }
                result[String(line[..<document])] = lines[..<end].joined(separator: "\n")
                lines = lines[(end + 1)...]
            } else {
                throw BadFile(description: "'\(line)' sets nothing")
            }
        }
        return result
    }
}
