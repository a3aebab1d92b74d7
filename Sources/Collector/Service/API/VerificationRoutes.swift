import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import Operations
import Reports
import Shared
import Verdict

/// `/api/v1/verifications`.
struct VerificationRoutes {
    let model: ServiceModel
    let verifications: Verifications

    /// The longest hold of `Prefer: wait`, in seconds.
    private static let longestWait = 60

    // MARK: - Start and interrupt

    func start(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let dryRun = try Query(request, ["dry_run"]).one("dry_run") ?? "false"
        guard ["true", "false"].contains(dryRun) else {
            throw Problem.invalid("dry_run", dryRun, expected: "true or false: whether the request is only checked")
        }
        let key = request.headers[named: "Idempotency-Key"]
        guard key.map({ (1...255).contains($0.utf8.count) }) ?? (dryRun == "true") else {
            throw Problem(
                .badRequest, "the Idempotency-Key header is missing, empty or too long",
                remedy: "send a key of at most 255 characters that is the same whenever this request is repeated")
        }
        guard dryRun == "false", let key else { return try await check(request, context) }
        let (wanted, entry) = try await wanted(request, context)
        let (id, isNew) = try await verifications.start(wanted, key: key, on: entry)
        let state = verifications.running(id) == nil ? "finished" : "running"
        let url = "\(model.publicURL ?? "")/api/v1/verifications/\(id)"
        var response = try Response.json(
            StartedBody(id: id, state: state, url: url), status: isNew ? .created : .ok)
        response.headers[.location] = url
        return response
    }

    /// Answers a request that only asks whether a verification would start.
    private func check(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (wanted, entry) = try await wanted(request, context)
        try await verifications.check(wanted, on: entry)
        return Response(status: .noContent)
    }

    private func wanted(
        _ request: Request, _ context: ServiceContext
    ) async throws -> (VerificationRequest, ServiceModel.Entry) {
        let body = try await request.body.collect(upTo: context.maxUploadSize)
        let wanted = try VerificationRequest(Array(body.readableBytesView))
        let entry = try model.entry(
            service: wanted.deployed.name, environment: wanted.deployed.environment.description)
        return (wanted, entry)
    }

    func interrupt(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let signal = try Query(request, ["signal"]).one("signal")
        guard let number = signal.map({ Int32($0) }) ?? 2, [1, 2, 15].contains(number) else {
            throw Problem.invalid("signal", signal ?? "", expected: "1, 2 or 15: the signal that interrupts")
        }
        let id = try context.parameter("id")
        if verifications.interrupt(id, signal: number) { return Response(status: .accepted) }
        // Known and over, or not known at all.
        _ = try await verifications.recorded(id, now: Date())
        throw Problem(
            .conflict, "the verification \(id) is not under way here",
            remedy: "only a verification that this service runs can be interrupted")
    }

    // MARK: - Read

    func verification(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let text = try Query(request, ["hosts"]).one("hosts") ?? "true"
        guard ["true", "false"].contains(text) else {
            throw Problem.invalid("hosts", text, expected: "true or false: whether the report names the hosts")
        }
        let hasHosts = text == "true"
        let id = try context.parameter("id")
        if let seconds = Self.wait(request), let running = verifications.running(id) {
            // Asks for the moment, so that the session has one at its next turn.
            _ = running.monitor.moment
            await running.monitor.changes.wait(after: running.monitor.changes.number, for: .seconds(seconds))
        }
        guard let running = verifications.running(id) else { return try await finished(id, hasHosts: hasHosts) }
        guard let moment = await running.monitor.firstMoment() else { return try Self.begun(id) }
        var report = running.report(at: moment)
        if !hasHosts { report.hosts = [] }
        let (now, freshness) = (ContinuousClock.now, moment.verification.timing.freshness)
        return try Self.envelope(
            id: id, state: "running", report,
            Knowledge(moment.at, isFresh: now - moment.at <= freshness, at: now, wall: Date()))
    }

    /// A verification that nothing is known of yet, or that another process runs.
    private static func begun(_ id: String) throws -> Response {
        try envelope(id: id, state: "running", nil, .nothing)
    }

    private func finished(_ id: String, hasHosts: Bool) async throws -> Response {
        guard var report = try await verifications.recorded(id, now: Date()) else { return try Self.begun(id) }
        if !hasHosts { report.hosts = [] }
        let end = report.verification.finishedAt
        let age = Date(rfc3339: end).map { Duration(clampingSeconds: max(0, Date().timeIntervalSince($0))) }
        let limit = Duration(clampingSeconds: max(report.policy.intervalSeconds, 2) * 3)
        return try Self.envelope(
            id: report.verification.id, state: "finished", report,
            Knowledge(asOf: end, age: age, isFresh: age.map { $0 <= limit } ?? false))
    }

