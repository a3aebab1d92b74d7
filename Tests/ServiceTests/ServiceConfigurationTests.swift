import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures
@testable import Operations
@testable import Service
@testable import Verdict

@Suite("Service, configuration", .timeLimit(.minutes(2)))
struct ServiceConfigurationTests {
    private static let fleets = "fleets:\n  - {service: canvas, inventory: /fleet.yaml}\n"

    private static func image(_ image: String, _ check: String = "interval: 1m") -> String {
        "fleets:\n  - {service: c, inventory: /f, image: \(image), check_image: {\(check)}}\n"
    }

    private static func hook(_ hook: String) -> String {
        "hooks: [{\(hook)}]\nfleets:\n  - {service: c, inventory: /f, image: r/c}\n"
    }

    /// The mistakes of a file.
    private static func problems(_ text: String) throws -> [String] {
        let folder = try TemporaryFolder()
        let path = try folder.write("collector.yaml", text)
        do throws(ConfigurationError) {
            _ = try ServiceConfiguration.read(path)
            return []
        } catch {
            return error.problems.map { $0.replacing("\(path)", with: "FILE") }
        }
    }

    @Test("Every key of the documentation is read")
    func keys() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "collector.yaml",
            """
            listen: ["127.0.0.1:9490", "[::1]:9490", unix:/run/collector.sock]
            public_url: https://deploys.example/
            store: /var/lib/ledger.db
            access:
              tokens: [{file: /ci.token, scopes: [read, verify]}, {file: /hook.token, scopes: [hook]}]
              oidc:
                - {issuer: "https://token.example/", audience: buildinfo, claims: {repository: team/canvas}, scopes: [verify]}
                - issuer: https://gitlab.example
                  audience: [buildinfo, other]
                  claims: {project_path: [team/canvas, team/web], ref_protected: "true"}
                  scopes: [read, verify]
                  ca: /forge-ca.pem
              anonymous: [read]
              tls: {certificate: /tls.pem, key: /tls.key, client_ca: /ca.pem}
            retention: {verifications: 90d}
            hooks:
              - {name: registry, kind: distribution}
              - {name: forge, kind: gitea, secret_file: /forge.secret, fleets: [canvas/production]}
            fleets:
              - service: canvas
                environment: production
                inventory: dns:canvas.example
                access: {token_file: /hosts.token, ca: /ca.pem, cert: /me.pem, key: /me.key}
                policy: {soak: 30s, timeout: 10m, max_unreachable: 5%, max_stragglers: 1, fail_after: 5}
                image: registry.example/team/canvas:latest
                check: {interval: 20s}
                check_image: {interval: 2m, candidate: "rc-{sha}", auth_file: /auth.json, ca: /registry.pem}
              - service: canvas
                inventory: https://list.example/hosts
                policy:
                  max_stragglers: ["2", "region=eu:10%"]
                  max_failed: group=canary:1
                  require: [group=canary:100%, region=eu:1]
                  min_hosts: 8
                  max_shrink: 5%
            """)
        let read = try ServiceConfiguration.read(path)
        #expect(read.listen.map(\.value.description) == ["127.0.0.1:9490", "[::1]:9490", "unix:/run/collector.sock"])
        #expect(read.publicURL == "https://deploys.example")
        #expect(read.store == "/var/lib/ledger.db")
        #expect(read.tokens.map(\.scopes) == [[.read, .verify], [.hook]])
        #expect(read.identities.map(\.issuer.value) == ["https://token.example/", "https://gitlab.example"])
        #expect(read.identities[1].audiences == ["buildinfo", "other"])
        #expect(
            read.identities[1].claims == ["project_path": ["team/canvas", "team/web"], "ref_protected": ["true"]])
        #expect(read.identities.map(\.scopes) == [[.verify], [.read, .verify]])
        #expect(read.identities[1].authorities?.value == "/forge-ca.pem")
        #expect(read.allowsAnonymous)
        #expect(read.tls?.clientAuthorities?.value == "/ca.pem")
        let fleet = read.fleets[0]
        #expect(fleet.deployed.description == "canvas in production")
        #expect(fleet.inventory.value == "dns:canvas.example")
        #expect(fleet.credentials.key?.path == "/me.key")
        #expect(fleet.policy.soak == .seconds(30) && fleet.policy.maxUnreachable == .percent(5))
        #expect(fleet.policy.maxStragglers == .hosts(1) && fleet.policy.failAfter == 5)
        #expect(fleet.interval == .seconds(20))
        let byLabel = read.fleets[1].policy
        #expect(byLabel.stragglers.plain == .hosts(2))
        #expect(byLabel.stragglers.byLabel.map { "\($0)" } == ["region=eu:10%"])
        #expect(byLabel.failed.plain == .none && byLabel.failed.byLabel.map { "\($0)" } == ["group=canary:1"])
        #expect(byLabel.require.map { "\($0)" } == ["group=canary:100%", "region=eu:1"])
        #expect(read.fleets[1].inventoryCheck == InventoryCheck(minimumHosts: 8, maximumShrinkPercent: 5))
        #expect(fleet.inventoryCheck == InventoryCheck())
        #expect(read.fleets[1].deployed.description == "canvas")
        #expect(read.fleets[1].interval == .seconds(15))
        #expect(fleet.image.map { "\($0.value)" } == "registry.example/team/canvas:latest")
        #expect(fleet.imageCheck.interval == .seconds(120))
        #expect("\(fleet.imageCheck.candidates)" == "rc-{sha}")
        #expect(fleet.imageCheck.authFile?.value == "/auth.json" && fleet.imageCheck.ca?.value == "/registry.pem")
        #expect(read.fleets[1].image == nil && read.fleets[1].imageCheck.interval == .seconds(60))
        #expect(read.verificationAge == .seconds(90 * 86_400))
        #expect(read.hooks.map(\.kind) == [.distribution, .gitea])
        #expect(read.hooks[1].secretFile?.value == "/forge.secret")
        #expect(read.hooks[1].fleets?.map(\.value.description) == ["canvas in production"])
    }

    @Test(
        "A mistake in a policy's list is named with the remedy",
        arguments: [
            ("max_failed: ['1', '2']", "at most one value without a label"),
            ("max_failed: [region=eu]", "expected KEY=VALUE:N or KEY=VALUE:P%"),
            ("require: group=canary", "fleets[0].policy.require 'group=canary': expected KEY=VALUE:N"),
            ("require: []", "fleets[0].policy.require needs a list with at least one entry"),
            ("min_proven: [1]", "fleets[0].policy.min_proven needs a value"),
            ("max_shrink: 20", "expected a percentage"), ("min_hosts: many", "expected a whole number"),
        ] as [(String, String)])
    func policyMistakes(_ policy: String, _ expected: String) throws {
        let problems = try Self.problems("fleets:\n  - {service: c, inventory: /f, policy: {\(policy)}}\n")
        #expect(problems.contains { $0.contains(expected) && $0.hasPrefix("FILE:2: ") }, "\(problems)")
    }

    @Test(
        "A mistake is named with its line and the remedy",
        arguments: [
            ("listn: [a]\n" + fleets, "FILE:1: unknown key 'listn': did you mean 'listen'?"),
            ("listen: [localhost]\n" + fleets, "FILE:1: invalid listen[0] 'localhost': expected HOST:PORT"),
            ("listen: ['0.0.0.0:9490']\n" + fleets, "FILE:1: listen '0.0.0.0:9490' is reachable from the network"),
            ("store: postgresql://db\n" + fleets, "FILE:1: store in PostgreSQL is not supported yet"),
            ("store: ledger.db\n" + fleets, "FILE:1: invalid store 'ledger.db': expected an absolute path"),
            ("retention: {verifications: 1h}\n" + fleets, "FILE:1: retention.verifications 1h 0m is too short"),
            ("retention: {evidence: 90d}\n" + fleets, "unknown key 'evidence' in retention"),
            ("public_url: deploys\n" + fleets, "FILE:1: invalid public_url 'deploys'"),
            ("access: {anonymous: [verify]}\n" + fleets, "without a token, only read is possible"),
            ("access: {oidc: []}\n" + fleets, "FILE:1: access.oidc needs a list with at least one entry"),
            ("access:\n  tokens: [{scopes: [read]}]\n" + fleets, "FILE:2: access.tokens[0] has no file"),
            (
                "access:\n  tokens: [{file: /t, scopes: [raed]}]\n" + fleets,
                "unknown scope 'raed' in access.tokens[0]: did you mean 'read'?"
            ),
            ("access: {tls: {certificate: /c}}\n" + fleets, "access.tls needs a certificate and its key"),
            ("listen: ['127.0.0.1:1']\n", "FILE: fleets is missing"),
            ("fleets: []\n", "FILE:1: fleets needs a list with at least one entry, not an empty one"),
            ("fleets:\n  - {inventory: /f}\n", "FILE:2: fleets[0] has no service"),
            ("fleets:\n  - {service: canvas}\n", "FILE:2: fleets[0] has no inventory"),
            ("fleets:\n  - {service: canvas, inventory: '-'}\n", "cannot be standard input"),
            ("fleets:\n  - {service: a b, inventory: /f}\n", "FILE:2: fleets[0].service 'a b'"),
            (fleets + "  - {service: canvas, inventory: /g}\n", "FILE:3: a second fleet for canvas, first at FILE:2"),
            (
                "fleets:\n  - {service: c, inventory: /f, policy: {soak: 30}}\n",
                "fleets[0].policy.soak '30' has no unit"
            ),
            ("fleets:\n  - {service: c, inventory: /f, policy: {soak: 1h}}\n", "does not fit into timeout"),
            ("fleets:\n  - {service: c, inventory: /f, policy: {max_failed: many}}\n", "expected a number of hosts"),
            ("fleets:\n  - {service: c, inventory: /f, check: {interval: 1ms}}\n", "expected 500ms to 1h"),
            ("fleets:\n  - {service: c, inventory: /f, access: {key: /k}}\n", "needs a certificate"),
            ("a: [\n", "FILE:2: invalid YAML"),
            ("fleets: &f\n  - {service: c, inventory: /f}\n", "anchors (&) are not supported: write out every value"),
        ])
    func mistakes(_ text: String, _ expected: String) throws {
        let problems = try Self.problems(text)
        #expect(problems.contains { $0.contains(expected) }, "\(problems)")
        #expect(problems.allSatisfy { $0.contains(": ") && $0.hasPrefix("FILE") }, "\(problems)")
    }

    @Test(
        "A mistake in a rule for identity tokens is named with the remedy",
        arguments: [
            ("https://i.example", "audience: b, scopes: [verify]", "FILE:2: access.oidc[0] has no claims"),
            ("https://i.example", "audience: b, scopes: [verify], claims: {}", "needs names with values"),
            (
                "https://i.example", "audience: b, scopes: [verify], claims: {ref: refs/heads/main}",
                "access.oidc[0].claims does not say whose job it is"
            ),
            (
                "https://i.example", "audience: b, scopes: [verify], claims: {repository: 'team/*'}",
                "values are compared exactly"
            ),
            (
                "https://i.example", "audience: b, scopes: [verify], claims: {repository: {a: b}}",
                "access.oidc[0].claims.repository needs a value"
            ),
            ("https://i.example", "claims: {repository: t/c}, scopes: [verify]", "[0] has no audience"),
            ("https://i.example", "audience: b, claims: {repository: t/c}", "[0] has no scopes"),
            (
                "https://i.example", "audience: b, claims: {repository: t/c}, scopes: [verfy]",
                "unknown scope 'verfy' in access.oidc[0]: did you mean 'verify'?"
            ),
            ("http://i.example", "audience: b", "invalid access.oidc[0].issuer 'http://i.example': expected https://"),
            ("https://u@i.example", "audience: b", "invalid access.oidc[0].issuer"),
            ("https://i.example?x=1", "audience: b", "invalid access.oidc[0].issuer"),
            ("i.example", "audience: b", "invalid access.oidc[0].issuer"),
            ("https://i.example", "audence: b", "did you mean 'audience'?"),
            ("https://i.example", "audience: b, ca: ca.pem", "expected an absolute path"),
        ] as [(String, String, String)])
    func identityMistakes(_ issuer: String, _ more: String, _ expected: String) throws {
        let problems = try Self.problems("access:\n  oidc: [{issuer: '\(issuer)', \(more)}]\n" + Self.fleets)
        #expect(problems.contains { $0.contains(expected) }, "\(problems)")
        #expect(problems.allSatisfy { $0.contains(": ") && $0.hasPrefix("FILE") }, "\(problems)")
    }

    private static let tagMistakes: [(String, String)] = [
        (image("r/c@sha256:\(String(repeating: "a", count: 64))"), "FILE:2: fleets[0].image"),
        (image("'r/C:x'"), "FILE:2: invalid fleets[0].image 'r/C:x'"),
        (
            image("r/c", "interval: 10ms"),
            "FILE:2: fleets[0].check_image.interval 10ms is out of range: expected 1s to 1h"
        ),
        (
            image("r/c", "intervall: 1m"),
            "unknown key 'intervall' in fleets[0].check_image: did you mean 'interval'?"
        ),
        (
            image("r/c", "candidate: x"),
            "invalid fleets[0].check_image.candidate 'x': the placeholder {sha} is missing"
        ),
        (image("r/c", "plain_http: maybe"), "fleets[0].check_image.plain_http 'maybe': expected true or false"),
        (
            image("r/c", "plain_http: true, ca: /ca"),
            "fleets[0].check_image.plain_http and fleets[0].check_image.ca exclude"
        ),
        (image("r/c", "auth_file: a.json"), "fleets[0].check_image.auth_file 'a.json': expected an absolute path"),
        (
            "fleets:\n  - {service: c, inventory: /f, check_image: {}}\n",
            "FILE:2: fleets[0].check_image has no image"
        ),
        (hook("name: a, kind: github"), "FILE:1: the hook 'a' accepts no sender: add secret_file: /PATH"),
        (hook("name: a, kind: distribution"), "the hook 'a' accepts no sender: add a token with scopes: [hook]"),
        (hook("name: a, kind: distribution, secret_file: /s"), "hooks[0].secret_file is not used by this kind"),
        (
            hook("name: a, kind: gihub, secret_file: /s"),
            "FILE:1: unknown hooks[0].kind 'gihub': did you mean 'github'?"
        ),
        (hook("name: a/b, kind: github, secret_file: /s"), "invalid hooks[0].name 'a/b'"),
        (hook("kind: github, secret_file: /s"), "FILE:1: hooks[0] has no name"),
        (hook("name: a, secret_file: /s"), "FILE:1: hooks[0] has no kind"),
        (hook("name: a, kind: github, secret_file: /s, fleets: [web]"), "FILE:1: no fleet 'web' with an image"),
        (
            hook("name: a, kind: github, secret_file: /s, fleets: [a/b/c]"),
            "expected SERVICE or SERVICE/ENVIRONMENT"
        ),
        (
            "hooks: [{name: a, kind: github, secret_file: /s}, {name: a, kind: gitea, secret_file: /s}]\n" + fleets,
            "FILE:1: a second hook 'a', first at FILE:1: rename one"
        ),
        (
            "hooks: [{name: a, kind: github, secret_file: /s}]\n" + fleets,
            "FILE:1: the hook 'a' has no tag to read: add image to a fleet"
        ),
    ]

    @Test("A mistake in a watched tag or in a hook is named with its line and the remedy", arguments: tagMistakes)
    func mistakesInTags(_ text: String, _ expected: String) throws {
        try mistakes(text, expected)
    }

    @Test(
        "The host of public_url is compared without its port, and an IPv6 address without its brackets",
        arguments: [
            ("https://Deploys.example:8443/here", "deploys.example:8443"),
            ("https://deploys.example", "deploys.example"),
            ("https://[2001:DB8::1]:8443", "[2001:db8::1]:8443"), ("http://[2001:db8::1]", "[2001:db8::1]"),
        ])
    func publicHost(_ url: String, _ host: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("collector.yaml", "public_url: '\(url)'\n" + Self.fleets)
        let control = AccessControl(publicHost: try ServiceConfiguration.read(path).publicHost)
        #expect(control.anonymousScopes(.loopback, host: host) == [.read])
        #expect(control.anonymousScopes(.loopback, host: "[2001:db8::2]:8443").isEmpty)
    }

    @Test("All mistakes of a file are named, not only the first one")
    func all() throws {
        let problems = try Self.problems("listen: [x]\nstore: y\nfleets:\n  - {service: c, inventory: /f, chck: {}}\n")
        #expect(problems.count == 3, "\(problems)")
    }

    @Test("The files of a folder are one configuration, in which a key is set once")
    func folder() throws {
        let folder = try TemporaryFolder()
        try folder.write("a.yaml", "store: /ledger.db\n" + Self.fleets)
        try folder.write("b.yaml", "fleets:\n  - {service: web, inventory: /web.yaml}\n")
        try folder.write("ignored.yml", "nonsense: true\n")
        let read = try ServiceConfiguration.read(folder.path)
        #expect(read.fleets.map(\.deployed.name) == ["canvas", "web"])
        try folder.write("b.yaml", "store: /other.db\n")
        let error = #expect(throws: ConfigurationError.self) { try ServiceConfiguration.read(folder.path) }
        #expect(
            error?.problems == [
                "\(folder.path)/b.yaml:1: store is set twice, first at \(folder.path)/a.yaml:1: remove one"
            ])
    }

    @Test("--check reads what the configuration names, and exits with 0 or 64")
    func check() async throws {
        let folder = try TemporaryFolder()
        try folder.write("fleet.yaml", "hosts: [a, b]\n")
        let collector = try Program.collector()
        func check(_ text: String) async throws -> RunningProgram.Outcome {
            try await collector.run(["serve", "--check", "--config", try folder.write("collector.yaml", text)])
        }
        let fleets = "fleets:\n  - {service: canvas, inventory: \(folder.path("fleet.yaml"))}\n"
        let valid = try await check(fleets)
        #expect(valid.exitCode == 0, "\(valid.error)")
        let missing = try await check("access: {tokens: [{file: /nowhere.token, scopes: [read]}]}\n" + fleets)
        #expect(missing.exitCode == 64)
        #expect(
            missing.error.contains("collector.yaml:1: the token file '/nowhere.token' cannot be read"),
            "\(missing.error)")
        try folder.write("short.token", "secret\n")
        let short = try await check(
            "access: {tokens: [{file: \(folder.path("short.token")), scopes: [read]}]}\n" + fleets)
        #expect(short.exitCode == 64)
        #expect(short.error.contains("less than 16"), "\(short.error)")
        #expect(!short.error.contains("secret"))
        let certificates = try await TestCertificates()
        let keyless = try await check(
            fleets.replacing("}", with: ", access: {cert: \(certificates.path("ca.pem"))}}"))
        #expect(keyless.error.contains("has no key: give fleets[0].access.key, or append"), "\(keyless.error)")
        try folder.write("fleet.yaml", "hosts: [{nme: a}]\n")
        let inventory = try await check(fleets)
        #expect(inventory.exitCode == 64)
        #expect(inventory.error.contains("fleet.yaml:1: unknown key 'nme'"), "\(inventory.error)")
    }

    @Test("SIGHUP reads the credentials for hosts again")
    func credentials() async throws {
        let folder = try TemporaryFolder()
        let token = Mutex("first-token-0123456789")
        let host = try await ScriptedHost.start { request in
            request.header("authorization") == "Bearer \(token.withLock(\.self))"
                ? .json(#"{"git_sha":"\#(FileFleet.commit)"}"#) : .status(401)
        }
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"\(host.url())\"}]\n")
        try folder.write("hosts.token", token.withLock(\.self))
        let service = try await ServedCollector.start(
            fleets: """
                  - service: canvas
                    environment: production
                    inventory: \(folder.path("fleet.yaml"))
                    access: {token_file: \(folder.path("hosts.token"))}
                    check: {interval: 500ms}
                """, in: folder)
        func reach() throws -> String? { try service.hosts().first?["status"] as? String }
        try await eventually("the host answers") { try reach() == "pending" }
        token.withLock { $0 = "second-token-0123456789" }
        try await eventually("the former token is refused") { try reach() == "agent_error" }
        try folder.write("hosts.token", token.withLock(\.self))
        service.program.signal(SIGHUP)
        try await eventually("the new token is used") { try reach() == "pending" }
        await host.stop()
    }

    @Test("SIGHUP takes over a new configuration, and keeps the former one if the new one is invalid")
    func reload() async throws {
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: fleet.entry(interval: "500ms"), in: folder)
        try folder.write("collector.yaml", "fleets: [{servce: canvas}]\n")
        service.program.signal(SIGHUP)
        try await eventually("the mistake is logged") { service.program.error.contains("did you mean 'service'?") }
        #expect(try service.fleet()["service"] as? String == "canvas")
        let web = "  - {service: web, environment: production, inventory: \(folder.path("fleet.yaml"))}"
        try ServedCollector.write(
            fleets: fleet.entry(interval: "500ms") + "\n" + web, listen: "127.0.0.1:0", in: folder)
        try folder.write("read.token", "another-token-0123456789abcdef\n")
        service.program.signal(SIGHUP)
        try await eventually("the new fleet is there") { service.program.error.contains(" Reloaded ") }
        #expect(try service.answer("GET", "/api/v1/fleets").status == 401, "the token was replaced")
        let answer = try service.answer("GET", "/api/v1/fleets", token: "another-token-0123456789abcdef")
        #expect((try ServedCollector.object(answer)["fleets"] as? [[String: Any]])?.count == 2)
    }
}
