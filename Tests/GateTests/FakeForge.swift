import Support
import Synchronization
import Testing

@testable import Gate
@testable import Shared
@testable import Transfer

/// A scripted forge on loopback that records its requests.
final class FakeForge: Sendable {
    typealias Script = @Sendable (_ request: ScriptedHostRequest, _ number: Int) -> ScriptedHostAnswer

    static let token = "s3cret-of-the-forge"
    static let sha = try? GitSHA(parsing: "c0ffee5eed1234567890abcdef1234567890abcd")

    let host: ScriptedHost
    private let log: Mutex<[ScriptedHostRequest]>
    private let web: WebClient
    let kind: ForgeKind

    var url: String { host.url(host: 0, "") }
    var requests: [ScriptedHostRequest] { log.withLock(\.self) }
    /// The requested paths with their queries.
    var targets: [String] { requests.map(\.target) }

    private init(host: ScriptedHost, log: Log, web: WebClient, kind: ForgeKind) {
        self.host = host
        self.log = Mutex([])
        self.web = web
        self.kind = kind
        log.forge.withLock { $0 = self }
    }

    /// Breaks the cycle: the script is created first and records into the forge.
    private final class Log: Sendable {
        let forge = Mutex<FakeForge?>(nil)
    }

    /// Runs a test against a forge.
    ///
    /// - Parameter script: called with each request and its number, from 1.
    @discardableResult
    static func run<Value>(
        _ kind: ForgeKind, _ script: @escaping Script, _ body: (FakeForge) async throws -> Value
    ) async throws -> Value {
        let log = Log()
        let host = try await ScriptedHost.start { request in
            let number = log.forge.withLock { forge in
                forge?.log.withLock { requests in
                    requests.append(request)
                    return requests.count
                }
            }
            return script(request, number ?? 0)
        }
        let fake = FakeForge(host: host, log: log, web: try WebClient(), kind: kind)
        defer { log.forge.withLock { $0 = nil } }
        do {
            let value = try await body(fake)
            await fake.stop()
            return value
        } catch {
            await fake.stop()
            throw error
        }
    }

    private func stop() async {
        await web.close()
        await host.stop()
    }

    /// A client of the forge.
    func forge(token: String? = FakeForge.token, requestTimeout: Duration = .seconds(20)) throws -> any Forge {
        let client = ForgeClient(
            address: try ForgeAddress(kind, parsing: url),
            repository: try #require(ForgeRepository(parsing: "acme/canvas")), token: token,
            requestTimeout: requestTimeout, web: web)
        return kind == .gitea ? GiteaForge(client: client) : GitHubForge(client: client)
    }

    /// Waits for one context.
    func wait(
        _ contexts: String..., checkApp: String? = nil, timeout: Duration = .seconds(60),
        interval: Duration = .milliseconds(20), requestTimeout: Duration = .seconds(20),
        observe: @Sendable (CIEvent) -> Void = { _ in }
    ) async throws -> CIResult {
        let gate = CIWaiter(
            forge: try forge(requestTimeout: requestTimeout), sha: try #require(Self.sha), contexts: contexts,
            checkApp: checkApp, timeout: timeout, interval: interval)
        return await gate.wait(observe: observe)
    }

    /// Waits for contexts until a condition holds or there is a verdict.
    ///
    /// - Returns: the state at that time.
    func watch(
        _ contexts: String..., checkApp: String? = nil, requestTimeout: Duration = .seconds(20),
        until condition: @escaping @Sendable (CIStateMachine) -> Bool
    ) async throws -> CIStateMachine {
        let gate = CIWaiter(
            forge: try forge(requestTimeout: requestTimeout), sha: try #require(Self.sha), contexts: contexts,
            checkApp: checkApp, timeout: .seconds(600), interval: .milliseconds(20))
        let (states, seen) = AsyncStream.makeStream(of: CIStateMachine.self)
        let waiting = Task {
            await gate.wait { event in
                switch event {
                case .passed: break
                case .read(let wait, _, _), .failed(let wait, _, _), .ended(let wait, _):
                    if condition(wait) || wait.verdict != nil { seen.yield(wait) }
                }
            }
        }
        var iterator = states.makeAsyncIterator()
        let state = await iterator.next()
        waiting.cancel()
        _ = await waiting.value
        return try #require(state)
    }

    func killSwitch(_ sources: KillSwitchSource..., environment: [String: String] = [:], token: String? = token) throws
        -> KillSwitch
    {
        KillSwitch(sources: sources, environment: environment, forge: try forge(token: token), web: web)
    }
}

/// A deadline far enough for operations that end by themselves.
extension ContinuousClock.Instant {
    static var amply: ContinuousClock.Instant { .now + .seconds(60) }
}
