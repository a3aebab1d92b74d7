import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Shared

/// The query of a request, with values decoded once and checked.
struct Query {
    private let pairs: [(name: String, value: String)]

    /// - Parameters:
    ///   - known: the names that the route has. Others are a mistake: an ignored filter shows too much.
    ///   - canBeEmpty: those that a form sends empty, which count as absent then.
    /// - Throws: ``Problem`` for a name that is unknown, another empty value, or text that is not UTF-8.
    init(_ request: Request, _ known: [String], canBeEmpty: Set<String> = []) throws(Problem) {
        try self.init(parsing: request.uri.query ?? "", known, canBeEmpty: canBeEmpty)
    }

    /// The fields of a form, which are written as a query.
    init(parsing text: String, _ known: [String], canBeEmpty: Set<String> = []) throws(Problem) {
        var pairs: [(String, String)] = []
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = halves.map { Self.decoded($0) }
            guard let name = decoded[0], let value = decoded.count == 2 ? decoded[1] : "" else {
                throw Problem(
                    .badRequest, "the query is not percent-encoded UTF-8", remedy: "encode '%' itself as %25")
            }
            guard known.contains(name) else {
                let near = Suggestion.question(about: name, among: known)
                throw Problem(
                    .badRequest, "unknown parameter '\(Sanitizer.singleLine(name, limit: 80))'",
                    remedy: near ?? (known.isEmpty ? "remove it" : "use \(known.joined(separator: ", "))"))
            }
            guard !value.isEmpty || canBeEmpty.contains(name) else {
                throw Problem(.badRequest, "the parameter '\(name)' is empty", remedy: "give it a value, or omit it")
            }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    private static func decoded(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }

    /// The values of a parameter that may be repeated, without empty ones.
    func all(_ name: String) -> [String] { pairs.filter { $0.name == name && !$0.value.isEmpty }.map(\.value) }

    /// The value of a parameter; nil without one.
    ///
    /// - Throws: ``Problem`` if it is repeated.
    func one(_ name: String) throws(Problem) -> String? {
        guard pairs.count(where: { $0.name == name }) <= 1 else {
            throw Problem(.badRequest, "the parameter '\(name)' is repeated", remedy: "give it once")
        }
        return all(name).first
    }

    /// The most entries of a page.
    func limit(standard: Int = 100) throws(Problem) -> Int {
        guard let text = try one("limit") else { return standard }
        guard let limit = Int(text), (1...1_000).contains(limit) else {
            throw .invalid("limit", text, expected: "a number from 1 to 1000")
        }
        return limit
    }

    /// The parts of the cursor; nil on the first page.
    func cursor(parts: Int) throws(Problem) -> [String]? {
        guard let text = try one("cursor") else { return nil }
        guard let cursor = Cursor(text), cursor.parts.count == parts else {
            throw .invalid("cursor", text, expected: "the 'next' of the page before, unchanged")
        }
        return cursor.parts
    }

    /// The link to the next page (RFC 8288): this request with another cursor.
    func next(_ request: Request, _ cursor: String) -> String {
        let kept = pairs.filter { $0.name != "cursor" } + [(name: "cursor", value: cursor)]
        let query = kept.map { "\($0.name.percentEncoded)=\($0.value.percentEncoded)" }.joined(separator: "&")
        return "<\(request.uri.path)?\(query)>; rel=\"next\""
    }
}

/// The place after which a page begins: the sort key of the last entry of the page before, in an opaque form.
struct Cursor {
    let parts: [String]

    init(_ parts: [String]) {
        self.parts = parts
    }

    /// nil for text that ``text`` did not make.
    init?(_ text: String) {
        guard text.utf8.count <= 2_048, let bytes = Base64URL.decode(text),
            let decoded = String(validating: bytes, as: UTF8.self)
        else { return nil }
        parts = decoded.split(separator: "\u{0}", omittingEmptySubsequences: false).map(String.init)
    }

    var text: String { Base64URL.encode(Array(parts.joined(separator: "\u{0}").utf8)) }
}
