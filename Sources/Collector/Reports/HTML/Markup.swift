import Shared

/// A piece of HTML in which literals of the source are markup and everything else is text.
///
/// Literals are `StaticString`s, so the compiler ensures that no text made at run time is written unescaped:
///
/// ```swift
/// page += "<td title=\"\(host.url)\">\(host.name, limit: 80)</td>"
/// ```
///
/// Every interpolated string goes through ``Sanitizer`` and is escaped for text and for quoted attributes alike. It must
/// not be inside `<style>`, `<script>`, or an attribute without quotes.
package struct Markup: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// A script element with data that no browser runs.
    ///
    /// - Parameter data: JSON without `<`.
    static func script(data: [UInt8], id: StaticString) -> Markup {
        var result: Markup = "<script type=\"application/json\" id=\"\(id)\">"
        result.bytes += data
        result += "</script>\n"
        return result
    }

    package mutating func reserve(_ capacity: Int) { bytes.reserveCapacity(capacity) }

    package static func += (left: inout Markup, right: Markup) { left.bytes += right.bytes }

    /// The default limit of an interpolated string, in characters. A browser takes seconds to break lines in words of some
    /// thousand letters.
    package static let limit = 512

    /// Appends text, sanitised and escaped.
    fileprivate static func append(_ text: String, limit: Int, to bytes: inout [UInt8]) {
        var text = text
        // Most text is short, plain ASCII and needs no work.
        let isHarmless = text.withUTF8 { buffer in
            buffer.count <= limit && buffer.allSatisfy { Self.isPlain($0) }
        }
        if !isHarmless { text = Sanitizer.singleLine(text, limit: limit) }
        text.withUTF8 { buffer in
            guard !isHarmless else { return bytes.append(contentsOf: buffer) }
            for byte in buffer {
                switch byte {
                case UInt8(ascii: "&"): bytes += "&amp;".utf8
                case UInt8(ascii: "<"): bytes += "&lt;".utf8
                case UInt8(ascii: ">"): bytes += "&gt;".utf8
                case UInt8(ascii: "\""): bytes += "&quot;".utf8
                case UInt8(ascii: "'"): bytes += "&#39;".utf8
                default: bytes.append(byte)
                }
            }
        }
    }

    /// True if a byte is printable ASCII without a meaning in HTML.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "'"): false
        default: byte >= 0x20 && byte <= 0x7E
        }
    }
}

extension Markup: ExpressibleByStringInterpolation {
    package init(stringLiteral literal: StaticString) {
        literal.withUTF8Buffer { bytes = Array($0) }
    }

    package init(stringInterpolation: StringInterpolation) {
        bytes = stringInterpolation.bytes
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var bytes: [UInt8] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + 24 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
        }

        /// Appends markup: a static string is part of this program's source.
        package mutating func appendInterpolation(_ literal: StaticString) { appendLiteral(literal) }

        package mutating func appendInterpolation(_ markup: Markup) { bytes += markup.bytes }

        /// Appends text.
        package mutating func appendInterpolation(_ text: String, limit: Int = Markup.limit) {
            Markup.append(text, limit: limit, to: &bytes)
        }

        package mutating func appendInterpolation(_ number: Int) { bytes += String(number).utf8 }
    }
}

extension [Markup] {
    /// Concatenates the pieces.
    package func joined(by separator: Markup = "") -> Markup {
        var result = Markup()
        for (index, piece) in enumerated() {
            if index > 0 { result += separator }
            result += piece
        }
        return result
    }
}

extension DefaultStringInterpolation {
    /// Markup in a `String` would be escaped as text. If the compiler reports this, a literal lacks the type `Markup`.
    @available(*, unavailable, message: "give the literal the type Markup")
    package mutating func appendInterpolation(_ markup: Markup) {}
}
