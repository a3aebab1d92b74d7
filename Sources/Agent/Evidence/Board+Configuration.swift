import Shared

extension Board {
    /// A board on which nothing was seen yet.
    convenience init(configuration: EvidenceConfiguration) throws {
        let empty = try configuration.services.map { service in
            let content = DocumentContent(
                service: service.name, state: .unknown, reason: "not looked at yet: the agent has just started",
                host: configuration.host)
            return Entry(
                body: try DocumentBody(content), lookedAt: nil, observedAt: "1970-01-01T00:00:00Z", isReadable: false)
        }
        self.init(empty)
    }
}
