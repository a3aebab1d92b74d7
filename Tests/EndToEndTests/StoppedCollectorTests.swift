import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// A collector that does not run for a time, or whose output nobody reads.
@Suite("End to end: a suspended collector, and readers that stop", .timeLimit(.minutes(5)))
struct StoppedCollectorTests {
    @Test("Requests that a stop of the collector cut count against no host, and the soak begins again")
    func stopped() async throws {
        // Nearly always a request is under way.
        let hosts = try await ScriptedHost.start { _ in
            .after(.milliseconds(400), .json(#"{"git_sha":"\#(Commit.new)"}"#))
        }
        let fleet = (0..<3).map { FleetHost(name: "host-\($0 + 1)", url: hosts.url(host: $0)) }
        var verify = Verify(hosts: fleet, sha: Commit.new, soak: "4s")
        // Longer than a request's timeout, and than an answer is fresh.
        verify.whileSoaking = "kill -STOP $pid; sleep 8; kill -CONT $pid"
        let result = try await verify.run()
        #expect(result.exitCode == 0, "\(result)")
        let line = /([0-9.]+)s  the collector was suspended for (7\.9|8)/
        let said = try #require(result.progress.firstMatch(of: line), "\(result.progress)")
        #expect(result.report.warnings?.contains { $0.hasPrefix("the collector was suspended for ") } == true)
        let end = try #require(Double(said.1))
        #expect(result.report.verification.durationSeconds >= 12, "\(result)")
        for host in result.report.hosts {
            // Earlier and later ones are of requests that were sent before or after the stop, and that busy tests answered too late.
            let since = host.transitions.drop { $0.status != "soaking" }
            #expect(!since.contains { $0.status == "unreachable" && $0.seconds < end + 1 }, "\(host)")
        }
        await hosts.stop()
    }

    @Test("A deadline that passed while the collector was stopped is inconclusive")
    func stoppedPastDeadline() async throws {
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.new)"}"#) }
        let fleet = [FleetHost(name: "host-1", url: hosts.url())]
        var verify = Verify(hosts: fleet, sha: Commit.new, timeout: "12s", soak: "11s")
        verify.whileSoaking = "kill -STOP $pid; sleep 14; kill -CONT $pid"
        let result = try await verify.run()
        #expect(result.exitCode == 31, "\(result)")
        #expect(result.report.reasons.first?.message.contains("the collector was suspended") == true, "\(result)")
        await hosts.stop()
    }

    /// Runs a script with a pipe at descriptor 3 that is full and that nothing reads.
    private static func full(_ script: String) async throws -> (
        outcome: RunningProgram.Outcome, folder: TemporaryFolder
    ) {
        let folder = try TemporaryFolder()
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.new)"}"#) }
        let preamble = """
            verify() {
                '\(try Program.collector().path)' verify --service canvas --host '\(hosts.url())' --sha \(Commit.new) --timeout 15s \
                    --soak 500ms --interval 200ms --report json='\(folder.path("report.json"))' "$@"
            }
            cd '\(folder.path)'
            mkfifo pipe
            exec 3<> pipe
            head -c 65536 /dev/zero >&3

            """
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let outcome = try await bash.run(["-c", preamble + script], environment: ["HOME": folder.path])
        await hosts.stop()
        return (outcome, folder)
    }

    @Test("Progress that nobody reads delays neither the verdict nor the report")
    func progress() async throws {
        let (outcome, folder) = try await Self.full(
            "verify --progress plain --log-level trace 2>&3; code=$?; echo $SECONDS; exit $code")
        #expect(outcome.exitCode == 0, "\(outcome)")
        let report = try folder.read("report.json")
        #expect(report.contains("\"converged\""))
        #expect(!report.contains("was suspended"), "a reader that stopped is not a suspension: \(report)")
        let seconds = outcome.output.split(separator: "\n").last.flatMap { Int($0) }
        // The verification takes three seconds at most, and the end waits two for the reader.
        #expect((seconds ?? .max) < 12, "\(outcome)")
        let history = try await Program.collector().succeed(["history"], environment: ["HOME": folder.path])
        #expect(history.contains("converged"), "\(history)")
    }

    @Test(
        "A result that nobody reads is never a success, and the files are written all the same",
        arguments: [
            "verify >&3", "verify --report text=- >&3", "verify --report markdown=/dev/fd/3",
            "verify --report text=late",
        ])
    func result(_ call: String) async throws {
        let (outcome, folder) = try await Self.full("mkfifo late; \(call)")
        #expect(outcome.exitCode == 69, "\(outcome)")
        #expect(outcome.error.contains("its reader stopped reading"), "\(outcome)")
        #expect(outcome.error.contains("the verdict was converged (exit 0)"), "\(outcome)")
        #expect(try folder.read("report.json").contains("\"converged\""))
    }

    @Test("A reader that is slow gets the whole report")
    func slow() async throws {
        let (outcome, _) = try await Self.full(
            "{ sleep 3; head -c 65536 > /dev/null; cat; } < pipe 3>&- > read & verify --report json=- >&3; code=$?; "
                + "exec 3>&-; wait; cmp report.json read && exit $code")
        #expect(outcome.exitCode == 0, "\(outcome.output) \(outcome.error.suffix(300))")
    }

    @Test("Without enough local ports, every host still gets its turn, and none is blamed meanwhile")
    func ports() async throws {
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        let folder = try TemporaryFolder()
        // All hosts behind one address, as behind a proxy: each connection needs a local port of its own.
        let server = try folder.write(
            "server.py",
            """
            import http.server

            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self):
                    body = b'{"git_sha": "\(Commit.new)"}'
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *arguments):
                    pass

            http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
            """)
        let script = """
            ip link set lo up && sysctl -q -w net.ipv4.ip_local_port_range='40000 40009' || exit 99
            python3 '\(server)' & trap 'kill %1' EXIT
            until (exec 3<>/dev/tcp/127.0.0.1/8080) 2> /dev/null; do sleep 0.1; done
            hosts=(); for number in {1..40}; do hosts+=(--host "http://127.0.0.1:8080/$number"); done
            '\(try Program.collector().path)' verify --service canvas --sha \(Commit.new) --store none --timeout 60s \
                --soak 3s --interval 500ms --report json='\(folder.path("report.json"))' "${hosts[@]}"
            """
        let outcome = try await unshare.run(["--net", "bash", "-c", script], environment: ["HOME": folder.path])
        try #require(outcome.exitCode != 99, "no network namespace: \(outcome.error)")
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let report = try folder.read("report.json")
        #expect(report.contains("not queried: the collector has no free local port"), "ports were not short")
        #expect(!report.contains("check the host"))
    }
}
