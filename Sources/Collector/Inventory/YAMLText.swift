import Shared
import Yams

/// Turns YAML or JSON text into nodes that know their lines, within bounds.
///
/// Anchors and aliases are refused: a list of hosts has no use for them, and nine lines of them can stand for a billion
/// hosts. Scalars stay text, so that a host may be called `no` and a label `08`.
struct YAMLText {
    let source: String

    /// The root of the only document; nil where there is none.
    func compose(_ text: String) throws(InventoryError) -> Node? {
        try refuseBomb(text)
        do {
            let parser = try Parser(yaml: Self.joiningSurrogates(text), resolver: .basic, encoding: .utf8)
            let root = try parser.singleRoot()
            // A node refers to its anchor weakly, and the parser holds it.
            let anchored = withExtendedLifetime(parser) { root.flatMap(Self.firstAnchored) }
            if let anchored {
                throw InventoryError.invalid(place(anchored), problem: Self.anchorProblem)
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

    private static let anchorProblem = "there is a YAML anchor (&): write every host out, without anchors and aliases"

    /// The first node in the text's order that has an anchor; it always stands before its aliases, so that the walk ends
    /// before it would follow one.
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

    /// Refuses what would explode while it is composed (keys are hashed with all that hangs below them): enough anchors and
    /// aliases to multiply. It does not know quotes and comments, and so leaves a few of both to ``firstAnchored``.
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
                throw .invalid(SourceLocation(source: source, line: line), problem: Self.anchorProblem)
            }
            if byte == 10 { line += 1 }
            isTokenStart = byte <= 0x20 || "-?:,[]{}!".utf8.contains(byte)
        }
    }

    // MARK: - Errors

    private func translate(_ error: any Error, _ text: String) -> InventoryError {
        guard let error = error as? YamlError else {
            return .syntax(SourceLocation(source: source, line: nil), problem: "is not readable as YAML or JSON")
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return syntax(line: mark.line, problem, text)
        case .composer(_, let problem, let mark, _):
            if problem.contains("another document") {
                return syntax(line: mark.line, "a second document begins: an inventory is one document", nil)
            }
            return syntax(line: mark.line, problem, nil)
        case .duplicatedKeysInMapping(let keys, let context):
            let key = InventoryError.shown(keys.first ?? "")
            return syntax(line: context.mark.line, "the key '\(key)' stands twice in one mapping: remove one", nil)
        case .reader(let problem, let offset, _, _):
            let line = offset.map { text.utf8.prefix($0).count { $0 == 10 } + 1 }
            return syntax(line: line, problem, nil)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return syntax(line: nil, "is not readable as YAML or JSON", nil)
        }
    }

    private func syntax(line: Int?, _ problem: String, _ text: String?) -> InventoryError {
        let place = SourceLocation(source: source, line: line)
        if let text, let line, Self.isTabbed(line: line, of: text) {
            return .syntax(place, problem: "a tab stands where YAML wants spaces: indent with spaces")
        }
        if problem.contains(": ") { return .syntax(place, problem: problem) }
        return .syntax(place, problem: "no valid YAML or JSON (\(Sanitizer.singleLine(problem))): correct it")
    }

    private static func isTabbed(line: Int, of text: String) -> Bool {
        let lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).dropFirst(line - 1)
        guard let bytes = lines.first else { return false }
        return bytes.prefix { $0 == 32 || $0 == 9 || $0 == UInt8(ascii: "-") }.contains(9)
    }

    // MARK: - JSON

    /// JSON writes characters beyond the first 65,536 as two escapes (RFC 8259, section 7); YAML knows no such pairs. They
    /// are written out here. Anything but JSON passes unchanged.
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
                // With its escaped character, so that `\\ud83d` is a backslash and letters.
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

extension Unicode.Scalar {
    /// The character of a UTF-16 surrogate pair; nil for what is none.
    fileprivate init?(high: UInt32, low: UInt32) {
        guard (0xD800...0xDBFF).contains(high), (0xDC00...0xDFFF).contains(low) else { return nil }
        self.init(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }
}
