import AgentCore
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Shared

/// Answers requests from the published documents, which are encoded already.
///
/// A request with a nonce that needs fresher evidence waits for one observation, which all such requests share.
struct Responder: Sendable {
    let documents: DocumentStore
    let source: ReloadableSource
    let metrics: Metrics
    let clock: Clock
    let startedAt: ContinuousClock.Instant
    /// The access control, for metrics about certificates.
    var access = AccessControl.anonymous

    func route(_ target: String) -> Route { Route(target: target, services: documents.services) }

    /// The service to observe before the route can be answered; nil if it can be answered at once.
    func staleService(_ route: Route) -> String? {
        guard case .document(let service, let nonce) = route, let entry = documents.entry(service) else { return nil }
        // Before the first observation, every request needs one, with or without a nonce.
        if entry.startedAt == nil { return service }
        return nonce == nil || source.current.isFresh(entry) ? nil : service
    }

    /// Observes a service. The future completes afterwards, or at the limit; the answer is then the existing evidence with
    /// its age.
    func observe(_ service: String, within limit: TimeAmount, on loop: any EventLoop) -> EventLoopFuture<Void> {
        let done = loop.makePromise(of: Void.self)
        let task = Task.onTaskThread { [source] in
            await source.current.refresh(service)
            done.succeed()
        }
        let late = loop.scheduleTask(in: limit) { done.succeed() }
        done.futureResult.whenComplete { _ in
            late.cancel()
            task.cancel()
        }
        return done.futureResult
    }

    /// True if a held request can be answered with the current evidence: the content has just changed, so the observation is
    /// fresh unless it took long.
    func isFresh(_ route: Route) -> Bool {
        guard case .document(let service, let nonce) = route, let entry = documents.entry(service) else { return true }
        guard nonce != nil, entry.isReadable, let start = entry.startedAt else { return true }
        return clock.now() - start <= ObservationAge.maximum
    }

    /// True if the client already has the content.
    func isUnchanged(_ request: PendingRequest) -> Bool {
        guard let entry = request.service.flatMap({ documents.entry($0) }) else { return false }
        return EntityTags.match(request.ifNoneMatch, tag: entry.body.entityTag)
    }

    func answer(_ request: PendingRequest) -> Answer {
        switch request.route {
        case .notFound: return notFound
        case .badNonce: return .badNonce
        case .health: return .text(.ok, "ok")
        case .metrics:
            let page = MetricsPage(
                entries: documents.entries, counts: metrics.current, now: clock.now(),
                startedAt: startedAt, unixMilliseconds: clock.unixMilliseconds(), expiries: access.expiries)
            return Answer(
                status: .ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(page.text.utf8))
        case .document(let service, let nonce):
            guard let entry = documents.entry(service) else { return notFound }
            var answer = document(entry, nonce: nonce, ifNoneMatch: request.ifNoneMatch)
            if let wait = request.wait { answer.headers.append(("Preference-Applied", "wait=\(wait)")) }
            return answer
        }
    }

    /// The answer to every unknown path: the services, as JSON.
    private var notFound: Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            let body = try encoder.encode(NotFoundBody(services: documents.services))
            return Answer(status: .notFound, contentType: "application/json", body: Array(body))
        } catch {
            return .text(.notFound, "not found")
        }
    }

    private func document(_ entry: DocumentStore.Entry, nonce: Nonce?, ifNoneMatch: [String]) -> Answer {
        let now = clock.now()
        let age = now - (entry.startedAt ?? startedAt)
        var answer = Answer(status: .ok, contentType: "application/json")
        answer.headers = [
            ("ETag", entry.body.entityTag),
            (BuildinfoProtocol.Header.host, entry.body.content.host.id),
            (BuildinfoProtocol.Header.age, DocumentBody.seconds(age)),
        ]
        if let nonce { answer.headers.append((BuildinfoProtocol.Header.nonce, nonce.text)) }
        if EntityTags.match(ifNoneMatch, tag: entry.body.entityTag) {
            answer.status = .notModified
        } else {
            answer.body = entry.body.bytes(
                observedAt: entry.observedAt, age: age, uptime: now - startedAt, nonce: nonce?.text,
                probeLatency: entry.probeLatency)
        }
        return answer
    }
}

/// An HTTP answer: status, headers and body.
struct Answer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var headers: [(String, String)] = []
    var body: [UInt8] = []

    /// All header fields.
    ///
    /// - Parameter isLast: true if the connection ends after the answer.
    func fields(isLast: Bool) -> HTTPHeaders {
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 5)
        fields.add(name: "Cache-Control", value: "no-store")
        fields.add(name: "X-Content-Type-Options", value: "nosniff")
        if status != .notModified {
            fields.add(name: "Content-Type", value: contentType)
            fields.add(name: "Content-Length", value: "\(body.count)")
        }
        for (name, value) in headers { fields.add(name: name, value: value) }
        if isLast { fields.add(name: "Connection", value: "close") }
        return fields
    }

    static func text(_ status: HTTPResponseStatus, _ line: String, headers: [(String, String)] = []) -> Answer {
        Answer(
            status: status, contentType: "text/plain; charset=utf-8", headers: headers, body: Array("\(line)\n".utf8))
    }

    static let badNonce = text(.badRequest, "nonce must be 1 to 128 printable ASCII characters, once, percent-encoded")
    static let methodNotAllowed = text(
        .methodNotAllowed, "only GET and HEAD are allowed", headers: [("Allow", "GET, HEAD")])
    static let bodyRefused = text(.payloadTooLarge, "requests with a body are not accepted")
    static let malformed = text(.badRequest, "malformed request")
    static let uriTooLong = text(.uriTooLong, "the request line is too long")
    static let headersTooLarge = text(.requestHeaderFieldsTooLarge, "the headers are too large")
    static let headersTooSlow = text(.requestTimeout, "the headers took too long")
    static let tooManyConnections = text(
        .serviceUnavailable, "too many connections", headers: [("Retry-After", "1")])
}
