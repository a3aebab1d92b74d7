import HTTPTypes
import Hummingbird
import Shared

/// Where a request was made, as the browser that sent it says.
///
/// Other programs say nothing, and no web page can make them send a request.
enum RequestOrigin {
    /// A page of this service, or the person at the browser.
    case own
    /// A page of another site.
    case foreign
    /// A browser that does not say where: for example after `Referrer-Policy: no-referrer`, which every page here has.
    case unknown
    /// No browser.
    case program

    /// - Parameter hosts: the names and ports under which browsers know this service, in lower case.
    init(_ headers: HTTPFields, hosts: Set<String>) {
        if let site = headers[named: "Sec-Fetch-Site"] {
            // Sent by every current browser over TLS and to loopback.
            self = site == "same-origin" || site == "none" ? .own : .foreign
            return
        }
        guard let origin = headers[.origin] else {
            self = .program
            return
        }
        guard origin != "null" else {
            self = .unknown
            return
        }
        let parts = origin.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        self = parts.count == 3 && hosts.contains(String(parts[2])) ? .own : .foreign
    }
}

/// A path of this service that a browser goes to after the sign-in.
enum ReturnPath {
    private static let limit = 2_048

    /// nil for anything that could lead to another site, or back to the sign-in.
    ///
    /// Browsers read `//host` and `/\host` as another site, and skip tabs and line breaks.
    static func checked(_ text: String?) -> String? {
        guard let text, text.hasPrefix("/"), text.utf8.count <= limit,
            text.isVisibleASCII, !text.contains("\\"), !text.hasPrefix("//")
        else { return nil }
        let path = text.prefix { $0 != "?" && $0 != "#" }
        return path == LoginRoutes.path || path == LoginRoutes.endPath || path.hasPrefix("/api/") ? nil : text
    }
}
