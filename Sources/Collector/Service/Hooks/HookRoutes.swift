import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Operations
import Shared
import Synchronization

/// The configured hooks, and how often they were called.
final class Hooks: Sendable {
    enum Outcome: String, CaseIterable, Sendable {
        /// A tag is read now.
        case accepted
        /// Nothing that a fleet's tag is part of changed.
        case ignored
        /// Neither signed nor sent with a token.
        case refused
    }

    private struct State {
        var hooks: [String: Hook]
        var counts: [String: [Outcome: Int]] = [:]
    }

    private let state: Mutex<State>

    init(_ hooks: [Hook]) {
        state = Mutex(State(hooks: Self.named(hooks)))
    }

    private static func named(_ hooks: [Hook]) -> [String: Hook] {
        Dictionary(hooks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(_ name: String) -> Hook? { state.withLock { $0.hooks[name] } }

    /// Takes over a new configuration.
    func replace(_ hooks: [Hook]) { state.withLock { $0.hooks = Self.named(hooks) } }

    /// Counts a call of a configured hook.
    func count(_ outcome: Outcome, of hook: Hook) {
        state.withLock { $0.counts[hook.name, default: [:]][outcome, default: 0] += 1 }
    }

    func write(to writer: inout MetricsWriter) {
        let state = state.withLock(\.self)
        guard !state.hooks.isEmpty else { return }
        let metric = "buildinfo_hooks_total"
        writer.family(metric, .counter, "Notices from registries and forges, by outcome.")
        for name in state.hooks.keys.sorted() {
            for outcome in Outcome.allCases {
                writer.sample(
                    metric, [("hook", name), ("outcome", outcome.rawValue)],
                    Double(state.counts[name]?[outcome] ?? 0))
            }
        }
    }
}

/// `POST /api/v1/hooks/{name}`: a notice makes the service read tags now. It proves nothing.
struct HookRoutes {
    let model: ServiceModel
    let hooks: Hooks
    let gate: AccessGate

    private static let maximumBody = 1 << 20

    private struct Accepted: Encodable { let accepted = true }

    func receive(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let hook = hooks[try context.parameter("name")]
        let caller = caller(of: request)
        let hasToken = caller?.scopes.permit(.hook) ?? false
        var signature = HookSignature(
            of: request.headers, kind: hook?.kind ?? .gitea, secrets: hook == nil ? .unknown() : hook?.secrets,
            now: Date().timeIntervalSince1970)
        // A body is kept only for those who may send it. The others learn nothing from how fast they are refused.
        let isKept = hasToken || signature.hasToken
        var body: [UInt8] = []
        var count = 0
        for try await part in request.body {
            count += part.readableBytes
            guard count <= Self.maximumBody else {
                throw Problem(.contentTooLarge, "the body is too large", remedy: "send at most 1 MiB")
            }
            let bytes = Array(part.readableBytesView)
            signature.update(bytes)
            if isKept { body += bytes }
        }
        guard hasToken || signature.isValid() else {
            if let hook { hooks.count(.refused, of: hook) }
            throw try refusal(of: request, caller, context)
        }
        guard let hook else {
            throw Problem.notFound(
                "no such hook is configured", remedy: "add it to hooks in the service's configuration")
        }
        let notice = HookNotice(body, kind: hook.kind)
        let tags = model.entries.filter { hook.fleets?.contains($0.fleet.deployed) ?? true }.compactMap(\.tag)
        let concerned = tags.filter { notice.mayConcern($0.snapshot.image) }
        for tag in concerned { tag.readNow() }
        hooks.count(concerned.isEmpty ? .ignored : .accepted, of: hook)
        return try .json(Accepted(), status: .accepted)
    }

    /// What the request's token permits; nil without one of this service's. Other values of the header are a sender's own, and
    /// no failed guess.
    private func caller(of request: Request) -> Caller? {
        BearerTokens.token(of: request.headers[values: .authorization]).flatMap { model.access.grant(of: $0) }
            .map { Caller(scopes: $0.scopes, name: $0.name) }
    }

    /// The same for every name.
    private func refusal(of request: Request, _ caller: Caller?, _ context: ServiceContext) throws(Problem) -> Problem {
        if let caller { try gate.require(.hook, of: caller, request) }
        var problem = gate.failure(
            .token, of: ClientAddress(peer: context.peer, request.headers),
            "the notice has neither a valid signature nor a token with the scope 'hook'")
        if problem.status == .unauthorized {
            problem.remedy =
                "check that the sender's secret is in the hook's secret_file, or send a token from access.tokens"
        }
        return problem
    }
}
