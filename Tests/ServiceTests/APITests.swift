import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, API", .timeLimit(.minutes(3)))
struct APITests {
    /// A service with a made-up fleet of 25 hosts, every other one with a label.
    private static func crowd(
        _ folder: TemporaryFolder, more: String = "", listen: String = "127.0.0.1:0"
    ) async throws -> (ServedCollector, ScriptedHost) {
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(FileFleet.commit)"}"#) }
        let lines = (10..<35).map { number in
            "  - {name: h\(number), url: \"\(hosts.url(host: number))\", labels: {side: \(number % 2 == 0 ? "even" : "odd")}}"
        }
        try folder.write("fleet.yaml", "hosts:\n\(lines.joined(separator: "\n"))\n")
        let service = try await ServedCollector.start(
            fleets: "  - {service: canvas, environment: production, inventory: \(folder.path("fleet.yaml"))}",
            more: more, listen: listen, in: folder)
        return (service, hosts)
    }

    @Test("Pages of hosts have each host once, in the order of names, and keep the filters")
    func paging() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        var path = "/api/v1/fleets/canvas/production/hosts?limit=5&select=side%3Deven"
        var names: [String] = []
        while true {
            let answer = try service.answer("GET", path)
            let page = try ServedCollector.object(answer)
            names += try #require(page["hosts"] as? [[String: Any]]).compactMap { $0["name"] as? String }
            guard let link = answer.headers["link"] else {
                #expect(page["next"] is NSNull)
                break
            }
            #expect(link.hasSuffix("; rel=\"next\""))
            path = String(link.dropFirst().prefix { $0 != ">" })
            let next = try #require(page["next"] as? String)
            #expect(path.contains("cursor=\(next)") && path.contains("select=side%3Deven"), "\(path)")
        }
        #expect(names == (10..<35).filter { $0 % 2 == 0 }.map { "h\($0)" })
        #expect(try service.hosts("?q=H1&limit=1000").count == 10)
        #expect(try service.hosts("?status=converged").isEmpty)
        #expect(try service.hosts("?status=converged,pending,unknown").count == 25)
        await hosts.stop()
    }

    @Test(
        "A mistake in a query is a problem with a remedy",
        arguments: [
            ("hosts?limit=0", "1 to 1000"), ("hosts?limit=1001", "1 to 1000"), ("hosts?limit=5&limit=6", "once"),
            ("hosts?cursor=%21", "unchanged"), ("hosts?status=convergd", "'converged'"),
            ("hosts?select=eu", "KEY=VALUE"),
            ("hosts?limt=5", "did you mean 'limit'?"), ("hosts?q=%ff", "%25"), ("hosts?status=", "omit it"),
            ("hosts?select=", "omit it"), ("hosts?status=,", "one of"), ("hosts?limit=", "omit it"),
        ])
    func mistakes(_ query: String, _ remedy: String) async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        let answer = try service.answer("GET", "/api/v1/fleets/canvas/production/\(query)")
        #expect(answer.status == 400, "\(answer.text)")
        #expect(answer.headers["content-type"] == "application/problem+json")
        let problem = try ServedCollector.object(answer)
        #expect(problem["status"] as? Int == 400)
        #expect((problem["remedy"] as? String)?.contains(remedy) == true, "\(answer.text)")
        await hosts.stop()
    }

    @Test("What does not exist is named, and a method that a path does not have answers 405")
    func missing() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        let other = try service.answer("GET", "/api/v1/fleets/canvas/staging/hosts")
        #expect(other.status == 404)
        #expect(other.text.contains("canvas/production"), "\(other.text)")
        for path in ["/nothing", "/api/v1/hosts/nobody", "/api/v1/commits/1234567", "/api/v1/verifications/none"] {
            let answer = try service.answer("GET", path)
            #expect(answer.status == 404, "\(path)")
            #expect(answer.headers["content-type"] == "application/problem+json", "\(path)")
        }
        #expect(try service.answer("GET", "/api/v1/commits/xyz").status == 400)
        let method = try service.answer("DELETE", "/api/v1/fleets")
        #expect(method.status == 405)
        #expect(method.headers["allow"] == "GET, HEAD")
        await hosts.stop()
    }

    @Test("A commit is found on its hosts by its first digits, and a host by its name")
    func search() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(2, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        let commit = try service.object("/api/v1/commits/aaaaaaa")
        #expect(commit["git_sha"] as? String == FileFleet.commit)
        #expect((commit["hosts"] as? [[String: Any]])?.count == 2)
        let history = try #require(commit["history"] as? [[String: Any]])
        #expect(history.first?["hosts"] as? Int == 2)
        #expect(history.first?["first_seen"] is String)
        let host = try service.object("/api/v1/hosts/host-1")
        let present = try #require(host["services"] as? [[String: Any]])
        #expect(present.first?["service"] as? String == "canvas")
        #expect(present.first?["git_sha"] as? String == FileFleet.commit)
        #expect((host["timeline"] as? [[String: Any]])?.count == 1)
    }

    @Test("Every response has the headers that protect browsers")
    func headers() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        for path in ["/healthz", "/api/v1/fleets", "/metrics", "/nothing"] {
            let headers = try service.answer("GET", path).headers
            #expect(headers["x-content-type-options"] == "nosniff", "\(path)")
            #expect(headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true, "\(path)")
            #expect(headers["cache-control"] == "no-store", "\(path)")
        }
        await hosts.stop()
    }

    @Test("The metrics have every status and verdict, zeros included, and no series for a host")
    func metrics() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        try await eventually("all hosts answered") { try service.fleet()["fresh"] as? Bool == true }
        let answer = try service.answer("GET", "/metrics")
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let series = answer.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        let fleet = #"service="canvas",environment="production""#
        #expect(series.contains("buildinfo_fleet_hosts{\(fleet),status=\"pending\"} 25"), "\(answer.text)")
        #expect(series.contains("buildinfo_fleet_hosts{\(fleet),status=\"converged\"} 0"))
        #expect(series.contains("buildinfo_fleet_hosts{\(fleet),status=\"unknown\"} 0"))
        #expect(series.contains("buildinfo_fleet_hosts_expected{\(fleet)} 25"))
        #expect(series.contains("buildinfo_builds_served{\(fleet)} 1"))
        #expect(series.contains("buildinfo_verifications_total{\(fleet),verdict=\"failed_deploy\"} 0"))
        #expect(series.contains("buildinfo_convergence_seconds_bucket{\(fleet),le=\"+Inf\"} 0"))
        #expect(series.count { $0.contains(fleet) } <= 60)
        #expect(!answer.text.contains("h10"))
        let open = try service.answer(
            "GET", "/metrics", headers: [("Accept", "application/openmetrics-text; version=1.0.0")])
        #expect(open.headers["content-type"]?.hasPrefix("application/openmetrics-text") == true)
        #expect(open.text.hasSuffix("\n# EOF\n"))
        #expect(open.text.contains("# TYPE buildinfo_verifications counter"))
        for accept in [
            "*/*", "application/openmetrics-text;q=0", "application/openmetrics-text; version=1.0.0; q=0.0, text/plain",
        ] {
            let plain = try service.answer("GET", "/metrics", headers: [("Accept", accept)])
            #expect(plain.headers["content-type"]?.hasPrefix("text/plain") == true, "\(accept)")
        }
        await hosts.stop()
    }

    @Test("Without a token, loopback may read, and nobody may verify")
    func anonymous() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder)
        #expect(try service.answer("GET", "/api/v1/fleets", token: nil).status == 200)
        let post = try service.answer("POST", "/api/v1/verifications", token: nil)
        #expect(post.status == 401)
        #expect(post.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
        #expect(try service.answer("GET", "/api/v1/fleets", token: "wrong-token-0123456789abcdef").status == 401)
        await hosts.stop()
    }

    @Test("On loopback, a name that a web page chose reads nothing, and that of public_url does")
    func names() async throws {
        let folder = try TemporaryFolder()
        let (service, hosts) = try await Self.crowd(folder, more: "public_url: https://Deploys.example:8443/here")
        let curl = try Program.installed("curl", remedy: "apt-get install curl")
        for (name, status) in [
            ("rebound.example", "401"), ("deploys.example", "200"), ("localhost:1", "200"), ("127.0.0.1", "200"),
            ("[::1]:80", "200"), ("127.0.0.1.rebound.example", "401"), ("", "401"),
        ] {
            let answered = try await curl.succeed([
                "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: \(name)",
                "http://\(service.authority)/api/v1/fleets",
            ])
            #expect(answered == status || name.isEmpty && answered == "400", "\(name): \(answered)")
        }
        await hosts.stop()
    }

    @Test("Beyond loopback, only a token with the scope opens a route")
    func tokens() async throws {
        let folder = try TemporaryFolder()
        // Every address counts as reachable from the network.
        let (service, hosts) = try await Self.crowd(folder, listen: "0.0.0.0:0")
        let port = service.authority.split(separator: ":").last ?? ""
        let local = ServedCollector(folder: folder, program: service.program, authority: "127.0.0.1:\(port)")
        let routes = [
            "/metrics", "/api/v1/fleets", "/api/v1/fleets/canvas/production/hosts", "/api/v1/hosts/h10",
            "/api/v1/commits/aaaaaaa", "/api/v1/promotions", "/api/v1/verifications/x",
            "/api/v1/verifications/x/report.json",
        ]
        for route in routes {
            #expect(try local.answer("GET", route, token: nil).status == 401, "\(route)")
            #expect(try local.answer("GET", route, token: "wrong-token-0123456789abcdef").status == 401, "\(route)")
            let status = try local.answer("GET", route, token: ServedCollector.readToken).status
            #expect(status == 200 || status == 404, "\(route): \(status)")
        }
        for (method, route) in [("POST", "/api/v1/verifications"), ("DELETE", "/api/v1/verifications/x")] {
            #expect(try local.answer(method, route, token: nil).status == 401)
            #expect(try local.answer(method, route, token: "wrong-token-0123456789abcdef").status == 401)
            let refused = try local.answer(method, route, token: ServedCollector.readToken)
            #expect(refused.status == 403)
            #expect(refused.text.contains("scope 'verify'"), "\(refused.text)")
        }
        #expect(try local.answer("DELETE", "/api/v1/verifications/x", token: ServedCollector.verifyToken).status == 404)
        for route in ["/healthz", "/readyz"] {
            #expect(try local.answer("GET", route, token: nil).status != 401, "\(route)")
        }
        for scheme in ["Basic dTpw", "Bearer", "Bearer  "] {
            let answer = try local.answer("GET", "/api/v1/fleets", token: nil, headers: [("Authorization", scheme)])
            #expect(answer.status == 401, "\(scheme)")
        }
        #expect(!service.program.error.contains(ServedCollector.readToken))
        await hosts.stop()
    }
}
