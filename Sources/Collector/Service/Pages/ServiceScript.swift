import Reports
import Shared

/// The script of every page that updates itself, as one file that browsers keep.
enum ServiceScript {
    static let bytes: [UInt8] = PackageResources.service_js

    /// The beginning of the content's SHA-256, as 16 hexadecimal digits: it names this version of the file.
    static let version = String(Hexadecimal.encode(SHA256.hash(bytes)).prefix(16))

    static let link: Markup = "<script src=\"/service.js?v=\(version)\" defer></script>"
}
