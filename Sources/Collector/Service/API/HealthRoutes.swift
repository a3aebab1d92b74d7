import Hummingbird

/// `GET /healthz`, `/readyz` and `/api/v1/openapi.json`.
struct HealthRoutes {
    let model: ServiceModel

    func description() -> Response { .bytes(APIDescription.bytes, type: "application/json") }

    func live() -> Response { .text("ok\n", type: "text/plain; charset=utf-8") }

    func ready() async throws -> Response {
        let obstacles = await model.obstacles()
        guard obstacles.isEmpty else {
            throw Problem(
                .serviceUnavailable, obstacles.joined(separator: "; "),
                remedy: "see 'problem' in GET /api/v1/fleets, and the service's log")
        }
        return .text("ready\n", type: "text/plain; charset=utf-8")
    }
}

/// The OpenAPI description of the routes.
enum APIDescription {
    static var bytes: [UInt8] { PackageResources.openapi_json }
}
