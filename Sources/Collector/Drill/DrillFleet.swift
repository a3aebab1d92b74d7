import FoundationEssentials
import Inventory
import Shared

/// The hosts of one case while they answer.
struct DrillFleet: Sendable {
    private let hosts: [DrillHost]
    private let servers: [DrillServer]
    private let address: String

    /// Starts them all, or none.
    init(starting hosts: [DrillHost], address: String) async throws(DrillError) {
        var servers: [DrillServer] = []
        do {
            for host in hosts { servers.append(try await DrillServer.start(host, address: address)) }
        } catch {
            for server in servers { await server.stop() }
            throw error
        }
        (self.hosts, self.servers, self.address) = (hosts, servers, address)
    }

    func stop() async {
        for server in servers { await server.stop() }
    }

    /// Requests that all of them read so far.
    var requests: Int { servers.reduce(0) { $0 + $1.requests } }

    /// Writes an inventory of the first hosts, and reads it as `--fleet` does.
    ///
    /// - Parameter count: how many; nil for all.
    func inventory(of count: Int? = nil, file path: String) throws -> Inventory {
        let listed = zip(hosts, servers).prefix(count ?? hosts.count).map { host, server in
            File.Host(name: host.name, url: "http://\(address):\(server.port)/buildinfo", id: host.expectedID)
        }
        try JSONEncoder().encode(File(service: DrillBuild.service, hosts: listed)).write(to: URL(filePath: path))
        return try Inventory.load(sources: [.file(path: path)], now: Date())
    }

    /// An inventory as users write it.
    private struct File: Encodable {
        package struct Host: Encodable {
            var name: String
            var url: String
            var id: String?
        }

        var service: String
        var hosts: [Host]
    }
}
