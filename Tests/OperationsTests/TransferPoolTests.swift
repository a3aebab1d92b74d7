import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

@Suite("Transfers that sessions share", .timeLimit(.minutes(2)))
struct TransferPoolTests {
    private static func clients(_ count: Int) throws -> [TransferClient] {
        var limits = TransferLimits(openFiles: 1_024, multiHandles: 2)
        limits.clients = count
        return try (0..<count).map { place in
            limits.place = place
            return try TransferClient(limits: limits)
        }
    }

    @Test("Sessions at the same time get the answers of their own hosts and requests only", arguments: [1, 2])
    func sessions(_ threads: Int) async throws {
        let script = try await ScriptedHost.start { request in
            let host = Int(request.localAddress.split(separator: ".").last ?? "") ?? 0
            var document = Answer().document(host: host, nonce: "")
            document.nonce = request.query("nonce")
            guard let json = try? JSONEncoder().encode(document) else { return .close }
            return .json(String(decoding: json, as: UTF8.self))
        }
        let pool = TransferPool(try Self.clients(threads), hosts: 17)
        let policy = Policy(timeout: .seconds(60), interval: .milliseconds(200), soak: .milliseconds(300))
        let fleets = [0..<5, 5..<12, 3..<8].map { range in
            range.map { ExpectedHost(name: "host-\($0)", url: script.url(host: $0)) }
        }
        let lanes = fleets.map { pool.lanes(for: $0.count) }
        let ended = await withTaskGroup(of: (Int, Verification).self) { group in
            for (index, hosts) in fleets.enumerated() {
                group.addTask {
                    await pool.withTransfers(on: lanes[index]) { transfers in
                        let session = FleetSession(transfers: transfers, noncePrefix: "fleet-\(index)") { _ in
                            RequestCredentials()
                        }
                        let verification = Verification(target: .bySHA, hosts: hosts, policy: policy)
                        return (index, await session.run(verification, observers: []).0)
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        await pool.shutdown()
        await script.stop()
        for (index, hosts) in fleets.enumerated() {
            let tracks = try #require(ended[index]?.tracks)
            #expect(ended[index]?.conclusion?.verdict == .converged, "fleet \(index)")
            let expected = hosts.map { "host-id-\((Int($0.name.dropFirst(5)) ?? 0) + 1)" }
            #expect(tracks.map(\.lastAnswer.hostID) == expected, "fleet \(index)")
        }
    }

    @Test("The end of a session cancels what it left under way, and no other session's requests")
    func cancellation() async throws {
        let script = try await ScriptedHost.start { $0.path.contains("hang") ? .hang : .json(#"{"git_sha":null}"#) }
        let pool = TransferPool(try Self.clients(1), hosts: 15)
        let lanes = pool.lanes(for: 1)
        await pool.withTransfers(on: lanes) { transfers in
            transfers.submit([
                TransferRequest(id: 1, lane: 0, url: script.url(host: 0, "/hang"), timeout: .seconds(100))
            ])
            await script.reached { $0.requests == 1 }
        }
        await script.reached { $0.open == 0 }
        let answered = await pool.withTransfers(on: lanes) { transfers in
            transfers.submit([TransferRequest(id: 1, lane: 0, url: script.url(host: 0), timeout: .seconds(100))])
            for await batch in transfers.completions[0] { return batch.map(\.id) }
            return []
        }
        #expect(answered == [1])
        await pool.shutdown()
        await script.stop()
    }

    @Test("Released lanes are used again, so that their numbers stay small")
    func lanes() throws {
        let pool = TransferPool(try Self.clients(1), hosts: 15)
        let first = pool.lanes(for: 10)
        let second = pool.lanes(for: 5)
        pool.release(first)
        #expect(pool.lanes(for: 7).count == 10)
        pool.release(second)
        #expect(pool.lanes(for: 6).count == 6)
        #expect(pool.lanes(for: 5).count == 5)
    }

    @Test("The share of a fleet does not depend on the verifications that run when its session begins")
    func share() async throws {
        let pool = TransferPool(try Self.clients(1), hosts: 40)
        let fleet = pool.lanes(for: 20)
        let before = await pool.withTransfers(on: fleet) { $0.concurrency }
        let verifications = (0..<5).map { _ in pool.lanes(for: 20) }
        let during = await pool.withTransfers(on: fleet) { $0.concurrency }
        #expect(before == during)
        let whole = pool.lanes(for: 400)
        let all = await pool.withTransfers(on: whole) { $0.concurrency }
        #expect(before == all / 2, "half of the hosts, half of the requests")
        verifications.forEach(pool.release)
        await pool.shutdown()
    }
}
