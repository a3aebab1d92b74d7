import Operations
import Verdict

/// The data of a `fleet` event, and a fleet in a `snapshot`: as in `GET /api/v1/fleets`, with what pages and clients look at next.
struct FleetEventBody: Encodable {
    let fleet: FleetBody
    let deployed: DeployedService
    /// The names of the hosts that changed; nil if they are not known, or too many.
    var changed: [String]?

    private enum Key: String, CodingKey { case changed, page }

    func encode(to encoder: any Encoder) throws {
        try fleet.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(changed, forKey: .changed)
        try container.encode(PagePath.fleet(deployed.name, deployed.environment.description), forKey: .page)
    }
}

/// The data of a `verification` event. What is proven is in `GET /api/v1/verifications/{id}`.
struct VerificationEventBody: Encodable {
    let id: String
    let service: String
    let environment: EnvironmentName
    let state: String
    let page: String
    /// The page of its fleet.
    let fleetPage: String

    init(id: String, of deployed: DeployedService, isRunning: Bool) {
        self.id = id
        service = deployed.name
        environment = deployed.environment
        state = isRunning ? "running" : "finished"
        page = PagePath.verification(id)
        fleetPage = PagePath.fleet(deployed.name, deployed.environment.description)
    }

    private enum CodingKeys: String, CodingKey {
        case id, service, environment, state, page
        case fleetPage = "fleet_page"
    }
}

struct SnapshotBody: Encodable {
    let fleets: [FleetEventBody]
    /// Those that are under way.
    let verifications: [VerificationEventBody]
}

struct ReloadBody: Encodable {
    let reason: String
}
