import FoundationEssentials
import Shared
import Transfer
import Verdict

/// Decodes one HTTP response into a document, an answer of a plain host, or the reason why it is neither.
///
/// A 304 stays unusable here; ``LongPollPlanner`` resolves it with the document that the host served before.
struct ResponseDecoder: Sendable {
    private let decoder = JSONDecoder()
    private let documents = DocumentReader()

    /// Decodes a response. `.unusable` carries the request's outcome and a clean line that explains it.
    ///
    /// - Parameter headers: the traces of caches in them count: see ``StoredAnswer``.
    func read(status: Int, headers: TransferHeaders = TransferHeaders(), body: [UInt8]) -> Sample.Answer {
        locate(status: status, headers: headers, body: body).answer
    }

    /// Decodes a response, and locates the values in an ordinary document's body that change from one answer to the next.
    func locate(
        status: Int, headers: TransferHeaders, body: [UInt8]
    ) -> (answer: Sample.Answer, located: LocatedDocument?) {
        if status == 200, let ordinary = documents.read(body) {
            return (answer(ordinary.document, age: StoredAnswer.age(headers)), ordinary)
        }
        return (readUnusual(status: status, headers: headers, body: body), nil)
    }

    private func readUnusual(status: Int, headers: TransferHeaders, body: [UInt8]) -> Sample.Answer {
        let stored = StoredAnswer(headers)
        switch status {
        case 200: break
        case 401, 403: return .unusable(.auth, detail: "the host refuses access (HTTP \(status))")
        case 404:
            let services = Self.services(body).map { ": this agent serves \($0)" } ?? ""
            return .unusable(.httpStatus, detail: "answered HTTP 404\(services)")
        case 400 where Self.expectsTLS(body):
            return .unusable(.httpStatus, detail: "answered HTTP 400: the port expects TLS")
        case 300..<400:
            return .unusable(.httpStatus, detail: "answered HTTP \(status), a redirect, which is not followed")
        default: return .unusable(.httpStatus, detail: "answered HTTP \(status)")
        }
        let data = Data(body)
        // Without the word, the key cannot exist.
        if !Self.mentionsSchema(body), let answer = plain(data, stored, headers) { return answer }
        do {
            return answer(try decoder.decode(Document.self, from: data), age: stored.age)
        } catch let error as DecodingError {
            if Self.lacksSchema(error), let answer = plain(data, stored, headers) { return answer }
            return .unusable(.notBuildinfo, detail: Self.explain(error, body: body))
        } catch {
            return .unusable(.notBuildinfo, detail: Self.describe(body))
        }
    }

    /// - Parameter age: as in ``StoredAnswer/age``.
    private func answer(_ document: Document, age: Double) -> Sample.Answer {
        var document = document
        // The nonce identifies the answer; a cache's age counts if it is larger than the document's own.
        if document.ageSeconds >= 0 { document.ageSeconds = max(document.ageSeconds, age) }
        let problem: String? =
            if document.schema != Document.schema {
                "schema \(document.schema), but this collector supports only \(Document.schema): update the collector"
            } else if document.host.id.isEmpty {
                "an empty host id"
            } else if document.ageSeconds < 0 {
                "a negative age_seconds"
            } else if document.instances.count > 256 {
                "more than 256 instances"
            } else {
                nil
            }
        return problem.map { .unusable(.notBuildinfo, detail: "the document has \($0)") } ?? .document(document)
    }

    /// The answer of a host without an agent: an object with `git_sha` and without `schema`. If it is nil, the caller
    /// reports what a document would need.
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

    /// A hand-written search: the standard library's search for a sequence takes longer than decoding the whole answer.
    private static func mentionsSchema(_ body: [UInt8]) -> Bool {
        let word = Array("schema".utf8)
        guard body.count >= word.count else { return false }
        return (0...(body.count - word.count)).contains { start in
            body[start] == word[0] && word.indices.allSatisfy { body[start + $0] == word[$0] }
        }
    }

    private static func lacksSchema(_ error: DecodingError) -> Bool {
        guard case .keyNotFound(let key, let context) = error else { return false }
        return key.stringValue == "schema" && context.codingPath.isEmpty
    }

    // MARK: - Refusals

