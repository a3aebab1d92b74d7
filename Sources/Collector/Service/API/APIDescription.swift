/// The OpenAPI description of the routes.
enum APIDescription {
    static var bytes: [UInt8] { PackageResources.openapi_json }
}
