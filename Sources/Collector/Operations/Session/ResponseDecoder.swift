import FoundationEssentials
import Shared
import Transfer
import Verdict

/// From what came over HTTP to what it says: the one place that decides whether an answer is a buildinfo answer.
struct ResponseDecoder: Sendable {
    private let decoder = JSONDecoder()

    /// Reads an answer. A finding of `.none` carries the reach that it shows, and one clean line on why.
    ///
    /// - Parameter headers: what caches say of themselves there counts: see ``StoredAnswer``.
    func read(status: Int, headers: TransferHeaders = TransferHeaders(), body: [UInt8]) -> Sample.Answer {
        let stored = StoredAnswer(headers)
        switch status {
        case 200: break
        case 401, 403: return .unusable(.auth, detail: "the host refuses access (HTTP \(status))")
        case 300..<400:
            return .unusable(.httpStatus, detail: "answered HTTP \(status), a redirect, which is not followed")
        default: return .unusable(.httpStatus, detail: "answered HTTP \(status)")
        }
        let data = Data(body)
        // Only where the word does not occur at all can there be no such key.
        if !Self.mentionsSchema(body), let answer = plain(data, stored, headers) { return answer }
        do {
            var document = try decoder.decode(Document.self, from: data)
            // Its nonce says whose answer it is, and a cache's clock says when it was made, where that is longer ago.
            if document.ageSeconds >= 0 { document.ageSeconds = max(document.ageSeconds, stored.age) }
            return check(document)
        } catch let error as DecodingError {
            if Self.saysNoSchema(error), let answer = plain(data, stored, headers) { return answer }
            return .unusable(.notBuildinfo, detail: Self.explain(error, body: body))
        } catch {
            return .unusable(.notBuildinfo, detail: Self.describe(body))
        }
    }

    private func check(_ document: Document) -> Sample.Answer {
        let defect: String? =
            if document.schema != Document.schema {
                "schema \(document.schema), and this collector knows only \(Document.schema): update it"
            } else if document.host.id.isEmpty {
                "an empty host id"
            } else if document.ageSeconds < 0 {
                "a negative age_seconds"
            } else if document.instances.count > 256 {
                "more than 256 instances"
            } else {
                nil
            }
        return defect.map { .unusable(.notBuildinfo, detail: "the document has \($0)") } ?? .document(document)
    }

    /// An answer of a host without an agent: an object with `git_sha` and without `schema`; nil where it is none, and the
    /// caller says what is missing for a document.
    private func plain(_ data: Data, _ stored: StoredAnswer, _ headers: TransferHeaders) -> Sample.Answer? {
        do {
            var answer = try decoder.decode(PlainBody.self, from: data).answer
            answer.stored = stored.evidence
            answer.date = headers["date"].flatMap(HTTPDate.seconds)
            if stored.age > 0 { answer.ageSeconds = max(answer.ageSeconds ?? 0, stored.age) }
            return .plain(answer)
        } catch {
            return nil
        }
    }

    /// A search by hand: the standard library's search for a sequence takes longer than decoding the whole answer.
    private static func mentionsSchema(_ body: [UInt8]) -> Bool {
        let word = Array("schema".utf8)
        guard body.count >= word.count else { return false }
        return (0...(body.count - word.count)).contains { start in
            body[start] == word[0] && word.indices.allSatisfy { body[start + $0] == word[$0] }
        }
    }

    private static func saysNoSchema(_ error: DecodingError) -> Bool {
        guard case .keyNotFound(let key, let context) = error else { return false }
        return key.stringValue == "schema" && context.codingPath.isEmpty
    }

    // MARK: - Words

    private static func explain(_ error: DecodingError, body: [UInt8]) -> String {
        switch error {
        case .keyNotFound(let key, _):
            "answered 200 with JSON that has no '\(Sanitizer.singleLine(key.stringValue, limit: 40))'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            context.codingPath.isEmpty ? describe(body) : "answered 200 with a wrong value at '\(path(context))'"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? describe(body) : "answered 200 with a wrong value at '\(path(context))'"
        @unknown default: describe(body)
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        Sanitizer.singleLine(context.codingPath.map(\.stringValue).joined(separator: "."), limit: 80)
    }

    private static func describe(_ body: [UInt8]) -> String {
        guard let first = body.first(where: { ![9, 10, 13, 32].contains($0) }) else {
            return "answered 200 with nothing"
        }
        switch first {
        case UInt8(ascii: "<"): return "answered 200 with HTML, not with a buildinfo document"
        case UInt8(ascii: "{"): return "answered 200 with broken JSON"
        default: return "answered 200 with something that is no buildinfo document"
        }
    }
}
