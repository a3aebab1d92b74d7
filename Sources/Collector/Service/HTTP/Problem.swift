import CollectorSupport
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Shared
import Verdict

/// An error as a response: `application/problem+json` (RFC 9457) with a remedy.
struct Problem: Error {
    var status: HTTPResponse.Status
    var title: String
    /// What is wrong with this request.
    var detail: String
    /// What to do.
    var remedy: String
    /// The verdict that a verification would end with at once; nil for any other error.
    var verdict: Verdict?
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ detail: String, remedy: String, headers: HTTPFields = HTTPFields()) {
        self.status = status
        title = status.reasonPhrase
        self.detail = Sanitizer.singleLine(detail, limit: 500)
        self.remedy = Sanitizer.singleLine(remedy, limit: 500)
        self.headers = headers
    }

    /// The refusal of an inventory.
    init(_ refusal: Conclusion) {
        self.init(
            .conflict, refusal.reasons.first?.message ?? refusal.verdict.rawValue,
            remedy: "correct the inventory, or the fleet's policy at the service")
        verdict = refusal.verdict
    }

    static func notFound(_ what: String, remedy: String) -> Problem { Problem(.notFound, what, remedy: remedy) }

    static func invalid(_ parameter: String, _ value: String, expected: String) -> Problem {
        Problem(
            .badRequest, "invalid \(parameter) '\(Sanitizer.singleLine(value, limit: 80))'",
            remedy: "give \(expected)")
    }

    /// Something that the service needs does not work now.
    static func unavailable(_ detail: String, headers: HTTPFields = HTTPFields()) -> Problem {
        Problem(
            .serviceUnavailable, detail, remedy: "try again; if the problem persists, check the service's log",
            headers: headers)
    }
}

extension Problem: HTTPResponseError {
    private struct Body: Encodable {
        let type = "about:blank"
        let title: String
        let status: Int
        let detail: String
        let remedy: String
        let verdict: String?
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        let body = Body(
            title: title, status: status.code, detail: detail, remedy: remedy, verdict: verdict?.rawValue)
        var response = try Response.json(body, status: status, type: "application/problem+json")
        for field in headers { response.headers[field.name] = field.value }
        return response
    }
}

extension Response {
    /// A value as JSON with sorted keys.
    static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, type: String = "application/json"
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return .bytes(Array(try encoder.encode(value)), status: status, type: type)
    }

    static func text(_ text: String, status: HTTPResponse.Status = .ok, type: String) -> Response {
        .bytes(Array(text.utf8), status: status, type: type)
    }

    static func bytes(_ bytes: [UInt8], status: HTTPResponse.Status = .ok, type: String) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// Turns every error into a ``Problem``, and gives every response the headers that protect browsers.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let problem as Problem {
            response = try problem.response(from: request, context: context)
        } catch let error as any HTTPResponseError {
            response = try Self.problem(error.status, request).response(from: request, context: context)
        } catch let error as any ExitCoded {
            // For example a ledger that cannot be read now. Its text names a file, and no secret.
            context.logger.error(
                "Request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error.serviceText)"])
            response = try Problem.unavailable(error.serviceText).response(from: request, context: context)
        } catch {
            context.logger.error("Request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            response = try Problem(
                .internalServerError, "the service failed to answer", remedy: "check the service's log"
            ).response(from: request, context: context)
        }
        Self.protect(&response)
        return response
    }

    private static func problem(_ status: HTTPResponse.Status, _ request: Request) -> Problem {
        switch status {
        case .notFound:
            .notFound("there is nothing at \(request.uri.path)", remedy: "GET /api/v1/openapi.json lists the routes")
        case .contentTooLarge: Problem(status, "the body is too large", remedy: "send at most 64 KiB")
        default: Problem(status, "the request is invalid", remedy: "GET /api/v1/openapi.json describes the routes")
        }
    }

    private static func protect(_ response: inout Response) {
        let standard: KeyValuePairs = [
            "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
            "Content-Security-Policy":
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
        ]
        for (name, value) in standard where response.headers[named: name] == nil {
            response.headers[named: name] = value
        }
    }
}
