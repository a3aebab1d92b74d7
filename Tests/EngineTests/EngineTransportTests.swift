import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    @Suite("Engines over TCP, and behind proxies")
    struct EngineTransportTests {
        /// A real Docker engine that also listens on loopback with TLS, and requires client certificates.
        private struct Secured {
            let engine: DockerEngine
            let certificates: TestCertificates
            let port: Int
        }

        /// A port below the range that the kernel assigns to clients.
        private static func port() -> Int { Int.random(in: 26_000..<32_000) }

        private func secured() async throws -> Secured {
            let certificates = try await TestCertificates()
            try await certificates.issue("server", alternatives: "IP:127.0.0.1,DNS:localhost")
            try await certificates.issue("cert", alternatives: nil, commonName: "agent")
            try #require(rename(certificates.path("cert.key"), certificates.path("key.pem")) == 0)
            var started: (engine: DockerEngine, port: Int)?
            for _ in 1...5 where started == nil {
                let port = Self.port()
                do {
                    let engine = try await DockerEngine.start(arguments: [
                        "--host", "tcp://127.0.0.1:\(port)", "--tlsverify", "--tlscacert", certificates.path("ca.pem"),
                        "--tlscert", certificates.path("server.pem"), "--tlskey", certificates.path("server.key"),
                    ])
                    started = (engine, port)
                } catch let missing as MissingPart where "\(missing)".contains("address already in use") {}
            }
            let (engine, port) = try #require(started)
            try await engine.makeImage("canvas:1", revision: Commit.new)
            try await engine.docker("run", "--detach", "--name", "canvas", "--network", "host", "canvas:1")
            return Secured(engine: engine, certificates: certificates, port: port)
        }

        private func print(
            _ engine: String, environment: [String: String], _ arguments: [String] = []
        ) async throws -> RunningProgram.Outcome {
            try await Program.agent().run(
                ["print", "--service", "canvas=container:canvas", "--host-id", "id-of-host-1", "--engine", engine]
                    + arguments, environment: environment)
        }

        @Test(
            "Field 18: Docker over TCP with TLS both ways; each mistake in it is named, and none reads as no container")
        func tls() async throws {
            let yard = try await secured()
            let (certificates, address) = (yard.certificates, "tcp://127.0.0.1:\(yard.port)")
            let environment = ["DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certificates.folder.path]
            for engine in [address, "tcp://localhost:\(yard.port)"] {
                let right = try await print(engine, environment: environment)
                #expect(right.exitCode == 0 && right.output.contains(Commit.new), "\(right.output)\(right.error)")
            }
            // The agent also follows the engine's events, and finds the engine by the environment alone.
            let running = try Program.agent().start(
                [
                    "serve", "--listen", "127.0.0.1:0", "--service", "canvas=container:canvas", "--host-id",
                    "id-of-host-1",
                ], environment: environment.merging(["DOCKER_HOST": address]) { $1 })
            let agent = try await HostAgent.ready("host-1", running)
            #expect(running.error.contains("variable=DOCKER_HOST"), "\(running.error)")
            try await eventually("its events are followed") { running.error.contains("Following") }
            try await yard.engine.docker("stop", "canvas")
            try await eventually("a stop is seen") { try await agent.document().contains(#""state":"exited""#) }

            func reason(_ outcome: RunningProgram.Outcome) -> String {
                #expect(outcome.exitCode == 69, "\(outcome.output)\(outcome.error)")
                #expect(outcome.output.contains(#""state":"unknown""#) && !outcome.output.contains(Commit.new))
                return outcome.output
            }
            let plain = reason(try await print(address, environment: [:]))
            #expect(plain.contains("set DOCKER_TLS_VERIFY=1"), "\(plain)")
            // An authority that did not sign the engine's certificate, and a client certificate that the engine does not
            // trust.
            try await certificates.issue("strange", alternatives: nil, by: "other")
            let folder = try TemporaryFolder()
            for (ca, cert, key, said) in [
                ("other.pem", "cert.pem", "key.pem", "is not trusted"),
                ("ca.pem", "strange.pem", "strange.key", "refused the agent's certificate"),
            ] {
                for (source, target) in [(ca, "ca.pem"), (cert, "cert.pem"), (key, "key.pem")] {
                    try folder.write(target, try certificates.folder.read(source))
                }
                let outcome = reason(
                    try await print(
                        address, environment: ["DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder.path]))
                #expect(outcome.contains(said), "\(outcome)")
            }
            let elsewhere = reason(try await print("tcp://127.0.0.1:1", environment: environment))
            #expect(elsewhere.contains("no engine listens on tcp://127.0.0.1:1"), "\(elsewhere)")
            // A port that does not use TLS.
            let registry = reason(
                try await print("tcp://\(try await SharedEnvironment.registry.authority)", environment: environment))
            #expect(registry.contains("does not speak TLS"), "\(registry)")
        }

        /// A socket proxy that passes the permitted requests, and answers others with 403, as Tecnativa's does.
        private static let proxy = """
            import http.client, http.server, re, socket, sys
            port, engine, allowed = int(sys.argv[1]), sys.argv[2], sys.argv[3]
            class Engine(http.client.HTTPConnection):
                def connect(self):
                    self.sock = socket.socket(socket.AF_UNIX)
                    self.sock.connect(engine)
            class Handler(http.server.BaseHTTPRequestHandler):
                def log_message(self, *_): pass
                def do_GET(self):
                    if not re.match(r"^(/v[\\d.]+)?/(" + allowed + r")", self.path):
                        self.send_error(403)
                        return
                    upstream = Engine("engine")
                    upstream.request("GET", self.path)
                    answer = upstream.getresponse()
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("transfer-encoding", "connection"): self.send_header(name, value)
                    self.end_headers()
                    while part := answer.read1(65536):
                        self.wfile.write(part)
                        self.wfile.flush()
            http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
            """

        @Test("Field 18: a socket proxy that denies a request is named with it, never taken for an empty engine")
        func proxy() async throws {
            let engine = try await SharedEnvironment.shared.engine
            try await engine.makeImage("proxied:1", revision: Commit.new)
            try await engine.docker("run", "--detach", "--name", "proxied", "--network", "host", "proxied:1")
            let python = try Program.installed("python3", remedy: "apt-get install python3")
            let folder = try TemporaryFolder()
            let script = try folder.write("proxy.py", Self.proxy)
            func behind(_ allowed: String) async throws -> (RunningProgram, address: String) {
                let port = Self.port()
                let running = try python.start([script, "\(port)", engine.socket, allowed])
                try await eventually("the proxy listens", detail: { running.error }) {
                    LoopbackRequest("GET", "127.0.0.1:\(port)", "/_ping").answer() != nil
                }
                return (running, "tcp://127.0.0.1:\(port)")
            }
            let rows = [
                ("_ping|version|events", "denied GET /info (403)", "INFO=1"),
                ("_ping|info|events", "denied GET /containers/json (403)", "CONTAINERS=1"),
                ("_ping|info|containers", "denied GET /images/{name}/json (403)", "IMAGES=1"),
                ("containers|images|info", "denied GET /_ping (403)", "PING=1"),
            ]
            for (allowed, said, remedy) in rows {
                let (proxy, address) = try await behind(allowed)
                let outcome = try await Program.agent().run([
                    "print", "--service", "canvas=container:proxied", "--host-id", "id-of-host-1", "--engine", address,
                ])
                #expect(outcome.exitCode == 69, "\(allowed): \(outcome.output)")
                #expect(outcome.output.contains(said) && outcome.output.contains(remedy), "\(outcome.output)")
                #expect(outcome.output.contains(#""state":"unknown""#) && !outcome.output.contains("absent"))
                proxy.kill()
            }

            // Without /events, the agent observes every two seconds, and logs that.
            let (blind, address) = try await behind("_ping|info|containers|images")
            let agent = try await HostAgent.start(
                "host-1", selector: "container:proxied", arguments: ["--engine", address])
            #expect(try await agent.document().contains(#""state":"serving""#))
            try await eventually("it says that there are no events") {
                agent.program.error.contains("denied GET /events (403)")
            }
            try await engine.docker("stop", "proxied")
            try await eventually("a stop is seen without events", within: .seconds(10)) {
                try await agent.document().contains(#""state":"exited""#)
            }
            blind.kill()
            try await eventually("a proxy that is gone is not an empty engine") {
                try await agent.document().contains(#""state":"unknown""#)
            }
            try await engine.remove("proxied")
        }

        @Test("Field 18: plain TCP beyond loopback is refused at the start, unless it is permitted")
        func plain() async throws {
            for environment in [["DOCKER_HOST": "tcp://192.0.2.1:2375"], [:]] {
                let flags = environment.isEmpty ? ["--engine", "tcp://192.0.2.1:2375"] : []
                let outcome = try await Program.agent().run(
                    ["print", "--service", "canvas=container:canvas", "--host-id", "id-of-host-1"] + flags,
                    environment: environment)
                #expect(outcome.exitCode == 64)
                #expect(outcome.error.contains("--allow-plain-engine"), "\(outcome.error)")
            }
        }

        @Test("A folder where the socket should be is named as what it is")
        func folder() async throws {
            let folder = try TemporaryFolder()
            let path = try folder.makeFolder("docker.sock")
            let outcome = try await print("unix://\(path)", environment: [:])
            #expect(outcome.exitCode == 69 && outcome.output.contains("is a folder, not a socket"), "\(outcome.output)")
        }
    }
}
