import CollectorSupport
import FoundationEssentials
import Shared
import Transfer
import Verdict

/// Asks each agent for the names of its services: an agent's 404 lists them.
struct ServiceDiscovery: Sendable {
    let credentials: @Sendable (Int) -> RequestCredentials
    let requestTimeout: Duration
    let concurrency: Int?

    /// A host's answer.
    enum Finding: Hashable, Sendable {
        /// The agent's services in its order; can be empty.
        case services([String])
        /// The service of a document, which is the only one that is known.
        case document(String)
        /// No agent, or no answer.
        case failed(FailedRequest)
    }

    /// - Parameter hosts: the URLs to ask, by the hosts' indices.
    func run(_ hosts: [Int: ExpectedHost]) async throws(TransferClientError) -> [Int: Finding] {
        guard !hosts.isEmpty else { return [:] }
        let clients = try TransferClients(
            hosts: Array(hosts.values), concurrency: concurrency, keepsConnections: false)
        let requests = hosts.map { index, host in
            TransferRequest(
                id: UInt64(index), lane: index, url: host.url, headers: [("Accept", "application/json")],
                timeout: requestTimeout, access: credentials(index))
        }
        var findings: [Int: Finding] = [:]
        await withTaskGroup(of: [Int: Finding].self) { group in
            for client in clients.all {
                let own = requests.filter { clients.all.count == 1 || client.serves(lane: $0.lane) }
                client.submit(own)
                group.addTask { await Self.findings(of: own.count, from: client, hosts) }
            }
            for await part in group { findings.merge(part) { first, _ in first } }
        }
        await clients.shutdown()
        return findings
    }

    private static func findings(
        of count: Int, from client: TransferClient, _ hosts: [Int: ExpectedHost]
    ) async -> [Int: Finding] {
        var findings: [Int: Finding] = [:]
        guard count > 0 else { return findings }
        for await batch in client.completions {
            for completion in batch {
                findings[completion.lane] = finding(completion.outcome, url: hosts[completion.lane]?.url ?? "")
            }
            if findings.count >= count { break }
        }
        return findings
    }

    private static func finding(_ outcome: Result<TransferResponse, TransferFailure>, url: String) -> Finding {
        switch outcome {
        case .failure(let failure): return .failed(FailedRequest(failure.reach, detail: failure.detail, url: url))
        case .success(let response):
            if response.status == 404, let services = services(response.body) { return .services(services) }
            switch ResponseDecoder().read(status: response.status, headers: response.headers, body: response.body) {
            case .document(let document): return .document(document.service)
            case .unusable(let outcome, let detail): return .failed(FailedRequest(outcome, detail: detail, url: url))
            case .plain, .repeated:
                return .failed(FailedRequest(.notBuildinfo, detail: "no agent answers at this URL", url: url))
            }
        }
    }

    /// The services in the body of an agent's 404; nil for another server's. Names that no URL can contain are left out.
    private static func services(_ body: [UInt8]) -> [String]? {
        guard body.count <= 64 << 10 else { return nil }
        do {
            return try JSONDecoder().decode(NotFoundBody.self, from: Data(body)).services.filter(ServiceName.isUsable)
        } catch {
            // Any server can answer 404 with anything.
            return nil
        }
    }
}

/// The services that a fleet offers, and the one that most hosts have.
struct OfferedServices: Sendable {
    /// The services, the one on the most hosts first; of two on equally many, the one that the agents list first.
    let services: [(name: String, hosts: Int)]

    init(_ findings: some Sequence<ServiceDiscovery.Finding>) {
        var counts: [String: (hosts: Int, place: Int)] = [:]
        for finding in findings {
            let names: [String] =
                switch finding {
                case .services(let names): names
                case .document(let name): ServiceName.isUsable(name) ? [name] : []
                case .failed: []
                }
            for (place, name) in names.enumerated() {
                let known = counts[name] ?? (0, place)
                counts[name] = (known.hosts + 1, min(known.place, place))
            }
        }
        services = counts.sorted { ($1.value.hosts, $0.value.place, $0.key) < ($0.value.hosts, $1.value.place, $1.key) }
            .map { ($0.key, $0.value.hosts) }
    }
}
