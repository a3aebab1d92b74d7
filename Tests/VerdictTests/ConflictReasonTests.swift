import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Why an id is not this host's")
struct ConflictReasonTests {
    private static func answer(_ id: String, boot: String) -> Answer {
        Answer(hostID: id, edit: { $0.host.bootID = boot })
    }

    private static let remedy = "set host: {id: …} in its agent.yaml, or --host-id"

    @Test("Field 15: another id in another boot is a machine id that changed with the reboot")
    func reboot() {
        for expected in [nil, "id-before"] as [String?] {
            var bench = Bench(policy: .short) { $0[0].id = expected }
            bench.see(at: 1, Self.answer("id-before", boot: "one"))
            bench.poll(3...59) { _, _ in .answer(Self.answer("id-after", boot: "two")) }
            bench.advance(to: 60)
            #expect(bench.status() == .conflict)
            #expect(bench.exitCode == 60)
            #expect(bench.reason().contains("the machine id changed with the reboot"))
            #expect(bench.reason().hasSuffix(Self.remedy))
        }
    }

    @Test("Field 15: another id in the same boot, or where nothing came before, is another host")
    func otherHost() {
        var bench = Bench(policy: .short)
        bench.see(at: 1, Self.answer("id-before", boot: "one"))
        bench.see(at: 3, Self.answer("id-after", boot: "one"))
        #expect(bench.reason().contains("check URL, DNS and proxies"))
        var first = Bench(policy: .short) { $0[0].id = "expected" }
        first.see(at: 1, Self.answer("another", boot: "one"))
        #expect(first.reason().contains("check URL, DNS and proxies"))
    }

    @Test(
        "Field 15: two hosts with one id are clones where they booted by themselves, and one host where they did not",
        arguments: [
            ("one", "two", "/etc/machine-id was cloned"), ("one", "one", "two names for one host, or a proxy"),
            ("", "two", "check both URLs"), ("one", "", "check both URLs"),
        ])
    func duplicates(first: String, second: String, says: String) {
        var bench = Bench(2, policy: .short)
        bench.finish { host, _ in .answer(Self.answer("the-same", boot: host == 0 ? first : second)) }
        for host in 0..<2 {
            #expect(bench.status(host) == .conflict)
            #expect(bench.reason(host).contains(says), "\(bench.reason(host))")
            #expect(bench.reason(host).contains("'host-\(1 - host)'"))
            #expect(bench.reason(host).hasSuffix(Self.remedy))
        }
        #expect(bench.exitCode == 60)
    }

    @Test("An id that the inventory gives to a host that is out of reach names that host")
    func owner() {
        var bench = Bench(2, policy: .short) { $0[0].id = "id-0" }
        bench.finish { host, _ in host == 0 ? .none(.timeout) : .answer(Self.answer("id-0", boot: "one")) }
        #expect(bench.reason(1).hasPrefix("'host-0' has the same id 'id-0'"))
    }
}
