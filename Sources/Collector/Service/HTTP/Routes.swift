import HTTPTypes
import Hummingbird

/// Every route of the service, in one place.
///
/// Pages and feeds are added here, too. A path that has no route for a method answers 405.
struct Routes {
    let model: ServiceModel
    let verifications: Verifications
    let events: EventHub
    let hooks: Hooks
    let gate: AccessGate

    /// - Parameter listener: how the address is reached that the router serves.
    func router(_ listener: ListenerAccess) -> Router<ServiceContext> { built(listener).router }

    /// The router, and the methods that each path has.
    func built(_ listener: ListenerAccess) -> (router: Router<ServiceContext>, methods: [String: [HTTPRequest.Method]])
    {
        let router = Router(context: ServiceContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware())
        router.add(middleware: ProblemPageMiddleware())
        router.add(middleware: RequestLimitMiddleware(gate: gate))
        func scoped(_ scope: ServiceConfiguration.Scope) -> RouterGroup<ServiceContext> {
            router.group().add(middleware: AccessMiddleware(gate: gate, scope: scope, listener: listener))
        }
        var paths = PathMethods()
        let health = HealthRoutes(model: model)
        paths.get("/healthz", router) { _, _ in health.live() }
        paths.get("/readyz", router) { _, _ in try await health.ready() }
        paths.get("/api/v1/openapi.json", router) { _, _ in health.description() }

        let read = scoped(.read)
        let metrics = MetricsPage(model: model, counters: verifications.counters, hooks: hooks)
        let fleets = FleetRoutes(model: model)
        let hosts = HostRoutes(model: model)
        let promotions = PromotionRoutes(model: model)
        let runs = VerificationRoutes(model: model, verifications: verifications)
        paths.get("/metrics", read) { request, _ in try metrics.page(request) }
        paths.get("/api/v1/fleets", read) { request, _ in try fleets.fleets(request) }
        paths.get("/api/v1/fleets/:service/:environment/hosts", read, use: fleets.hosts)
        paths.get("/api/v1/hosts/:name", read, use: hosts.host)
        paths.get("/api/v1/commits/:sha", read, use: hosts.commit)
        paths.get("/api/v1/promotions", read) { request, _ in try await promotions.promotions(request) }
        paths.get("/api/v1/verifications/:id", read, use: runs.verification)
        paths.get("/api/v1/verifications/:id/:file", read, use: runs.file)
        paths.get("/api/v1/events", read, use: EventRoutes(hub: events).stream)
        for file in [PageFile.script, .style] {
            paths.get(file.path, router) { request, _ in try file.response(to: request) }
        }
        let login = LoginRoutes(gate: gate, model: model, listener: listener)
        paths.get(LoginRoutes.path, router, use: PageRoutes.inHTML { try login.form($0, $1) })
        paths.on(.post, LoginRoutes.path, router, use: login.signIn)
        paths.get(LoginRoutes.endPath, router, use: PageRoutes.inHTML { try login.endForm($0, $1) })
        paths.on(.post, LoginRoutes.endPath, router, use: login.signOut)
        paths.get("/icon.svg", router) { request, _ in try PageRoutes.icon(request) }
        for (path, page) in PageRoutes(model: model, verifications: verifications).all {
            paths.get(path, read, use: page)
        }

        let verify = scoped(.verify)
        paths.on(.post, "/api/v1/verifications", verify, use: runs.start)
        paths.on(.delete, "/api/v1/verifications/:id", verify, use: runs.interrupt)
        // A signature is as good as a token, so the route checks both.
        paths.on(.post, "/api/v1/hooks/:name", router, use: HookRoutes(model: model, hooks: hooks, gate: gate).receive)
        paths.refuseOthers(router)
        return (router, paths.methods)
    }
}

/// Remembers the methods of each path, to refuse the others with 405 (RFC 9110, section 15.5.6).
private struct PathMethods {
    typealias Handler = @Sendable (Request, ServiceContext) async throws -> Response

    private(set) var methods: [String: [HTTPRequest.Method]] = [:]
    private static let all: [HTTPRequest.Method] =
        [.get, .head, .post, .put, .patch, .delete, .options, .trace] + [HTTPRequest.Method("QUERY")].compactMap { $0 }

    mutating func get(_ path: String, _ group: some RouterMethods<ServiceContext>, use handler: @escaping Handler) {
        on(.get, path, group, use: handler)
    }

    mutating func on(
        _ method: HTTPRequest.Method, _ path: String, _ group: some RouterMethods<ServiceContext>,
        use handler: @escaping Handler
    ) {
        group.on(RouterPath(path), method: method, use: handler)
        methods[path, default: []] += method == .get ? [.get, .head] : [method]
    }

    func refuseOthers(_ router: Router<ServiceContext>) {
        for (path, known) in methods {
            let allowed = known.map(\.rawValue).joined(separator: ", ")
            for method in Self.all where !known.contains(method) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw Problem(
                        .methodNotAllowed, "\(method.rawValue) is not allowed here", remedy: "use \(allowed)",
                        headers: [.allow: allowed])
                }
            }
        }
    }
}
