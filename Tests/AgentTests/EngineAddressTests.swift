import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

/// Field 18: engine addresses in every supported form.
@Suite struct EngineAddressTests {
    @Test(
        "Field 18: an address is a socket path or a TCP address, as for Docker's client",
        arguments: [
            ("unix:///run/docker.sock", "/run/docker.sock"), ("unix:/run/docker.sock", "/run/docker.sock"),
            ("/run/podman/podman.sock", "/run/podman/podman.sock"), ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("tcp://127.0.0.1", "tcp://127.0.0.1:2375"), ("tcp://127.0.0.1:9999/", "tcp://127.0.0.1:9999"),
            ("tcp://localhost:2375", "tcp://localhost:2375"), ("tcp://[::1]:2375", "tcp://[::1]:2375"),
            ("tcp://[::1]", "tcp://[::1]:2375"), ("tcp://127.9.9.9:1", "tcp://127.9.9.9:1"),
        ])
    func addresses(text: String, expected: String) throws {
        #expect("\(try EngineAddress(parsing: text))" == expected)
    }

    @Test(
        "Field 18: an invalid address is refused with a remedy",
        arguments: [
            ("ssh://root@host", "forward the engine's socket"), ("npipe:////./pipe/docker_engine", "Windows"),
            ("http://127.0.0.1:2375", "expected tcp://"), ("https://127.0.0.1:2376", "DOCKER_TLS_VERIFY=1"),
            ("fd://", "unknown scheme"), ("docker.sock", "unix:///PATH"), ("127.0.0.1:2375", "tcp://HOST:PORT"),
            ("", "unix:///PATH"), ("unix://", "unix:///PATH"), ("tcp://", "tcp://HOST:PORT"),
            ("tcp://127.0.0.1:0", "tcp://HOST:PORT"), ("tcp://127.0.0.1:65536", "tcp://HOST:PORT"),
            ("tcp://127.0.0.1:x", "tcp://HOST:PORT"), ("tcp://::1:2375", "tcp://[IPV6]:PORT"),
            ("tcp://[nonsense]:1", "tcp://[IPV6]:PORT"), ("tcp://user@host:1", "tcp://HOST:PORT"),
            ("unix:///" + String(repeating: "x", count: 107), "107 bytes"),
        ])
    func refusals(text: String, remedy: String) {
        do {
            _ = try EngineAddress(parsing: text, allowsPlain: true)
            Issue.record("'\(text)' was parsed as an address")
        } catch {
            #expect("\(error)".contains(remedy), "\(error)")
        }
    }

    @Test(
        "Field 18: plain HTTP beyond loopback is refused unless it is permitted",
        arguments: ["tcp://10.0.0.1:2375", "tcp://socket-proxy:2375", "tcp://[2001:db8::1]:2375", "tcp://0.0.0.0:2375"])
    func plain(text: String) throws {
        do {
            _ = try EngineAddress(parsing: text)
            Issue.record("\(text) was taken")
        } catch {
            #expect("\(error)".contains("--allow-plain-engine"))
        }
        #expect("\(try EngineAddress(parsing: text, allowsPlain: true))" == text)
    }

    @Test("Field 18: flags take precedence over DOCKER_HOST and CONTAINER_HOST, and empty variables are unset")
    func environment() throws {
        let folder = try TemporaryFolder()
        func sockets(_ flags: [String] = [], _ environment: [String: String]) throws -> EngineSockets {
            try EngineSockets(parsing: flags, environment: environment)
        }
        let both = ["DOCKER_HOST": "unix:///d", "CONTAINER_HOST": "unix:///c"]
        #expect(try sockets(["/f"], both).current() == [.unix(path: "/f")])
        #expect(try sockets(["/f"], both).origin == nil)
        #expect(try sockets([], both).current() == [.unix(path: "/d")])
        #expect(try sockets([], both).origin == "DOCKER_HOST")
        let second = try sockets([], both.merging(["DOCKER_HOST": ""]) { $1 })
        #expect(second.current() == [.unix(path: "/c")] && second.origin == "CONTAINER_HOST")
        let none = try sockets([], ["DOCKER_HOST": "", "CONTAINER_HOST": "", "XDG_RUNTIME_DIR": folder.path])
        #expect(none.named.isEmpty && none.origin == nil)
        #expect(throws: AgentError.self) { try sockets([], ["DOCKER_HOST": "ssh://host"]) }
        do { _ = try sockets([], ["DOCKER_HOST": "ssh://host"]) } catch {
            #expect("\(error)".hasPrefix("invalid DOCKER_HOST 'ssh://host': "), "\(error)")
        }
        let failure = try sockets([], both).explained(EngineFailure(.unreachable, "it failed"))
        #expect(failure.description == "it failed (engine from DOCKER_HOST)")
    }

