import Glibc
import Support
import Testing

/// A running agent: one host of a fleet.
struct HostAgent: Sendable {
    let name: String
    /// `address:port`.
    let authority: String
    let program: RunningProgram

    var url: String { "http://\(authority)/buildinfo/canvas" }
    var host: FleetHost { FleetHost(name: name, url: url, agent: self) }

    /// Starts an agent for the service `canvas`, and waits for its first observation.
    static func start(
        _ name: String, selector: String, engine: DockerEngine? = nil, arguments: [String] = [],
        address: String = "127.0.0.1", hostID: String? = nil, program: Program? = nil, prefix: [String] = []
    ) async throws -> HostAgent {
        let source = engine.map { ["--engine", $0.address] } ?? []
        let agent = try program ?? Program.agent()
        let running = try agent.start(
            prefix + ["serve", "--listen", "\(address):0", "--service", "canvas=\(selector)"] + source
                + ["--host-id", hostID ?? "id-of-\(name)", "--host-name", name] + arguments)
        return try await ready(name, running)
    }

    /// Starts a server with the observations of a reader, and waits for its first observation.
    ///
    /// - Parameter awaitsReader: false to start before the reader, while the server does not know its services yet.
    static func server(
        _ name: String, from reader: String, arguments: [String] = [], awaitsReader: Bool = true
    ) async throws -> HostAgent {
        if awaitsReader { try await eventually("the reader listens") { access(reader, F_OK) == 0 } }
        let running = try Program.agent().start(
            ["serve", "--listen", "127.0.0.1:0", "--from", "unix:\(reader)", "--host-id", "server-of-\(name)"]
                + arguments)
        return try await ready(name, running)
    }

    static func ready(_ name: String, _ running: RunningProgram) async throws -> HostAgent {
        try await eventually("the agent is ready", detail: { running.error }) {
            if let code = running.exitCode { Issue.record("the agent ended with \(code): \(running.error)") }
            return running.exitCode != nil || running.error.contains(" Ready")
        }
        let listening = running.error.split(separator: "\n").first { $0.contains(" Listening ") }
        let authority = try #require(listening?.split(separator: "address=").last, "\(running.error)")
        return HostAgent(name: name, authority: String(authority), program: running)
    }

    /// The current document, validated against the schema.
    func document() async throws -> String {
        let answer = try #require(LoopbackRequest("GET", authority, "/buildinfo?nonce=test").answer())
        #expect(answer.status == 200)
        let defects = try await SchemaValidator.defects(answer.text, against: .document)
        #expect(defects.isEmpty, "\(defects) in \(answer.text)")
        return answer.text
    }
}

/// A line of an inventory.
struct FleetHost: Sendable {
    var name: String
    var url: String
    var id: String?
    /// The agent, which runs as long as this value exists.
    var agent: HostAgent?
}