    private static func envelope(
        id: String, state: String, _ report: Report?, _ knowledge: Knowledge
    ) throws -> Response {
        let head = Envelope(
            id: id, state: state, asOf: knowledge.asOf, ageSeconds: knowledge.ageSeconds, fresh: knowledge.isFresh)
        // The report has an encoder of its own, which the command's files come from, too.
        var bytes = Array(try JSONEncoder().encode(head).dropLast())
        bytes += Array(",\"report\":".utf8)
        if let report { bytes += try ReportFormat.json.render(report) } else { bytes += Array("null".utf8) }
        bytes += Array("}".utf8)
        return .bytes(bytes, type: "application/json")
    }

    /// The seconds of `Prefer: wait=N` (RFC 7240); nil without it.
    private static func wait(_ request: Request) -> Int? {
        guard let prefer = request.headers[named: "Prefer"] else { return nil }
        let waits = prefer.split(separator: ",").compactMap { part -> Int? in
            let halves = part.split(separator: "=").map { $0.filter { $0 != " " }.lowercased() }
            return halves.count == 2 && halves[0] == "wait" ? Int(halves[1]) : nil
        }
        return waits.first.map { min(max(0, $0), longestWait) }
    }

    // MARK: - Files

    private static let types: [String: (format: ReportFormat, type: String)] = [
        "report.json": (.json, "application/json"), "report.html": (.html, "text/html; charset=utf-8"),
        "report.md": (.markdown, "text/markdown; charset=utf-8"), "report.xml": (.junit, "application/xml"),
        "report.txt": (.text, "text/plain; charset=utf-8"),
    ]

    func file(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (id, name) = (try context.parameter("id"), try context.parameter("file"))
        let isEvidence = name == "evidence.ndjson"
        let offset = try Query(request, isEvidence ? ["offset"] : []).one("offset")
        if let offset {
            return try await evidence(of: id, from: offset, hold: Self.wait(request) ?? 0)
        }
        guard isEvidence || Self.types[name] != nil else {
            let names = Self.types.keys.sorted() + ["evidence.ndjson"]
            throw Problem.notFound("unknown report file '\(name)'", remedy: "use \(names.joined(separator: ", "))")
        }
        guard verifications.running(id) == nil, let report = try await verifications.recorded(id, now: Date())
        else {
            throw Problem(
                .conflict, "the verification \(id) is under way",
                remedy: "wait until it ends, with GET and 'Prefer: wait=60'")
        }
        if isEvidence { return try await evidence(of: report.verification.id, context) }
        guard let (format, type) = Self.types[name] else { throw HTTPError(.notFound) }
        var response = Response.bytes(try format.render(report), type: type)
        // The report is one file with its own style and script, and may load nothing.
        if format == .html {
            response.headers[.contentSecurityPolicy] =
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
                + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox allow-scripts"
        }
        return response
    }

    /// Evidence from an offset, also while it is being written.
    ///
    /// - Parameter hold: the seconds to wait for more than there is.
    private func evidence(of id: String, from text: String, hold: Int) async throws -> Response {
        guard let offset = Int(text), offset >= 0 else {
            throw Problem.invalid("offset", text, expected: "the number of bytes that are known already")
        }
        if let running = verifications.running(id) {
            let known = running.evidence.number
            if try EvidencePart(verifications.evidencePath(id), from: offset).isEmpty {
                await running.evidence.wait(after: known, for: .seconds(hold))
            }
        }
        // What is over does not grow after this.
        let ended =
            verifications.running(id) == nil
            ? try await verifications.recorded(id, now: Date())?.verification.id : nil
        let part = try EvidencePart(verifications.evidencePath(ended ?? id), from: offset)
        var response = Response.bytes(try part.bytes(), type: "application/x-ndjson")
        response.headers[named: "Buildinfo-Offset"] = "\(offset)"
        if ended != nil { response.headers[named: "Buildinfo-End"] = "\(part.size)" }
        return response
    }

    private func evidence(of id: String, _ context: ServiceContext) async throws -> Response {
        do {
            let body = try await FileIO().loadFile(path: verifications.evidencePath(id), context: context)
            return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
        } catch {
            throw EvidencePart.missing
        }
    }
}

private struct StartedBody: Encodable {
    let id: String
    let state: String
    let url: String
}

private struct Envelope: Encodable {
    let id: String
    let state: String
    @ExplicitNull var asOf: String?
    @ExplicitNull var ageSeconds: Double?
    let fresh: Bool

    private enum CodingKeys: String, CodingKey {
        case id, state, fresh
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }
}
