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
        let query = try Query(request, PromotionSelection.parameters)
        let selection = try PromotionSelection(
            query, service: try query.one("service"), environment: try query.one("environment"))
        let (entries, next) = try await selection.read(model.ledger)
        var response = try Response.json(PromotionsBody(promotions: entries, next: next))
        response.headers[named: "Link"] = next.map { query.next(request, $0) }
        return response
    }
}

/// The promotions that a query asks for.
struct PromotionSelection {
    static let parameters = ["service", "environment", "limit", "cursor"]

    private let service: String?
    private var environment: EnvironmentName?
    private let limit: Int
    private var place: PromotionPlace?

    init(_ query: Query, service: String?, environment text: String?) throws(Problem) {
        self.service = service
        if let text {
            environment = EnvironmentName(text)
            guard environment != nil else {
                throw .invalid("environment", text, expected: "letters, digits, '.', '_' and '-', at most 128")
            }
        }
        limit = try query.limit()
        if let parts = try query.cursor(parts: 4) {
            guard let generation = Int(parts[3]) else {
                throw .invalid("cursor", parts.joined(), expected: "the 'next' of the page before, unchanged")
            }
            place = PromotionPlace(at: parts[0], service: parts[1], environment: parts[2], generation: generation)
        }
    }

    /// The promotions, and the cursor of the next page; nil on the last one.
    func read(_ ledger: Ledger) async throws -> (entries: [PromotionEntry], next: String?) {
        // One more than the page has, to know whether there is a next one.
        var entries = try await ledger.promotionEntries(
            service: service, environment: environment, after: place, limit: limit + 1)
        guard entries.count > limit else { return (entries, nil) }
        entries.removeLast(entries.count - limit)
        let next = entries.last.map {
            Cursor([$0.at, $0.service, $0.environment.description, "\($0.generation)"]).text
        }
        return (entries, next)
    }
}

private struct PromotionsBody: Encodable {
    let promotions: [PromotionEntry]
    @ExplicitNull var next: String?
}