    /// The services that an agent lists in the body of a 404; nil for another server's answer.
    private static func services(_ body: [UInt8]) -> String? {
        struct NotFound: Decodable {
            let services: [String]
            let moreServices: Int?

            enum CodingKeys: String, CodingKey {
                case services
                case moreServices = "more_services"
            }
        }
        guard body.count <= 64 << 10, let found = try? JSONDecoder().decode(NotFound.self, from: Data(body)) else {
            // Any server can answer 404 with anything.
            return nil
        }
        guard !found.services.isEmpty else { return "no service" }
        let shown = found.services.prefix(5)
        // Not a sum: both numbers come from the network.
        let isCut = found.services.count > shown.count || (found.moreServices ?? 0) > 0
        return Sanitizer.singleLine(
            shown.map { Sanitizer.singleLine($0, limit: 64) }.joined(separator: ", ") + (isCut ? " and more" : ""),
            limit: 240)
    }

    /// True for the answer of a TLS port to plain HTTP, as nginx (`The plain HTTP request was sent to HTTPS port`) and Go
    /// (`Client sent an HTTP request to an HTTPS server.`) write it.
    private static func expectsTLS(_ body: [UInt8]) -> Bool {
        let text = String(decoding: body.prefix(2_048), as: UTF8.self)
        return text.contains("HTTPS port") || text.contains("HTTPS server")
    }

    // MARK: - Explanations

    private static func explain(_ error: DecodingError, body: [UInt8]) -> String {
        switch error {
        case .keyNotFound(let key, _):
            "answered 200 with JSON without '\(Sanitizer.singleLine(key.stringValue, limit: 40))'"
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
            return "answered 200 with an empty body"
        }
        switch first {
        case UInt8(ascii: "<"): return "answered 200 with HTML instead of a buildinfo document"
        case UInt8(ascii: "{"): return "answered 200 with malformed JSON"
        default: return "answered 200 with something other than a buildinfo document"
        }
    }
}

/// The headers that tie a response to its request and host: everything that a 304 has to prove on its own.
struct ResponseValidators: Sendable {
    /// The HTTP status; nil without a response.
    var status: Int?
    /// True if the host held the request, as it had asked (RFC 7240, `Preference-Applied`).
    var wasHeld = false
    /// The entity tag; nil unless it can be sent back.
    var tag: String?
    var nonce: String?
    var host: String?
    /// Seconds since the agent's observation.
    var age: Double?

    /// True if the last document still holds.
    var isUnchanged: Bool { status == 304 }

    init() {}

    /// Of an answer that no later one refers to.
    init(repeating headers: TransferHeaders) {
        status = 200
        wasHeld = headers["preference-applied"]?.hasPrefix("wait") ?? false
    }

    init(status: Int, headers: TransferHeaders) {
        self.init(repeating: headers)
        self.status = status
        tag = headers["etag"].flatMap { Self.isUsable($0) ? $0 : nil }
        nonce = headers[BuildinfoProtocol.Header.nonce]
        host = headers[BuildinfoProtocol.Header.host]
        age = headers[BuildinfoProtocol.Header.age].flatMap(Double.init)
            .flatMap { $0.isFinite && $0 >= 0 ? max($0, StoredAnswer.age(headers)) : nil }
    }

    /// True for an entity tag (RFC 9110, section 8.8.3) that is short and fits on a header line.
    private static func isUsable(_ tag: String) -> Bool {
        let quoted = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
        guard quoted.count >= 2, quoted.utf8.count <= 128, quoted.first == "\"", quoted.last == "\"" else {
            return false
        }
        return quoted.dropFirst().dropLast().utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    }
}

