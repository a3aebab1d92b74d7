import Foundation
import Shared
import Support
import Testing

@testable import Collector

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
        let engines = try (0..<count).map { _ in try TransferEngine(limits: TransferLimits(openFiles: 1_024)) }
        let session = FleetSession(engines: engines, noncePrefix: "test") { _ in TransferAccess() }
        let (ended, _) = await session.run(
            Verification(target: .bySHA, hosts: hosts, policy: policy), observers: [])
        await TransferEngines.shutdown(engines)
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks.allSatisfy { $0.label == .converged && $0.attempts >= 2 })
        #expect(Set(ended.tracks.map(\.telling.hostID)).count == hosts.count)
    }
}
