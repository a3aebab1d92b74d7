import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Shared

/// Finds the mistake in arguments that could not be parsed if the parser reports only a consequence of it: it reports
/// missing options before unknown ones, and takes a value that begins with a dash for an option.
struct CommandLineMistakes {
    /// A command, as the parser describes it for `--experimental-dump-help`.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String

                var text: String { (kind == "long" ? "--" : "-") + name }
            }

            var kind: String
            var names: [Name]?
            var isRepeating: Bool?
        }

        /// The commands above this one, the program first.
        var superCommands: [String]?
        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?

        func names(ofKind kind: String) -> Set<String> {
            Set((arguments ?? []).filter { $0.kind == kind }.flatMap { $0.names ?? [] }.map(\.text))
        }

        /// The most words that are neither options nor commands.
        var positionalLimit: Int {
            let positional = (arguments ?? []).filter { $0.kind == "positional" }
            return positional.contains { $0.isRepeating == true } ? .max : positional.count
        }
    }

    private struct Dump: Decodable {
        var command: Command
    }

    private let root: Command

    /// nil if the parser does not describe itself.
    init?() {
        do {
            _ = try Collector.parseAsRoot(["--experimental-dump-help"])
            return nil
        } catch {
            let text = Collector.fullMessage(for: error)
            guard let dump = try? JSONDecoder().decode(Dump.self, from: Data(text.utf8)) else { return nil }
            root = dump.command
        }
    }

    /// The error for the first unknown command or option, or for a word too many; nil if all are known.
    func unknown(in arguments: [String]) -> String? {
        var command = root
        var isPath = true
        var words = 0
        var index = arguments.startIndex
        while index < arguments.endIndex, arguments[index] != "--" {
            let word = arguments[index]
            index += 1
            guard word.hasPrefix("-"), word.count > 1, !Self.isNegative(word) else {
                guard isPath, let subcommands = command.subcommands, !subcommands.isEmpty else {
                    words += 1
                    guard words <= command.positionalLimit else {
                        return
                            "unexpected argument '\(Sanitizer.singleLine(word, limit: 80))': \(Self.help(of: command))"
                    }
                    continue
                }
                // `help COMMAND` names a command in the same way.
                if word == "help", command.commandName == root.commandName { continue }
                guard let next = subcommands.first(where: { $0.commandName == word }) else {
                    return Self.message("command", word, among: subcommands.map(\.commandName), of: command)
                }
                command = next
                continue
            }
            isPath = isPath && command.subcommands?.isEmpty == false
            let name = String(word.prefix { $0 != "=" })
            let options = command.names(ofKind: "option")
            let flags = command.names(ofKind: "flag").union(["--help", "-h", "--version"])
            if options.contains(name) {
                // The next word is the value, unless it is a known option, which means that the value is missing.
                if !word.contains("="), index < arguments.endIndex,
                    !options.union(flags).contains(String(arguments[index].prefix { $0 != "=" }))
                {
                    index += 1
                }
            } else if !flags.contains(name), !name.hasPrefix("--experimental-"), !name.hasPrefix("--generate-") {
                return Self.message("flag", name, among: Array(options.union(flags)), of: command)
            }
        }
        return nil
    }

    /// The arguments with every negative number tied to its option by `=`, so that the parser can report the value.
    func tied(_ arguments: [String]) -> [String] {
        var command = root
        var tied: [String] = []
        for word in arguments {
            if let next = command.subcommands?.first(where: { $0.commandName == word }) { command = next }
            if Self.isNegative(word), let last = tied.last, command.names(ofKind: "option").contains(last) {
                tied[tied.endIndex - 1] = "\(last)=\(word)"
            } else {
                tied.append(word)
            }
        }
        return tied
    }

    private static func isNegative(_ word: String) -> Bool {
        word.hasPrefix("-") && word.dropFirst().first.map { $0.isASCII && $0.isNumber || $0 == "." } ?? false
    }

    private static func message(_ kind: String, _ word: String, among known: [String], of command: Command) -> String {
        let near = Suggestion.question(
            about: word, among: known.filter { $0.hasPrefix("--") || kind == "command" })
        return "unknown \(kind) '\(Sanitizer.singleLine(word, limit: 80))': " + (near ?? help(of: command))
    }

    private static func help(of command: Command) -> String {
        "see \((command.superCommands ?? []).map { $0 + " " }.joined())\(command.commandName) --help"
    }
}
