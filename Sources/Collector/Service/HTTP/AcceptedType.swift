import HTTPTypes
import Hummingbird

/// A media type that a client may accept (RFC 9110, section 12.5.1).
struct AcceptedType {
    let type: String
    let subtype: String

    static let html = AcceptedType(type: "text", subtype: "html")
    static let openMetrics = AcceptedType(type: "application", subtype: "openmetrics-text")

    /// True without a header, and for a range that includes the type and has no weight of zero. The most exact range decides.
    func isAccepted(by request: Request) -> Bool {
        guard let header = request.headers[.accept] else { return true }
        var best: (exactness: Int, isWanted: Bool)?
        for range in header.lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let exactness = exactness(of: parts.first ?? "") else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if exactness > best?.exactness ?? 0 { best = (exactness, weight > 0) }
        }
        return best?.isWanted ?? false
    }

    /// True if the client names the type itself: a browser does, a program does not.
    func isNamed(by request: Request) -> Bool {
        request.headers[.accept]?.lowercased().contains("\(type)/\(subtype)") == true && isAccepted(by: request)
    }

    private func exactness(of range: String) -> Int? {
        switch range {
        case "\(type)/\(subtype)": 3
        case "\(type)/*": 2
        case "*/*": 1
        default: nil
        }
    }
}
