import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

extension FleetSession {
    /// Runs a verification over transfer clients of its own.
    static func run(
        _ verification: Verification, clients count: Int = 1, observers: [any SessionObserver] = [],
        until isComplete: @escaping @Sendable (Verification) -> Bool = { _ in false }
    ) async throws -> (Verification, Duration) {
        var limits = TransferLimits(openFiles: 1_024, multiHandles: 2)
        limits.clients = count
        let clients = try (0..<count).map { place in
            limits.place = place
            return try TransferClient(limits: limits)
        }
        var session = FleetSession(transfers: SessionTransfers(clients), noncePrefix: "test") { _ in
            RequestCredentials()
        }
        session.isComplete = isComplete
        let result = await session.run(verification, observers: observers)
        for client in clients { await client.shutdown() }
        return result
    }
}

struct FleetSessionTests {
    @Test("A session over several transfer threads gets the answers of every host", arguments: [1, 2, 3])
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
        let (ended, _) = try await FleetSession.run(
            Verification(target: .bySHA, hosts: hosts, policy: policy), clients: count)
        await script.stop()
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks.allSatisfy { $0.status == .converged && $0.attempts >= 2 })
        #expect(Set(ended.tracks.map(\.lastAnswer.hostID)).count == hosts.count)
    }

    private static func run(
        _ target: Target, interval: Duration = .milliseconds(500),
        _ reply: @escaping @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer
    ) async throws -> (Verification, Duration) {
        let script = try await ScriptedHost.start(script: reply)
        let policy = Policy(
            timeout: interval + .seconds(5), interval: interval, soak: .milliseconds(300), stall: .seconds(60))
        let verification = Verification(
            target: target, hosts: [ExpectedHost(name: "host-0", url: script.url())], policy: policy,
            promotions: .upToTarget)
        let result = try await FleetSession.run(verification)
        await script.stop()
        return result
    }

    private static let plain = "{\"git_sha\":\"\(String(repeating: "a", count: 40))\"}"

    @Test("Field 5: requests bypass caches, and the answer of a cache proves nothing")
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

    @Test("An answer from before the start is requested again at once, and not held")
    func early() async throws {
        let requests = Mutex<[Bool]>([])
        let (ended, duration) = try await Self.run(.promoted, interval: .seconds(30)) { request in
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
        #expect(duration < .seconds(30))
    }

    @Test("An interruption ends the session at once, however long its requests may take")
    func interrupted() async throws {
        let script = try await ScriptedHost.start { _ in .hang }
        let hosts = (0..<50).map { ExpectedHost(name: "host-\($0)", url: script.url(host: $0)) }
        let policy = Policy(timeout: .seconds(900), requestTimeout: .seconds(600))
        let client = try TransferClient(limits: TransferLimits(openFiles: 1_024))
        var session = FleetSession(transfers: SessionTransfers([client]), noncePrefix: "test") { _ in
            RequestCredentials()
        }
        session.watches = [
            SessionWatch { yield in
                // Long enough for the first requests.
                do { try await Task.sleep(for: .milliseconds(300)) } catch { return }
                yield(.signal(2))
                // A watch that goes on is ended with the session.
                do { try await Task.sleep(for: .seconds(900)) } catch { return }
            }
        ]
        let start = ContinuousClock.now
        let (ended, _) = await session.run(
            Verification(target: .bySHA, hosts: hosts, policy: policy), observers: [])
        await client.shutdown()
        await script.stop()
        #expect(ended.conclusion?.verdict == .interrupted)
        // Far below the requests' timeout, far above what a busy machine needs.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test("A signal goes before the events that wait")
    func signalFirst() async throws {
        struct Count: SessionObserver {
            let promotions: Counter

            func took(_ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification) {
                if case .promotions = input { promotions.value.withLock { $0 += 1 } }
            }

            func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {}
            func ended(_ verification: Verification, _ conclusion: Conclusion) {}
        }
        final class Counter: Sendable { let value = Mutex(0) }
        // To take all of them lasts seconds, and to send them lasts milliseconds.
        let events = 100_000
        let script = try await ScriptedHost.start { _ in .hang }
        let client = try TransferClient(limits: TransferLimits(openFiles: 1_024))
        var session = FleetSession(transfers: SessionTransfers([client]), noncePrefix: "test") { _ in
            RequestCredentials()
        }
        session.watches = [
            SessionWatch { yield in
                for _ in 0..<events { yield(.promotions(.upToTarget)) }
                yield(.signal(15))
            }
        ]
        let counter = Counter()
        let (ended, _) = await session.run(
            Verification(
                target: .bySHA, hosts: [ExpectedHost(name: "host-0", url: script.url())],
                policy: Policy(timeout: .seconds(900), requestTimeout: .seconds(600))),
            observers: [Count(promotions: counter)])
        await client.shutdown()
        await script.stop()
        #expect(ended.conclusion?.exitCode == 143)
        #expect(counter.value.withLock { $0 } < events)
    }
}
