import AgentCore
import Logging
import NIOCore
import NIOPosix
import Shared

/// A single observation of everything, without a server.
struct OneShotObservation {
    let configuration: SourceConfiguration
    let clock: Clock
    let log: StandardErrorLog

    /// The first service's document and state.
    func document() async throws -> (text: String, state: ServiceState) {
        let began = clock.now()
        let documents = try await observe()
        guard let entry = documents.services.first.flatMap({ documents.entry($0) }) else { throw AgentError.noService }
        let now = clock.now()
        let bytes = entry.body.bytes(
            observedAt: entry.observedAt, age: now - (entry.startedAt ?? began), uptime: now - began, nonce: nil,
            probeLatency: entry.probeLatency)
        return (String(decoding: bytes, as: UTF8.self), entry.body.content.state)
    }

    /// The contents of all services, in their order.
    func contents() async throws -> [DocumentContent] {
        let documents = try await observe()
        return documents.services.compactMap { documents.entry($0)?.body.content }
    }

    private func observe() async throws -> DocumentStore {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let documents = try DocumentStore(configuration: configuration)
        var quiet = log
        quiet.logLevel = max(log.logLevel, .warning)
        let source = LocalSource(
            configuration: configuration, documents: documents, group: group, metrics: Metrics(), clock: clock,
            logger: Logger(label: "buildinfo-agent", factory: { [quiet] _ in quiet }))
        await source.refreshAll()
        await source.settle()
        try await group.shutdownGracefully()
        return documents
    }
}
