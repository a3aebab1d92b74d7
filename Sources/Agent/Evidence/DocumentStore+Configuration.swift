import Shared

extension DocumentStore {
    /// A board on which nothing was seen yet.
    convenience init(configuration: SourceConfiguration) throws {
        self.init(try Self.unseen(configuration))
    }

    /// Takes over another configuration: what was seen of a service that is declared as before counts on.
    func adopt(_ configuration: SourceConfiguration, after former: SourceConfiguration) throws {
        let isElsewhere = configuration.engines != former.engines || configuration.host != former.host
        let anew = configuration.services.filter { isElsewhere || !former.services.contains($0) }
        adopt(try Self.unseen(configuration), anew: Set(anew.map(\.name)))
    }

    private static func unseen(_ configuration: SourceConfiguration) throws -> [Entry] {
        try configuration.services.map { service in
            try Entry(
                unseen: service.name, host: configuration.host, reason: "not looked at yet: the agent has just started")
        }
    }
}

extension DocumentStore.Entry {
    /// Of a service of which nothing is known yet.
    ///
    /// - Parameter reason: why that is so, for people.
    init(unseen service: String, host: HostIdentity, reason: String) throws {
        let content = DocumentContent(service: service, state: .unknown, reason: reason, host: host)
        self.init(
            body: try DocumentBody(content), lookedAt: nil, observedAt: "1970-01-01T00:00:00Z", isReadable: false)
    }
}
