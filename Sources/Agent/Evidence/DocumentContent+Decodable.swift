import Shared

extension DocumentContent: Decodable {
    /// Reads what ``encode(to:)`` wrote: the front takes it from the reader.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            service: try container.decode(String.self, forKey: .service),
            gitSHA: try container.decodeIfPresent(GitSHA.self, forKey: .gitSHA),
            digest: try container.decodeIfPresent(Digest.self, forKey: .digest),
            state: try container.decode(ServiceState.self, forKey: .state),
            reason: try container.decodeIfPresent(String.self, forKey: .reason),
            host: try container.decode(HostIdentity.self, forKey: .host),
            instances: try container.decode([Instance].self, forKey: .instances),
            instancesExpected: try container.decodeIfPresent(Int.self, forKey: .instancesExpected),
            leftOut: try container.decodeIfPresent([LeftOutContainer].self, forKey: .leftOut) ?? [],
            engine: try container.decodeIfPresent(EngineIdentity.self, forKey: .engine),
            served: try container.decodeIfPresent(ProbeResult.self, forKey: .served))
    }
}
