import Foundation
import Glibc
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Verdict

@Suite("Inventories in DNS")
struct DNSRecordsTests {
    private static let zone = """
        no-resolv
        no-hosts
        bind-interfaces
        listen-address=127.0.0.1
        local=/fleet.test/
        srv-host=_buildinfo._tcp.fleet.test,canvas-02.fleet.test,9480
        srv-host=_buildinfo._tcp.fleet.test,canvas-01.fleet.test,9481,10,5
        address=/canvas.fleet.test/10.0.0.7
        address=/canvas.fleet.test/10.0.0.8
        address=/canvas.fleet.test/2001:db8::7
        address=/six.fleet.test/2001:db8::8
        cname=alias.fleet.test,target.fleet.test
        host-record=target.fleet.test,10.0.0.9
        txt-record=text.fleet.test,only text
        """

    @Test("Addresses and services are hosts, in a fixed order")
    func records() async throws {
        try await withServer(Self.zone) { resolver in
            let services = try await resolver.list("_buildinfo._tcp.fleet.test", .services)
            #expect(services == "canvas-01.fleet.test:9481\ncanvas-02.fleet.test:9480")
            let expected = [
                "canvas.fleet.test": "10.0.0.7\n10.0.0.8\n2001:db8::7", "six.fleet.test": "2001:db8::8",
                "alias.fleet.test": "10.0.0.9",
            ]
            for (name, addresses) in expected {
                let list = try await resolver.list(name, .addresses)
                #expect(list == addresses, "\(name)")
            }
            let ipv4 = try await resolver.list("canvas.fleet.test", .ipv4)
            #expect(ipv4 == "10.0.0.7\n10.0.0.8")
            let ipv6 = try await resolver.list("canvas.fleet.test", .ipv6)
            #expect(ipv6 == "2001:db8::7")
        }
    }

    @Test("More services than fit into one datagram are all hosts")
    func manyServices() async throws {
        let zone = (1...400).map { "srv-host=_many._tcp.fleet.test,canvas-\(1_000 + $0).fleet.test,9480" }
        try await withServer(Self.zone + "\n" + zone.joined(separator: "\n")) { resolver in
            let services = try await resolver.list("_many._tcp.fleet.test", .services)
            #expect(services.split(separator: "\n").count == 400)
        }
    }

    @Test("A name without such records is an empty list, and an unknown name is an error")
    func absent() async throws {
        try await withServer(Self.zone) { resolver in
            let text = try await resolver.list("text.fleet.test", .addresses)
            #expect(text == "")
            await #expect(
                throws: InventoryError.invalid(
                    SourceLocation(source: "dns:no.fleet.test", line: nil),
                    problem: "the name does not exist in DNS: check it, and the search domains in resolv.conf")
            ) {
                _ = try await resolver.list("no.fleet.test", .addresses)
            }
        }
    }

    @Test("A server that does not answer makes the list unavailable, never empty")
    func noServer() async throws {
        // Bound, so that nothing else answers there.
        let silent = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(silent) }
        let port = try Self.bind(silent)
        let resolver = DNSRecords(server: .init(address: "127.0.0.1", port: port))
        await #expect(throws: InventoryError.unavailable(source: "a.test", reason: "the DNS server did not answer")) {
            _ = try await resolver.list("a.test", .addresses)
        }
    }

    @Test("Hosts of services keep their port, unless --port gives another")
    func ports() async throws {
        try await withServer(Self.zone) { resolver in
            let server = InventoryServer(fetch: { _, _ in nil }, resolver: resolver)
            let sources = [InventorySource(argument: "dns+srv:_buildinfo._tcp.fleet.test")]
            let lists = try await server.lists(of: sources)
            func urls(port: Int?) throws -> [String] {
                try Inventory.load(
                    sources: sources, service: "canvas", port: port, now: InventoryFixtures.now, lists: lists
                )
                .hosts.map(\.url)
            }
            #expect(
                try urls(port: nil) == [
                    "http://canvas-01.fleet.test:9481/buildinfo/canvas",
                    "http://canvas-02.fleet.test:9480/buildinfo/canvas",
                ])
            #expect(
                try urls(port: 80) == [
                    "http://canvas-01.fleet.test:80/buildinfo/canvas",
                    "http://canvas-02.fleet.test:80/buildinfo/canvas",
                ])
            let addresses = [InventorySource(argument: "dns:six.fleet.test")]
            let hosts = try Inventory.load(
                sources: addresses, service: "canvas", now: InventoryFixtures.now,
                lists: try await server.lists(of: addresses)
            ).hosts
            #expect(hosts.map(\.url) == ["http://[2001:db8::8]:9480/buildinfo/canvas"])
        }
    }

    private func withServer(_ zone: String, _ body: (DNSRecords) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let file = try folder.write(zone + "\n", to: "dnsmasq.conf")
        let program = try Program.installed("dnsmasq", remedy: "apt-get install dnsmasq-base")
        // Another program may take the port before the server does.
        for _ in 0..<5 {
            let reserved = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            let port = try Self.bind(reserved)
            close(reserved)
            let server = try program.start([
                "--conf-file=\(file)", "--port=\(port)", "--keep-in-foreground", "--pid-file=", "--user=",
                "--log-facility=-",
            ])
            defer { server.kill() }
            let resolver = DNSRecords(server: .init(address: "127.0.0.1", port: port))
            while server.exitCode == nil {
                guard (try? await resolver.list("target.fleet.test", .ipv4)) == "10.0.0.9" else {
                    try await Task.sleep(for: .milliseconds(100))
                    continue
                }
                return try await body(resolver)
            }
        }
        Issue.record("dnsmasq does not start")
    }

    /// Binds a socket to a free port of loopback.
    private static func bind(_ descriptor: Int32) throws -> Int {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                let bound = Glibc.bind(descriptor, pointer, length)
                return bound == 0 ? getsockname(descriptor, pointer, &length) : bound
            }
        }
        guard result == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