/// The JSON of a host without an agent: an object with `git_sha`. Other facts about the build or its state count, too.
private struct PlainBody: Decodable {
    let answer: PlainAnswer

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// A value of any JSON type.
    private enum Value {
        case text(String), number(Double), truth(Bool), null, other
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var answer = PlainAnswer(
            gitSHA: try container.decode(Reported<GitSHA>.self, forKey: Key("git_sha")),
            nonce: try container.decodeIfPresent(String.self, forKey: Key("nonce")))
        func value(_ name: String) -> Value {
            let key = Key(name)
            guard container.contains(key) else { return .null }
            // Each attempt asks for the value's type; a failure means another type.
            if (try? container.decodeNil(forKey: key)) == true { return .null }
            if let truth = try? container.decode(Bool.self, forKey: key) { return .truth(truth) }
            if let number = try? container.decode(Double.self, forKey: key) { return .number(number) }
            if let text = try? container.decode(String.self, forKey: key) { return .text(text) }
            // Health checks with several parts have an overall status.
            if let parts = try? container.nestedContainer(keyedBy: Key.self, forKey: key),
                let text = try? parts.decode(String.self, forKey: Key("status"))
            {
                return .text(text)
            }
            return .other
        }
        switch value("service") {
        case .text(let text): answer.service = text
        case .null: break
        default: answer.problem = "its 'service' is not a name"
        }
        switch value("age_seconds") {
        case .null: break
        case .number(let age) where age >= 0: answer.ageSeconds = age
        default: answer.problem = answer.problem ?? "its 'age_seconds' is not 0 or more"
        }
        if container.contains(Key("instances")) {
            answer.problem = answer.problem ?? "it lists instances, but has no schema to read them by"
        }
        for name in ["dirty", "git_dirty"] {
            if case .truth(true) = value(name) {
                answer.problem = answer.problem ?? "'\(name)' reports a build with uncommitted changes"
            }
        }
        for name in Self.names {
            guard let state = Self.state(of: name, value(name)) else { continue }
            let worst = ServiceState.worst(of: [state, answer.state ?? .serving])
            if worst != .serving, worst != answer.state { answer.stateText = Self.text(name, value(name)) }
            answer.state = worst
        }
        self.answer = answer
    }

    private static func text(_ name: String, _ value: Value) -> String {
        let text =
            switch value {
            case .text(let text): text
            case .number(let number): number == number.rounded() ? "\(Int(clamping: number))" : "\(number)"
            case .truth(let truth): "\(truth)"
            case .null, .other: "something else"
            }
        return Sanitizer.singleLine("\(name): \(text)", limit: 80)
    }

    // MARK: - States

    private static let truths = ["healthy", "ready", "ok", "up", "alive", "live", "serving"]
    private static let names = ["state", "status", "health", "unhealthy", "error"] + truths

    /// The state that a member of this name implies; nil if it implies none.
    private static func state(of name: String, _ value: Value) -> ServiceState? {
        switch name {
        case "state": return state(value)
        case "status": return status(value)
        case "health": return health(value)
        case "unhealthy":
            guard case .truth(true) = value else { return nil }
            return .unhealthy
        case "error":
            switch value {
            case .null, .truth(false): return nil
            case .text(let text): return text.isEmpty ? nil : .starting
            case .number(let number): return number == 0 ? nil : .starting
            case .truth, .other: return .starting
            }
        default:
            guard case .truth(false) = value else { return nil }
            return name == "healthy" ? .unhealthy : .starting
        }
    }

    /// The contract's own words mean the same as in an agent's document. Other words count as serving only if they are known.
    private static func state(_ value: Value) -> ServiceState? {
        switch value {
        case .null: nil
        case .text(let text): ServiceState(rawValue: text.lowercased()) ?? (isFine(text) ? .serving : .starting)
        case .truth, .number, .other: .starting
        }
    }

    /// Services use `status` for many things: only known bad words count.
    private static func status(_ value: Value) -> ServiceState? {
        switch value {
        case .text(let text): isBad(text) ? .starting : nil
        case .truth(let truth): truth ? nil : .starting
        case .number(let number): (400..<600).contains(number) ? .starting : nil
        case .null, .other: nil
        }
    }

    private static func health(_ value: Value) -> ServiceState? {
        if case .text(let text) = value, text.lowercased() == "unhealthy" { return .unhealthy }
        return status(value)
    }

    private static func isFine(_ text: String) -> Bool {
        [
            "running", "up", "ok", "healthy", "ready", "active", "live", "alive", "pass", "passing", "available",
            "started", "green",
        ]
        .contains(text.lowercased())
    }

    private static func isBad(_ text: String) -> Bool {
        let word = text.lowercased()
        if let state = ServiceState(rawValue: word) { return state != .serving }
        return [
            "down", "error", "errored", "fail", "failed", "failing", "failure", "critical", "unavailable", "not_ready",
            "notready", "not ready", "unready", "degraded", "dead", "stopped", "stopping", "shutting_down", "draining",
            "maintenance", "initializing", "initialising", "booting", "warming", "warming_up", "pending", "red",
            "out_of_service", "crashed", "crashloopbackoff", "ko", "nok",
        ].contains(word)
    }
}

extension Int {
    fileprivate init(clamping value: Double) {
        self = value.isFinite && abs(value) < 1e15 ? Int(value) : 0
    }
}
