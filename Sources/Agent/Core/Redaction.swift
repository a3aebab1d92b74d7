import Shared

/// Replaces secrets in words of foreign text by `***`. It prefers hiding a harmless word to showing a secret.
///
/// It recognises what the names and shapes of secrets have in common: the user part and the query of a URL, values of keys
/// such as `password=` or `"token":`, the arguments of such options, authorization and cookie headers, and long words of
/// letters and digits.
struct Redaction {
    private static let mask = "***"

    /// The words that are still to be hidden.
    private enum Hiding {
        case none, next
        case line
        case until(quote: Character)
    }

    private var hiding = Hiding.none
    private var previousWord = ""

    /// A line of text.
    struct Line {
        /// The words, without white space.
        var words: [String] = []
        /// True if the line is not shown. It can still name the secret that follows.
        var isOverwritten = false
    }

    /// The lines as one, with one space between words.
    mutating func redacted(_ lines: [Line]) -> String {
        var words: [String] = []
        for line in lines {
            for word in line.words {
                guard let shown = redacted(word), !line.isOverwritten else { continue }
                words.append(shown)
            }
            if case .next = hiding {} else { hiding = .none }
        }
        return words.joined(separator: " ")
    }

    /// The word as it can be shown; nil for a word that is hidden by an earlier mask.
    private mutating func redacted(_ word: String) -> String? {
        defer { previousWord = word }
        switch hiding {
        case .none: break
        case .next:
            // `Authorization: Bearer TOKEN`, `password = VALUE`
            if Self.schemes.contains(word.lowercased()) || word == "=" || word == ":" { return word }
            hide(after: word)
            return Self.mask
        case .line: return nil
        case .until(let quote):
            if word.contains(quote) { hiding = .none }
            return nil
        }
        let isAssignment = (word == "=" || word == ":") && Self.isSecret(previousWord)
        if isAssignment || Self.schemes.contains(word.lowercased()) || Self.options.contains(word)
            || Self.isSecretOption(word)
        {
            hiding = .next
            return word
        }
        // `-pVALUE`, as MySQL's programs accept it
        if word.hasPrefix("-p"), word.count > 2 { return "-p\(Self.mask)" }
        if let shown = redactedValue(word) { return shown }
        return Self.withoutLongRuns(Self.withoutURLSecrets(word))
    }

    // MARK: - Values of keys

    private static let schemes: Set<String> = ["bearer", "basic"]
    /// curl's options for a user and a password.
    private static let options: Set<String> = ["-u", "--user", "--proxy-user"]
    /// The headers whose values can contain spaces.
    private static let headers = ["authorization", "cookie"]
    /// The endings of a secret's name, without punctuation.
    private static let names =
        headers + [
            "password", "passwd", "passphrase", "pwd", "pass", "secret", "token", "apikey", "accesskey", "accountkey",
            "authkey", "encryptionkey", "masterkey", "privatekey", "secretkey", "sharedkey", "signingkey", "auth",
            "credential", "credentials", "jwt", "sessionid", "signature",
        ]

    private static func isSecret(_ name: some StringProtocol) -> Bool {
        let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
        return names.contains { plain.hasSuffix($0) }
    }

    private static func isSecretOption(_ word: String) -> Bool {
        word.hasPrefix("--") && !word.contains("=") && isSecret(word)
    }

    /// The word with its rest hidden after a secret's name; nil if it has no such name.
    private mutating func redactedValue(_ word: String) -> String? {
        var name = ""
        for index in word.indices {
            let character = word[index]
            guard character == "=" || character == ":" else {
                if character.isLetter || character.isNumber || "_.-".contains(character) {
                    name.append(character)
                } else if !"\"'\\".contains(character) {
                    name = ""
                }
                continue
            }
            defer { name = "" }
            let value = word[word.index(after: index)...].drop { $0 == "=" || $0 == ":" }
            guard Self.isSecret(name), !value.hasPrefix("//") else { continue }
            let shown = String(word[...index])
            if Self.headers.contains(where: { name.lowercased().hasSuffix($0) }) {
                hiding = .line
                return Self.withoutURLSecrets(shown) + (value.isEmpty ? " " : "") + Self.mask
            }
            guard !value.isEmpty else {
                hiding = .next
                return Self.withoutURLSecrets(shown)
            }
            hide(after: value)
            return Self.withoutURLSecrets(shown) + Self.mask
        }
        return nil
    }

    /// Hides the words up to the closing quote, if the value opens a quote and does not close it.
    private mutating func hide(after value: some StringProtocol) {
        hiding = .none
        guard let quote = value.first, quote == "\"" || quote == "'" else { return }
        if !value.dropFirst().contains(quote) { hiding = .until(quote: quote) }
    }

    // MARK: - Shapes of secrets

    /// The word without the user part of a URL or of an address (`USER:PASSWORD@HOST`), and without a URL's query.
    private static func withoutURLSecrets(_ word: String) -> String {
        var word = word
        let start = word.firstRange(of: "://")?.upperBound
        if start != nil, let query = word.firstIndex(of: "?") { word = word[...query] + mask }
        if let at = word.lastIndex(of: "@"), start.map({ $0 <= at }) ?? word[..<at].contains(":") {
            word = word[..<(start ?? word.startIndex)] + mask + word[at...]
        }
        return word
    }

    /// The length from which a run of letters and digits is taken for a key or a token.
    private static let runLimit = 20

    /// The word without runs of letters and digits that no language has: keys, tokens, hashes.
    private static func withoutLongRuns(_ word: String) -> String {
        let isRun = { (byte: UInt8) in byte.isASCIIAlphanumeric || "+=".utf8.contains(byte) }
        let isPart = { (byte: UInt8) in isRun(byte) || "/_.-~".utf8.contains(byte) }
        let parts = word.utf8.split(omittingEmptySubsequences: false) { !isPart($0) }
        guard parts.contains(where: { $0.count >= runLimit }) else { return word }
        var result = ""
        var index = word.utf8.startIndex
        for part in parts {
            result += word[index..<part.startIndex]
            let hasLongRun = part.split { !isRun($0) }.contains { run in
                run.count >= runLimit && run.contains(where: \.isASCIIDigit) && !run.allSatisfy(\.isASCIIDigit)
            }
            result += hasLongRun ? mask[...] : Substring(part)
            index = part.endIndex
        }
        return result + word[index...]
    }
}
