import HTTPTypes
import Hummingbird
import Logging
import Reports
import Shared

/// The pages for people, from the same boards and ledger as the API.
struct PageRoutes {
    let model: ServiceModel
    let verifications: Verifications

    typealias Handler = @Sendable (Request, ServiceContext) async throws -> Response

    /// Every path with the scope `read`.
    var all: [(path: String, handler: Handler)] {
        let (overview, fleet, host) = (
            OverviewPage(model: model), FleetPage(model: model), HostDetailsPage(model: model)
        )
        let (promotions, commit) = (PromotionsPage(model: model), CommitDetailsPage(model: model))
        let verification = VerificationPage(model: model, verifications: verifications)
        let pages: [(path: String, handler: Handler)] = [
            ("/", { request, _ in try overview.page(request) }),
            ("/fleets/:service/:environment", { try await fleet.page($0, $1) }),
            ("/hosts/:name", { try await host.page($0, $1) }),
            ("/promotions", { request, _ in try await promotions.page(request) }),
            ("/commits/:sha", { try await commit.page($0, $1) }),
            ("/verifications/:id", { try await verification.page($0, $1) }),
        ]
        let badge = Badge(model: model)
        let badges: Handler = { try badge.answer($0, $1) }
        return pages.map { ($0.path, Self.inHTML($0.handler)) } + [("/badge/:service/:file", badges)]
    }

    /// Refuses clients that accept no HTML.
    static func inHTML(_ handler: @escaping Handler) -> Handler {
        { request, context in
            guard AcceptedType.html.isAccepted(by: request) else {
                throw Problem(.notAcceptable, "this is a page in HTML", remedy: "accept text/html, or use /api/v1")
            }
            return try await handler(request, context)
        }
    }

    /// `GET /icon.svg`, for everybody.
    static func icon(_ request: Request) throws -> Response {
        _ = try Query(request, [])
        var response = Response.bytes(ServiceStyle.icon.bytes, type: "image/svg+xml")
        response.headers[.cacheControl] = "public, max-age=86400"
        return response
    }
}

/// Turns errors into pages for browsers. Programs get them as JSON, and so does everybody from the routes of the API.
struct ProblemPageMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    private static let forPrograms = ["/healthz", "/metrics", "/readyz"]

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard !path.hasPrefix("/api/"), !Self.forPrograms.contains(path), AcceptedType.html.isNamed(by: request) else {
            return try await next(request, context)
        }
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            guard problem.status == .unauthorized, request.isSafe, request.headers[.authorization] == nil else {
                return ProblemPage(problem: problem).response
            }
            let here = request.uri.query.map { "\(path)?\($0)" } ?? path
            return LoginRoutes.redirect(LoginRoutes.link(here == "/" ? nil : ReturnPath.checked(here)))
        } catch let error as any HTTPResponseError where error.status == .notFound {
            return ProblemPage(
                problem: .notFound("there is no page at \(path)", remedy: "begin at the overview")
            ).response
        } catch let error as any ExitCoded {
            // For example a ledger that cannot be read now. Its text names a file, and no secret.
            context.logger.error("Request failed", metadata: ["path": "\(path)", "error": "\(error.serviceText)"])
            return ProblemPage(problem: .unavailable(error.serviceText)).response
        }
    }
}
