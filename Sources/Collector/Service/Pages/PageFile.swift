import Hummingbird
import Reports
import Shared

/// A file that pages load, for everybody: pages that refuse have a style, too. Browsers keep it.
struct PageFile {
    let path: String
    let type: String
    let bytes: [UInt8]
    /// The beginning of the content's SHA-256, as 16 hexadecimal digits: it names this version of the file.
    let version: String

    /// The script of every page that updates itself.
    static let script = PageFile("/service.js", "text/javascript; charset=utf-8", PackageResources.service_js)
    /// The style of every page.
    static let style = PageFile("/service.css", "text/css; charset=utf-8", ServiceStyle.css.bytes)

    private init(_ path: String, _ type: String, _ bytes: [UInt8]) {
        (self.path, self.type, self.bytes) = (path, type, bytes)
        version = String(Hexadecimal.encode(SHA256.hash(bytes)).prefix(16))
    }

    /// The address of this version.
    var address: String { "\(path)?v=\(version)" }

    func response(to request: Request) throws -> Response {
        let query = try Query(request, ["v"])
        let tag = "\"\(version)\""
        let isKnown = request.headers[.ifNoneMatch].map { $0 == "*" || $0.contains(tag) } ?? false
        var response = isKnown ? Response(status: .notModified) : .bytes(bytes, type: type)
        response.headers[.eTag] = tag
        // The content of a link with its hash never changes.
        response.headers[.cacheControl] =
            query.all("v") == [version] ? "public, max-age=31536000, immutable" : "no-cache"
        return response
    }
}
