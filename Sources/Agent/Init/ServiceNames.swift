import AgentCore
import Shared

/// Names for services that are found, valid and each used once.
enum ServiceNames {
    /// The names for the suggestions, in their order: the tool's name, with its project or stack if others have the same name.
    static func assigned(to suggestions: [SelectorSuggestion]) -> [String] {
        var counts: [String: Int] = [:]
        for suggestion in suggestions { counts[valid(suggestion.name), default: 0] += 1 }
        var names = suggestions.map { suggestion in
            let name = valid(suggestion.name)
            return counts[name] == 1 ? name : valid(suggestion.qualifiedName)
        }
        // A qualified name can be another service's own name, and two texts can become one valid name.
        var taken: Set<String> = []
        let repeated = Set(names.filter { !taken.insert($0).inserted })
        taken = Set(names)
        var seen: Set<String> = []
        for index in names.indices where repeated.contains(names[index]) && !seen.insert(names[index]).inserted {
            let stem = names[index].prefix(sizeLimit - 6)
            var number = 2
            while taken.contains("\(stem)-\(number)") { number += 1 }
            names[index] = "\(stem)-\(number)"
            taken.insert(names[index])
        }
        return names
    }

    private static let sizeLimit = 128

    /// The text as a valid name. One hyphen stands for each run of other characters, and none is at either end.
    static func valid(_ text: String) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            let isAllowed =
                UInt8(exactly: scalar.value)?.isASCIIAlphanumeric == true || "._-".unicodeScalars.contains(scalar)
            if isAllowed {
                name.unicodeScalars.append(scalar)
            } else if !name.hasSuffix("-") {
                name += "-"
            }
        }
        let start = name.drop { $0 == "." || $0 == "-" }.prefix(sizeLimit)
        guard let end = start.lastIndex(where: { $0 != "-" }) else { return "service" }
        return String(start[...end])
    }

    /// True for a name that the engine made up, such as `brave_wozniak`, as containers get without `--name`.
    static func looksGenerated(_ name: String) -> Bool {
        let words = name.split(separator: "_" as Character, omittingEmptySubsequences: false)
        guard words.count == 2 else { return false }
        let isWord = { (word: Substring) in word.count >= 2 && word.utf8.allSatisfy { (97...122).contains($0) } }
        // A number follows if the name was taken.
        let last = words[1].last.map { ("0"..."9").contains($0) } == true ? words[1].dropLast() : words[1]
        return isWord(words[0]) && isWord(last)
    }
}
