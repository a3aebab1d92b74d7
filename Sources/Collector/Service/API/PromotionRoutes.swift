import CollectorSupport
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Shared
import Verdict

/// `GET /api/v1/promotions`.
struct PromotionRoutes {
    let model: ServiceModel

    func promotions(_ request: Request) async throws -> Response {
        let query = try Query(request, ["service", "environment", "limit", "cursor"])
        var environment: EnvironmentName?
        if let text = try query.one("environment") {
            environment = EnvironmentName(text)
            guard environment != nil else {
                throw Problem.invalid("environment", text, expected: "letters, digits, '.', '_' and '-', at most 128")
            }
        }
        let limit = try query.limit()
        var place: PromotionPlace?
        if let parts = try query.cursor(parts: 4) {
            guard let generation = Int(parts[3]) else {
                throw Problem.invalid("cursor", parts.joined(), expected: "the 'next' of the page before, unchanged")
            }
            place = PromotionPlace(at: parts[0], service: parts[1], environment: parts[2], generation: generation)
        }
        // One more than the page has, to know whether there is a next one.
        var entries = try await model.ledger.promotionEntries(
            service: try query.one("service"), environment: environment, after: place, limit: limit + 1)
        var next: String?
        if entries.count > limit {
            entries.removeLast(entries.count - limit)
            next = entries.last.map {
                Cursor([$0.at, $0.service, $0.environment.description, "\($0.generation)"]).text
            }
        }
        var response = try Response.json(PromotionsBody(promotions: entries, next: next))
        if let next, let link = HTTPField.Name("Link") { response.headers[link] = query.next(request, next) }
        return response
    }
}

private struct PromotionsBody: Encodable {
    let promotions: [PromotionEntry]
    @ExplicitNull var next: String?
}
