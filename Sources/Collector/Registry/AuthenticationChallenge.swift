/// One challenge of `WWW-Authenticate` (RFC 9110, section 11.6.1). A header may hold several.
///
/// `challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, and the list of parameters and the list of challenges are
/// separated by the same comma: only a tokenizer can distinguish them.
struct AuthenticationChallenge: Hashable, Sendable {
    /// The scheme in lower case.
    var scheme: String
    /// The parameters by name in lower case; the first value of each counts.
    var parameters: [String: String] = [:]

    /// Parses all challenges up to the first syntax error.
    static func all(in text: String) -> [AuthenticationChallenge] {
        var tokenizer = Tokenizer(bytes: Array(text.utf8))
        var challenges: [AuthenticationChallenge] = []
        while true {
            tokenizer.skip { $0 == comma || Tokenizer.isSpace($0) }
            guard let name = tokenizer.token() else { return challenges }
            let start = tokenizer.position
            tokenizer.skip(Tokenizer.isSpace)
            if tokenizer.take(equals), !challenges.isEmpty {
                tokenizer.skip(Tokenizer.isSpace)
                guard let value = tokenizer.quotedOrToken() else { return challenges }
                let key = name.lowercased()
                let last = challenges.count - 1
                if challenges[last].parameters[key] == nil { challenges[last].parameters[key] = value }
            } else {
                tokenizer.position = start
                challenges.append(AuthenticationChallenge(scheme: name.lowercased()))
                tokenizer.skipToken68()
            }
        }
    }

    private static let comma = UInt8(ascii: ",")
    private static let equals = UInt8(ascii: "=")

    private struct Tokenizer {
        let bytes: [UInt8]
        var position = 0

        static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

        mutating func skip(_ isSkipped: (UInt8) -> Bool) {
            while position < bytes.count, isSkipped(bytes[position]) { position += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        mutating func token() -> String? {
            let start = position
            skip(Self.isTokenCharacter)
            return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
        }

        mutating func quotedOrToken() -> String? {
            guard take(UInt8(ascii: "\"")) else { return token() }
            var text: [UInt8] = []
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), position < bytes.count {
                    text.append(bytes[position])
                    position += 1
                } else {
                    text.append(byte)
                }
            }
            return nil
        }

        /// Skips credentials that follow a scheme in place of parameters, as in `Negotiate YII=`.
        mutating func skipToken68() {
            let start = position
            skip(Self.isSpace)
            guard position > start, token() != nil else {
                position = start
                return
            }
            skip { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "/") || Self.isTokenCharacter($0) }
            let end = position
            skip(Self.isSpace)
            guard position == bytes.count || bytes[position] == UInt8(ascii: ",") else {
                // A parameter with a quoted value.
                position = start
                return
            }
            let piece = bytes[start..<end]
            let body = piece.drop(while: Self.isSpace)
            if let sign = body.firstIndex(of: UInt8(ascii: "=")),
                body[sign...].contains(where: { $0 != UInt8(ascii: "=") })
            {
                // A parameter with an unquoted value.
                position = start
            }
        }

        /// RFC 9110, section 5.6.2.
        private static func isTokenCharacter(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
    }
}