    @Test("Field 18: the reason lists every socket that was tried, with the finding")
    func places() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("a.sock"), withIntermediateDirectories: true)
        try folder.write("", to: "b.sock")
        let sockets = EngineSockets(defaults: ["a.sock", "b.sock", "c.sock"].map(folder.file))
        let reason = try #require(sockets.absence).description
        for (name, state) in [("a.sock", "a folder, not a socket"), ("b.sock", "not a socket"), ("c.sock", "missing")] {
            #expect(reason.contains("\(folder.file(name)) (\(state))"), "\(reason)")
        }
        #expect(reason.contains("--engine"))
        #expect(EngineSockets(named: [.unix(path: "/x")], defaults: []).absence == nil)
    }

    @Test("Field 18: unusable TLS files are reported at the start")
    func certificates() async throws {
        let certificates = try await TestCertificates()
        let environment = { (more: [String: String]) in
            ["DOCKER_HOST": "tcp://10.0.0.1", "DOCKER_TLS_VERIFY": "1"].merging(more) { $1 }
        }
        func error(_ environment: [String: String]) -> String {
            do {
                let sockets = try EngineSockets(parsing: [], environment: environment)
                return "\(sockets.current()[0])"
            } catch { return "\(error)" }
        }
        #expect(error(environment([:])).contains("set DOCKER_CERT_PATH"))
        let path = ["DOCKER_CERT_PATH": certificates.folder.path]
        // The folder has a ca.pem already, and neither certificate nor key is required.
        #expect(error(environment(path)) == "tcp://10.0.0.1:2376")
        try await certificates.issue("cert", alternatives: nil)
        #expect(error(environment(path)).contains("key.pem is missing"))
        #expect(rename(certificates.path("other.key"), certificates.path("key.pem")) == 0)
        #expect(error(environment(path)).contains("do not match"))
        #expect(rename(certificates.path("cert.key"), certificates.path("key.pem")) == 0)
        #expect(error(environment(path)) == "tcp://10.0.0.1:2376")
        try certificates.folder.write("ca.pem", "nonsense")
        #expect(error(environment(path)).contains("ca.pem does not contain a PEM certificate"))
        #expect(unlink(certificates.path("ca.pem")) == 0)
        #expect(error(environment(path)).contains("ca.pem is missing"))
        // A unix socket does not need TLS files.
        #expect(error(environment(["DOCKER_HOST": "unix:///x"])) == "/x")
    }

    @Test("Field 18: an invalid DOCKER_HOST is an error only if a service is on an engine")
    func unneeded() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "sha")
        func outcome(_ selector: String) async -> (Int32, String) {
            let errors = Mutex("")
            let console = Console(
                environment: ["DOCKER_HOST": "ssh://host"], output: { _ in },
                error: { text in errors.withLock { $0 += text } })
            let code = await Agent.execute(
                ["print", "--host-id", "host-0001", "--config", folder.file("empty"), "--service", "a=\(selector)"],
                console: console)
            return (code, errors.withLock { $0 })
        }
        try folder.write("", to: "empty")
        #expect(await outcome("file:\(path)").0 == 0)
        let (code, error) = await outcome("container:a")
        #expect(code == 64 && error.contains("invalid DOCKER_HOST 'ssh://host'"), "\(error)")
    }
}
