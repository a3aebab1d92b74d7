import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Operations
import Reports
import Shared
import Verdict

/// `GET /badge/{service}/{environment}.svg` and `.json`: one fleet in a few words, for other pages.
struct Badge {
    let model: ServiceModel

    func answer(_ request: Request, _ context: ServiceContext) throws -> Response {
        _ = try Query(request, [])
        let (service, file) = (try context.parameter("service"), try context.parameter("file"))
        for suffix in [".svg", ".json"] where file.hasSuffix(suffix) {
            let entry = try model.entry(service: service, environment: String(file.dropLast(suffix.count)))
            let fleet = FleetView(entry.board.snapshot, tag: entry.tag?.snapshot, at: PageMoment())
            return suffix == ".svg" ? Self.image(fleet) : try .json(BadgeBody(fleet))
        }
        throw Problem.notFound(
            "there is no badge '\(file)'", remedy: "use /badge/\(service)/ENVIRONMENT.svg, or .json")
    }

    /// For example `3f2a90b 37/41`, or `3f2a90b 41/41, tag drift`.
    static func message(_ fleet: FleetView) -> String {
        guard fleet.isFresh, let target = fleet.snapshot.target else { return "unknown" }
        let build = target.gitSHA.map { String($0.hex.prefix(7)) } ?? target.digest?.short ?? ""
        let drift = fleet.tag?.needsAttention == true ? ", tag drift" : ""
        return "\(build) \(fleet.counts.proven)/\(fleet.counts.expected)\(drift)"
    }

    /// Dark enough for white letters.
    static func color(_ fleet: FleetView) -> String {
        switch fleet.tone {
        case .good: "#0a7350"
        case .work: "#0b5cad"
        case .unknown: "#626b75"
        case .bad: "#b8330f"
        }
    }

    static func label(_ fleet: FleetView) -> String { "\(fleet.service) \(fleet.environment)" }

    private static func image(_ fleet: FleetView) -> Response {
        let (label, message) = (Sanitizer.singleLine(label(fleet), limit: 60), "\(fleet.tone.sign) \(message(fleet))")
        // Letters of 11 px are about 6.6 px wide.
        let (left, right) = (label.count * 66 / 10 + 14, message.count * 66 / 10 + 14)
        let markup: Markup = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(left + right)" height="20" role="img" aria-label="\(label): \(message)">\
            <title>\(label): \(message)</title><rect width="\(left)" height="20" fill="#39424d"/>\
            <rect x="\(left)" width="\(right)" height="20" fill="\(color(fleet))"/>\
            <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\
            <text x="\(left / 2)" y="14">\(label)</text><text x="\(left + right / 2)" y="14">\(message)</text></g></svg>

            """
        var response = Response.bytes(markup.bytes, type: "image/svg+xml")
        // Pages of other origins show it; they cannot read it.
        response.headers[named: "Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
    }
}

/// A badge as shields.io's endpoint reads it, with what it was made of and the time for which that is true.
private struct BadgeBody: Encodable {
    let schemaVersion = 1
    let label: String
    let message: String
    let color: String
    let isError: Bool
    let service: String
    let environment: String
    @ExplicitNull var gitSHA: String?
    let proven: Int
    let expected: Int
    let status: String
    @ExplicitNull var asOf: String?
    @ExplicitNull var ageSeconds: Double?
    let fresh: Bool

    private enum CodingKeys: String, CodingKey {
        case schemaVersion, label, message, color, isError, service, environment, proven, expected, status, fresh
        case gitSHA = "git_sha"
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }

    init(_ fleet: FleetView) {
        (label, message, color) = (Badge.label(fleet), Badge.message(fleet), Badge.color(fleet))
        (fresh, isError) = (fleet.isFresh, fleet.tone == .bad)
        (service, environment) = (fleet.service, fleet.environment)
        gitSHA = fleet.snapshot.target?.gitSHA?.short
        (proven, expected) = (fleet.isFresh ? fleet.counts.proven : 0, fleet.counts.expected)
        let isKnown = fleet.isFresh && fleet.snapshot.target != nil
        status = !isKnown ? "unknown" : fleet.tone == .good ? "proven" : "not_proven"
        let knowledge = Knowledge(fleet.asOf, isFresh: fleet.isFresh, at: fleet.moment.now, wall: fleet.moment.wall)
        (asOf, ageSeconds) = (knowledge.asOf, knowledge.ageSeconds)
    }
}
