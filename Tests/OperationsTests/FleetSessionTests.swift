import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

struct FleetSessionTests {
    @Test("A session over several transfer threads hears every host, each from its own thread", arguments: [1, 2, 3])
    func threads(_ count: Int) async throws {
        let script = try await ScriptedHost.start { request in
            let host = Int(request.localAddress.split(separator: ".").last ?? "") ?? 0
            var document = Answer().document(host: host, nonce: request.query("nonce") ?? "")
            document.nonce = request.query("nonce")
            guard let json = try? JSONEncoder().encode(document) else { return .close }
            return .json(String(decoding: json, as: UTF8.self))
        }
        let hosts = (0..<7).map { ExpectedHost(name: "host-\($0)", url: script.url(host: $0)) }
        let policy = Policy(timeout: .seconds(60), interval: .milliseconds(200), soak: .milliseconds(300))
        let engines = try (0..<count).map { _ in try TransferClient(limits: TransferLimits(openFiles: 1_024)) }
        let session = FleetSession(engines: engines, noncePrefix: "test") { _ in RequestCredentials() }
        let (ended, _) = await session.run(
            Verification(target: .bySHA, hosts: hosts, policy: policy), observers: [])
        await TransferClients.shutdown(engines)
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks.allSatisfy { $0.status == .converged && $0.attempts >= 2 })
        #expect(Set(ended.tracks.map(\.telling.hostID)).count == hosts.count)
    }

    private static func run(
        _ target: Target, _ reply: @escaping @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer
    ) async throws -> (Verification, Duration) {
        let script = try await ScriptedHost.start(script: reply)
        let engines = [try TransferClient(limits: TransferLimits(openFiles: 1_024))]
        let session = FleetSession(engines: engines, noncePrefix: "test") { _ in RequestCredentials() }
        let policy = Policy(
            timeout: .seconds(5), interval: .milliseconds(500), soak: .milliseconds(300), stall: .seconds(60))
        let verification = Verification(
            target: target, hosts: [ExpectedHost(name: "host-0", url: script.url())], policy: policy,
            promotions: .upToTarget)
        let result = await session.run(verification, observers: [])
        await TransferClients.shutdown(engines)
        await script.stop()
        return result
    }

    private static let plain = "{\"git_sha\":\"\(String(repeating: "a", count: 40))\"}"

    @Test("Field 5: requests ask caches to stay out, and what one answers all the same proves nothing")
    func caches() async throws {
        let (cached, _) = try await Self.run(.bySHA) { request in
            let asksNotTo = request.header("cache-control") == "no-cache" && request.header("pragma") == "no-cache"
            return .json(Self.plain, headers: asksNotTo ? [(name: "X-Cache", value: "HIT")] : [])
        }
        #expect(cached.conclusion?.exitCode == 30)
        #expect(cached.tracks[0].status == .unverifiable)
        let (fresh, _) = try await Self.run(.bySHA) { _ in
            .json(Self.plain, headers: [(name: "X-Cache", value: "MISS"), (name: "Via", value: "1.1 varnish")])
        }
        #expect(fresh.conclusion?.verdict == .converged)
    }

    @Test("A look from before the start is asked for again at once, and not held")
    func early() async throws {
        let requests = Mutex<[Bool]>([])
        let (ended, duration) = try await Self.run(.promoted) { request in
            let number = requests.withLock { requests in
                requests.append(request.header("prefer") != nil)
                return requests.count
            }
            var document = Answer(age: number == 1 ? 0.6 : 0).document(host: 0, nonce: request.query("nonce") ?? "")
            document.nonce = request.query("nonce")
            guard let json = try? JSONEncoder().encode(document) else { return .close }
            return .json(
                String(decoding: json, as: UTF8.self),
                headers: [(name: "ETag", value: "\"a\""), (name: "Buildinfo-Host", value: document.host.id)])
        }
        #expect(ended.conclusion?.verdict == .converged)
        #expect(!requests.withLock { $0 }.contains(true))
        #expect(duration < .seconds(3))
    }
}
