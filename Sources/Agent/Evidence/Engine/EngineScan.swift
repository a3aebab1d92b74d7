import FoundationEssentials
import NIOCore
import Shared

/// Makes one whole look at one engine.
struct EngineScan: Sendable {
    let client: EngineClient
    let services: [ServiceDeclaration]
    /// For the whole look, which is many requests.
    let budget: Duration

    init(client: EngineClient, services: [ServiceDeclaration], budget: Duration = .seconds(5)) {
        self.client = client
        self.services = services
        self.budget = budget
    }

    /// More containers of the services than this are not inspected: nobody meant that.
    static let containerLimit = 256

    /// Looks, and says what there is, or why that cannot be said.
    func look() async -> Result<EngineSnapshot, EngineFailure> {
        var greeting: EngineSession.Greeting?
        return await look(greeting: &greeting)
    }

    /// Looks, and says what there is, or why that cannot be said.
    ///
    /// - Parameter greeting: what this engine, in this run of it, said of itself; nil where that is not known. Afterwards,
    ///   what it says now; nil where the look failed.
    func look(greeting: inout EngineSession.Greeting?) async -> Result<EngineSnapshot, EngineFailure> {
        do throws(EngineFailure) {
            var look = EngineSession(client: client, deadline: ContinuousClock.now + budget, known: greeting)
            if greeting == nil { try await look.greet() }
            var listed = try await look.list()
            for attempt in 1...2 {
                do throws(EngineFailure) {
                    let snapshot = try await snapshot(of: listed, with: &look)
                    greeting = look.greeting
                    return .success(snapshot)
                } catch  where error.reason == .vanishing && attempt == 1 {
                    listed = try await look.list()
                }
            }
            throw EngineFailure(.vanishing, "containers vanish faster than they can be inspected")
        } catch {
            greeting = nil
            return .failure(error)
        }
    }

    private func snapshot(
        of listed: [EngineAPI.ListedContainer], with look: inout EngineSession
    ) async throws(EngineFailure) -> EngineSnapshot {
        let candidates = listed.filter { entry in
            services.contains { $0.selector.mayMatch(entry, podman: look.isPodman) }
        }
        guard candidates.count <= Self.containerLimit else {
            throw EngineFailure(
                .tooLarge, "\(candidates.count) containers may belong to the services: narrow the selectors")
        }
        var containers: [ContainerFacts] = []
        for entry in candidates {
            guard let id = ContainerID(entry.id) else { throw look.garbage(.containers, "a container's id is none") }
            do throws(EngineFailure) {
                if let facts = try await facts(of: entry, id: id, with: &look) { containers.append(facts) }
            } catch {
                throw EngineFailure(error.reason, "container \(entry.displayName): \(error)")
            }
        }
        return EngineSnapshot(engine: look.identity, containers: containers)
    }

    /// nil where the container belongs to no service.
    private func facts(
        of entry: EngineAPI.ListedContainer, id: ContainerID, with look: inout EngineSession
    ) async throws(EngineFailure) -> ContainerFacts? {
        let inspected = try await look.inspect(id)
        let matching = services.filter { service in
            service.selector.matches(entry, typedImage: inspected.config.image ?? "", podman: look.isPodman)
        }
        guard !matching.isEmpty else { return nil }
        return try await look.facts(of: inspected, listed: entry, id: id, services: Set(matching.map(\.name)))
    }
}

extension EngineAPI.ListedContainer {
    /// For people: its first name, or the beginning of its id.
    var displayName: String {
        let name = (names?.first ?? "").drop { $0 == "/" }
        return Sanitizer.singleLine(name.isEmpty ? id.prefix(12) : name, limit: 80)
    }
}
