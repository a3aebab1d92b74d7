import Shared
import Yams

/// Parses YAML or JSON text into nodes with line numbers, within limits.
///
/// Anchors and aliases are refused: a list of hosts has no use for them, and nine lines of them can expand to a billion
/// hosts. Scalars stay text, so that a host can be called `no` and a label `08`.
struct YAMLText {
    let source: String
    /// What an anchor would have been written for.
    var repeated = "every host"

    /// The root of the only document; nil if it does not exist.
    func compose(_ text: String) throws(InventoryError) -> Node? {
        try refuseBomb(text)
        do {
            let parser = try Parser(yaml: Self.joiningSurrogates(text), resolver: .basic, encoding: .utf8)
            let root = try parser.singleRoot()
            // Nodes refer weakly to their anchors, which the parser holds.
            let anchored = withExtendedLifetime(parser) { root.flatMap(Self.firstAnchored) }
            if let anchored {
                throw InventoryError.invalid(place(anchored), problem: anchorProblem)
            }
            return root
        } catch let error as InventoryError {
            throw error
        } catch {
            throw translate(error, text)
        }
    }

    func place(_ node: Node) -> SourceLocation {
        SourceLocation(source: source, line: node.mark?.line)
    }

    // MARK: - Anchors

    private var anchorProblem: String { "YAML anchors (&) are not supported: write out \(repeated)" }

    /// The first node with an anchor, in the order of the text. An anchor precedes its aliases, so no alias is followed.
    private static func firstAnchored(_ node: Node) -> Node? {
        if node.anchor != nil { return node }
        switch node {
        case .scalar, .alias: return nil
        case .sequence(let nodes):
            for child in nodes {
                if let found = firstAnchored(child) { return found }
            }
        case .mapping(let pairs):
            for (key, value) in pairs {
                if let found = firstAnchored(key) ?? firstAnchored(value) { return found }
            }
        }
        return nil
    }

    /// Refuses text with enough anchors and aliases to multiply, which would explode while it is composed (keys are hashed with
    /// everything below them). It ignores quotes and comments, and therefore leaves small numbers to ``firstAnchored(_:)``.
    private func refuseBomb(_ text: String) throws(InventoryError) {
        var anchors = 0
        var aliases = 0
        var line = 1
        var isTokenStart = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&") where isTokenStart: anchors += 1
            case UInt8(ascii: "*") where isTokenStart: aliases += 1
            default: break
            }
            if anchors > 2, aliases > 16 {
                throw .invalid(SourceLocation(source: source, line: line), problem: anchorProblem)
            }
            if byte == 10 { line += 1 }
            isTokenStart = Self.endsToken(byte)
        }
    }

    private static func endsToken(_ byte: UInt8) -> Bool {
        switch byte {
        case ...0x20, UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "!"):
            true
        default: false
        }
    }

    // MARK: - Errors

    private func translate(_ error: any Error, _ text: String) -> InventoryError {
        guard let error = error as? YamlError else {
            return invalid(line: nil, "invalid YAML or JSON: correct it")
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return Self.isIndentedWithTab(line: mark.line, of: text)
                ? invalid(line: mark.line, "tab in the indentation: indent with spaces")
                : syntaxError(line: mark.line, problem)
        case .composer(_, let problem, let mark, _):
            return problem.contains("another document")
                ? invalid(line: mark.line, "a second YAML document begins: write one document per file")
                : syntaxError(line: mark.line, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            return invalid(
                line: context.mark.line, "duplicate key '\(InventoryError.shown(keys.first ?? ""))': remove one")
        case .reader(let problem, let offset, _, _):
            return syntaxError(line: offset.map { text.utf8.prefix($0).count { $0 == 10 } + 1 }, problem)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return invalid(line: nil, "invalid YAML or JSON: correct it")
        }
    }

    private func syntaxError(line: Int?, _ problem: String) -> InventoryError {
        invalid(line: line, "invalid YAML or JSON (\(Sanitizer.singleLine(problem))): correct it")
    }

    private func invalid(line: Int?, _ problem: String) -> InventoryError {
        .invalid(SourceLocation(source: source, line: line), problem: problem)
    }

    private static func isIndentedWithTab(line: Int, of text: String) -> Bool {
        let lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).dropFirst(line - 1)
        guard let bytes = lines.first else { return false }
        return bytes.prefix { $0 == 32 || $0 == 9 || $0 == UInt8(ascii: "-") }.contains(9)
    }

    // MARK: - JSON

    /// Replaces surrogate pairs in JSON, which escapes characters beyond U+FFFF as two escapes (RFC 8259, section 7). YAML has
    /// no such pairs. Other text is unchanged.
    private static func joiningSurrogates(_ text: String) -> String {
        guard let first = text.utf8.first(where: { $0 > 0x20 }), "{[".utf8.contains(first),
            text.utf8.contains(UInt8(ascii: "\\"))
        else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\") {
                if let high = escape(bytes, index), let low = escape(bytes, index + 6),
                    let scalar = Unicode.Scalar(high: high, low: low)
                {
                    result += Array(String(scalar).utf8)
                    index += 12
                    continue
                }
                // With its escaped character, so that `\\ud83d` stays a backslash and letters.
                result += bytes[index..<min(index + 2, bytes.count)]
                index += 2
                continue
            }
            result.append(bytes[index])
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func escape(_ bytes: [UInt8], _ index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        return UInt32(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}

extension Node {
    /// True for an absent value, `~` and `null`.
    var isNull: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }
}

extension Unicode.Scalar {
    /// The character of a UTF-16 surrogate pair; nil for other values.
    fileprivate init?(high: UInt32, low: UInt32) {
        guard (0xD800...0xDBFF).contains(high), (0xDC00...0xDFFF).contains(low) else { return nil }
        self.init(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }
}
