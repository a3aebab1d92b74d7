import CollectorSupport
import Foundation
import Logging
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures
@testable import Service

@Suite("Service, identity tokens", .timeLimit(.minutes(3)))
struct IdentityTokenTests {
    private static let now = 1_800_000_000.0
    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private static func rule(
        _ issuer: String, audiences: Set<String> = ["buildinfo"],
        claims: [String: Set<String>] = ["repository": ["team/canvas"]],
        scopes: Set<ServiceConfiguration.Scope> = [.verify]
    ) -> IdentityRule {
        IdentityRule(issuer: issuer, audiences: audiences, claims: claims, scopes: scopes, authorities: nil)
    }

    /// What a token gets: the names of its scopes, or the reason why it is refused.
    private static func outcome(_ token: String, _ rules: [IdentityRule], _ verifier: IdentityVerifier) async -> String
    {
        do throws(IdentityVerifier.Failure) {
            let grant = try await verifier.grant(of: token[...], rules, now: now)
            return grant.scopes.map(\.rawValue).sorted().joined(separator: "+")
        } catch {
            return switch error {
            case .refused(let refusal): "refused: \(refusal.detail)"
            case .unavailable(let reason): "unavailable: \(reason)"
            }
        }
    }

    @Test("Tokens of jobs that a rule describes are accepted, in every form that issuers use")
    func accepted() async throws {
        let (first, second) = (try await RunnerKey.rsa("key/1+2="), try await RunnerKey.elliptic("second"))
        let issuer = try await ScriptedIssuer.start([first, second])
        let verifier = IdentityVerifier(logger: Self.logger)
        let rules = [
            Self.rule(issuer.url),
            Self.rule(issuer.url, audiences: ["reader", "other"], claims: ["sub": ["x"]], scopes: [.read]),
            Self.rule(issuer.url, claims: ["project_id": ["22"], "ref_protected": ["true"]], scopes: [.read]),
            Self.rule(issuer.url, claims: ["groups": ["deployers", "admins"]], scopes: [.read]),
        ]
        let none = NSNull()
        let cases: [(String, [String: Any], String)] = [
            ("as it is", [:], "verify"),
            ("the audience in a list", ["aud": ["sts", "buildinfo"]], "verify"),
            ("another rule", ["aud": "other", "sub": "x"], "read"),
            ("two rules", ["project_id": "22"], "read+verify"),
            (
                "a number and a flag, as some issuers have them", ["project_id": 22, "ref_protected": true],
                "read+verify"
            ),
            ("a list of groups", ["repository": none, "groups": ["users", "admins"]], "read"),
            ("a clock that is half a minute ahead", ["iat": Self.now + 30, "nbf": Self.now + 30.5], "verify"),
            ("half a minute after its end", ["exp": Self.now - 30], "verify"),
            ("no iat and nbf", ["iat": none, "nbf": none], "verify"),
            ("fractions of seconds", ["exp": Self.now + 10.25], "verify"),
        ]
        for key in [first, second] {
            for (name, changes, scopes) in cases {
                let token = try key.token(.github(issuer.url, changes, now: Self.now))
                #expect(await Self.outcome(token, rules, verifier) == scopes, "\(name), \(key.algorithm)")
            }
        }
        #expect(
            issuer.state.withLock { $0.asked } == [ScriptedIssuer.descriptionPath, "/keys"], "the keys are read once")
        await issuer.stop()
    }

    @Test("Forged, foreign and old tokens are refused, each with its reason")
    func refused() async throws {
        let (key, second) = (try await RunnerKey.rsa("one"), try await RunnerKey.elliptic("two"))
        let (stranger, unnamed) = (try await RunnerKey.rsa("one"), try await RunnerKey.rsa(nil))
        let issuer = try await ScriptedIssuer.start([key, second])
        let other = try await ScriptedIssuer.start([stranger])
        let verifier = IdentityVerifier(logger: Self.logger)
        let rules = [Self.rule(issuer.url), Self.rule(other.url, claims: ["repository": ["team/paint"]])]
        func claims(_ changes: [String: Any] = [:]) -> [String: Any] { .github(issuer.url, changes, now: Self.now) }
        let none = NSNull()
        let good = try key.token(claims())
        let parts = good.split(separator: ".").map(String.init)
        let forged = Base64URL.encode(
            Array(try JSONSerialization.data(withJSONObject: claims(["repository": "team/canvas", "x": 1]))))
        let hmac = { (secret: String) in
            { (bytes: [UInt8]) in SHA256.authenticationCode(for: bytes, key: Array(secret.utf8)) }
        }
        let cases: [(String, String, String)] = [
            (
                "alg none, without a signature", try key.token(claims(), header: ["alg": "none"]) { _ in [] },
                "which its key"
            ),
            ("alg none with the right signature", try key.token(claims(), header: ["alg": "none"]), "which its key"),
            ("alg NONE", try key.token(claims(), header: ["alg": "nOnE"]) { _ in [] }, "which its key"),
            ("no signature", "\(parts[0]).\(parts[1]).", "signature"),
            (
                "HMAC with the public key", try key.token(claims(), header: ["alg": "HS256"], sign: hmac(key.pem)),
                "HS256"
            ),
            (
                "HMAC with the public key's member",
                try key.token(claims(), header: ["alg": "HS256"], sign: hmac(key.member)),
                "HS256"
            ),
            ("an algorithm of the other key", try key.token(claims(), header: ["alg": "ES256"]), "ES256"),
            ("another RSA algorithm than signed with", try key.token(claims(), header: ["alg": "RS512"]), "signature"),
            ("an unknown key", try key.token(claims(), header: ["kid": "three"]), "names a key"),
            ("another key's name", try second.token(claims(), header: ["kid": "one"]), "ES256"),
            (
                "no key's name, with one key for its algorithm",
                try key.token(claims(), header: ["kid": none, "alg": "RS256"]), "verify"
            ),
            ("signed by a stranger", try stranger.token(claims()), "signature"),
            ("signed by a stranger without a name", try unnamed.token(claims()), "signature"),
            (
                "a key of its own in the header", try stranger.token(claims(), header: ["jwk": ["kty": "RSA"]]),
                "signature"
            ),
            ("keys elsewhere", try stranger.token(claims(), header: ["jku": "\(other.url)/keys"]), "signature"),
            ("other claims", "\(parts[0]).\(forged).\(parts[2])", "signature"),
            ("critical headers", try key.token(claims(), header: ["crit": ["b64"], "b64": false]), "critical"),
            ("another repository", try key.token(claims(["repository": "evil/canvas"])), "evil/canvas"),
            ("a repository in another case", try key.token(claims(["repository": "Team/Canvas"])), "Team/Canvas"),
            ("a repository that begins like it", try key.token(claims(["repository": "team/canvas2"])), "canvas2"),
            ("a blank after it", try key.token(claims(["repository": "team/canvas "])), "team/canvas"),
            ("no repository", try key.token(claims(["repository": none])), "no usable claim"),
            (
                "an object for a repository", try key.token(claims(["repository": ["a": "team/canvas"]])),
                "no usable claim"
            ),
            ("another audience", try key.token(claims(["aud": "sts.amazonaws.com"])), "sts.amazonaws.com"),
            ("no audience", try key.token(claims(["aud": none])), "no audience"),
            ("other audiences", try key.token(claims(["aud": ["a", "b"]])), "'a', 'b'"),
            ("an issuer of another rule", try key.token(claims(["iss": other.url])), "signature"),
            ("another rule's repository", try key.token(claims(["repository": "team/paint"])), "team/paint"),
            ("an unknown issuer", try key.token(claims(["iss": "https://evil.example"])), "issuer"),
            ("an issuer with a slash more", try key.token(claims(["iss": issuer.url + "/"])), "issuer"),
            ("no issuer", try key.token(claims(["iss": none])), "issuer"),
            ("a list of issuers", try key.token(claims(["iss": [issuer.url]])), "issuer"),
            ("ended", try key.token(claims(["exp": Self.now - 61])), "expired 61 s ago"),
            ("not begun", try key.token(claims(["nbf": Self.now + 61])), "'nbf'"),
            ("issued in future", try key.token(claims(["iat": Self.now + 3_600])), "'iat'"),
            ("no end", try key.token(claims(["exp": none])), "no 'exp'"),
            ("an end that is a text", try key.token(claims(["exp": "\(Self.now + 100)"])), "not a number"),
            ("a begin that is a text", try key.token(claims(["nbf": "0"])), "not a number"),
            ("too large", try key.token(claims(["x": String(repeating: "x", count: 8_192)])), "larger than 8 KiB"),
            ("two parts", "\(parts[0]).\(parts[1])", "three parts"),
            ("four parts", "\(good).x", "three parts"),
            ("padding", good + "=", "three parts"),
            ("no JSON", "eyJ.eyJ.eyJ", "three parts"),
            ("a list for claims", "\(parts[0]).\(Base64URL.encode(Array("[]".utf8))).\(parts[2])", "JSON"),
            ("a text for a header", "\(Base64URL.encode(Array("\"a\"".utf8))).\(parts[1]).\(parts[2])", "JSON"),
        ]
        #expect(await Self.outcome(good, rules, verifier) == "verify")
        for (name, token, reason) in cases {
            let outcome = await Self.outcome(token, rules, verifier)
            guard reason != "verify" else {
                // The algorithm alone says which key it is.
                #expect(outcome == "verify", "\(name)")
                continue
            }
            #expect(
                outcome.hasPrefix("refused: the identity token ") && outcome.contains(reason), "\(name): \(outcome)")
        }
        // With two keys for one algorithm, a token must say which.
        issuer.state.withLock { $0.keys.append(stranger.member.replacing("one", with: "three")) }
        let later = IdentityVerifier(logger: Self.logger)
        let unclear = try key.token(claims(), header: ["kid": none])
        #expect(await Self.outcome(unclear, rules, later).contains("does not name its key"))
        #expect(await Self.outcome(good, rules, later) == "verify")
        await issuer.stop()
        await other.stop()
    }

    @Test("Keys of unknown kinds, for encryption, or too weak are no obstacle, and verify nothing")
    func keySets() async throws {
        let good = try await RunnerKey.elliptic("good")
        let encrypting = try await RunnerKey.rsa("encrypting", more: #""use":"enc","#)
        let fixed = try await RunnerKey.rsa("fixed", more: #""alg":"RS512","#)
        let issuer = try await ScriptedIssuer.start([encrypting, fixed, good])
        let weak = Base64URL.encode([0xFF] + .random(127))
        issuer.state.withLock { state in
            state.keys =
                [
                    #"{"kty":"AKP","alg":"ML-DSA-65","kid":"good","pub":"AA"}"#,
                    #"{"kty":"oct","kid":"good","k":"c2VjcmV0"}"#,
                    #"{"kty":"EC","crv":"secp256k1","kid":"k","x":"AA","y":"AA"}"#, "{}", "[]", "null", "7",
                    #"{"kty":"RSA","kid":"good","n":"!","e":"AQAB"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
                    #"{"kty":"EC","crv":"P-256","kid":7,"x":"AA","y":"AA"}"#,
                    #"{"kty":"RSA","kid":"weak","n":"\#(weak)","e":"AQAB"}"#,
                ] + state.keys
        }
        let verifier = IdentityVerifier(logger: Self.logger)
        let rules = [Self.rule(issuer.url)]
        let claims = [String: Any].github(issuer.url, now: Self.now)
        #expect(await Self.outcome(try good.token(claims), rules, verifier) == "verify")
        let secret = { (bytes: [UInt8]) in SHA256.authenticationCode(for: bytes, key: Array("secret".utf8)) }
        for token in [
            try fixed.token(claims, header: ["kid": "weak"]), try encrypting.token(claims), try fixed.token(claims),
            try good.token(claims, header: ["alg": "HS256"], sign: secret),
        ] {
            #expect(await Self.outcome(token, rules, verifier).hasPrefix("refused"))
        }
        await issuer.stop()
    }

    @Test("While the issuer's keys cannot be read, nothing is accepted")
    func unavailable() async throws {
        let key = try await RunnerKey.elliptic("one")
        let other = try await ScriptedIssuer.start([key])
        let cases: [(String, (inout ScriptedIssuer.State) -> Void, String)] = [
            ("an error", { $0.answers["/keys"] = .status(500) }, "answered with 500"),
            ("a redirect", { $0.answers["/keys"] = .redirect(to: "\(other.url)/keys") }, "answered with 302"),
            (
                "a redirect of the description",
                {
                    $0.answers[ScriptedIssuer.descriptionPath] = .redirect(
                        to: other.url + ScriptedIssuer.descriptionPath)
                },
                "answered with 302"
            ),
            ("another name", { $0.name = "https://evil.example" }, "names itself 'https://evil.example'"),
            ("keys over http", { $0.keysAddress = "http://keys.example/keys" }, "not an https address"),
            ("keys in a file", { $0.keysAddress = "file:///etc/passwd" }, "not an https address"),
            ("keys of a user", { $0.keysAddress = "https://127.0.0.1@evil.example/" }, "not an https address"),
            ("no set", { $0.answers["/keys"] = .json("[]") }, "does not return a key set"),
            ("an empty set", { $0.keys = [] }, "no usable key"),
            ("no JSON", { $0.answers["/keys"] = .json("<html>") }, "does not return a key set"),
            (
                "no description", { $0.answers[ScriptedIssuer.descriptionPath] = .json("{}") },
                "no 'issuer' and 'jwks_uri'"
            ),
            ("a huge set", { $0.answers["/keys"] = .flood(chunked: true) }, "/keys"),
            ("a broken connection", { $0.answers["/keys"] = .reset }, "/keys"),
        ]
        for (name, change, reason) in cases {
            let issuer = try await ScriptedIssuer.start([key])
            issuer.state.withLock { change(&$0) }
            let verifier = IdentityVerifier(logger: Self.logger)
            let token = try key.token(.github(issuer.url, now: Self.now))
            let outcome = await Self.outcome(token, [Self.rule(issuer.url)], verifier)
            #expect(outcome.hasPrefix("unavailable: ") && outcome.contains(reason), "\(name): \(outcome)")
            await issuer.stop()
        }
        #expect(other.state.withLock { $0.asked.isEmpty }, "no redirect was followed")
        let nobody = "http://127.0.0.1:9"
        let token = try key.token(.github(nobody, now: Self.now))
        let outcome = await Self.outcome(token, [Self.rule(nobody)], IdentityVerifier(logger: Self.logger))
        #expect(outcome.hasPrefix("unavailable: "), "\(outcome)")
        await other.stop()
    }

    @Test("An unknown key is looked for at most once a minute, and withdrawn keys are forgotten")
    func rotation() async throws {
        let (first, second) = (try await RunnerKey.elliptic("first"), try await RunnerKey.elliptic("second"))
        let time = Mutex(ContinuousClock.now)
        let set = Mutex<Result<[String], IssuerFailure>>(.success([first.member]))
        let reads = Mutex(0)
        let keys = IssuerKeys {
            reads.withLock { $0 += 1 }
            switch set.withLock(\.self) {
            case .failure(let failure): return .failure(failure)
            case .success(let members):
                let document = #"{"keys": [\#(members.joined(separator: ","))]}"#
                guard let keys = await SigningKey.keys(of: Array(document.utf8)) else {
                    return .failure(IssuerFailure(reason: "no set"))
                }
                return .success(keys)
            }
        } now: {
            time.withLock(\.self)
        }
        func has(_ id: String) async -> String {
            do throws(IssuerFailure) {
                return try await keys.keys(for: id).contains { $0.id == id } ? "yes" : "no"
            } catch {
                return error.reason
            }
        }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
        func count() -> Int { reads.withLock(\.self) }

        #expect(await has("first") == "yes")
        for _ in 0..<50 { #expect(await has("unknown") == "no") }
        #expect(count() == 1)
        // The issuer takes another key.
        set.withLock { $0 = .success([first.member, second.member]) }
        #expect(await has("second") == "no", "it was asked less than a minute ago")
        pass(.seconds(60))
        #expect(await has("second") == "yes")
        #expect(count() == 2)
        // It withdraws the first one, which goes on for ten minutes without a request to it.
        set.withLock { $0 = .success([second.member]) }
        pass(.seconds(599))
        #expect(await has("first") == "yes")
        #expect(count() == 2)
        pass(.seconds(1))
        _ = await has("second")
        try await eventually("the keys were read again") { count() == 3 }
        try await eventually("the former key is forgotten") { await has("first") == "no" }
        // It cannot be asked: the keys are good for an hour.
        set.withLock { $0 = .failure(IssuerFailure(reason: "gone")) }
        pass(.seconds(3_599))
        #expect(await has("second") == "yes")
        try await eventually("it was asked") { count() == 4 }
        pass(.seconds(1))
        #expect(await has("second") == "gone")
        #expect(count() == 4, "after a failure it is left alone for ten seconds")
        set.withLock { $0 = .success([second.member]) }
        pass(.seconds(10))
        #expect(await has("second") == "yes")
        #expect(count() == 5)
    }

    @Test("Many tokens at once read the keys once")
    func together() async throws {
        let key = try await RunnerKey.elliptic("one")
        let issuer = try await ScriptedIssuer.start([key])
        let keys = #"{"keys": [\#(key.member)]}"#
        issuer.state.withLock { $0.answers["/keys"] = .after(.milliseconds(200), .json(keys)) }
        let verifier = IdentityVerifier(logger: Self.logger)
        let rules = [Self.rule(issuer.url)]
        let token = try key.token(.github(issuer.url, now: Self.now))
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { await Self.outcome(token, rules, verifier) } }
            return await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(outcomes == ["verify"])
        #expect(issuer.state.withLock { $0.asked.count } == 2)
        await issuer.stop()
    }

    @Test("A runner's token has the scopes of its rules")
    func service() async throws {
        let folder = try TemporaryFolder()
        let key = try await RunnerKey.rsa("one")
        let issuer = try await ScriptedIssuer.start([key])
        try folder.write("fleet.yaml", "hosts: [{name: a, url: \"http://127.0.0.1:9/buildinfo\"}]\n")
        try folder.write(
            "collector.yaml",
            """
            listen: ["0.0.0.0:0"]
            store: \(folder.path("ledger.db"))
            access:
              oidc:
                - {issuer: "\(issuer.url)", audience: buildinfo, claims: {repository: team/canvas}, scopes: [verify]}
                - {issuer: "\(issuer.url)", audience: buildinfo, claims: {repository: team/reader}, scopes: [read]}
                - {issuer: "http://127.0.0.1:9", audience: buildinfo, claims: {repository: team/canvas}, scopes: [verify]}
            fleets:
              - {service: canvas, environment: production, inventory: \(folder.path("fleet.yaml"))}
            """)
        let service = try await ServedCollector.started(in: folder).onLoopback
        let token = try key.token(.github(issuer.url))
        let body = #"{"service": "canvas", "environment": "production", "git_sha": "\#(FileFleet.commit)"}"#
        let headers = [("Idempotency-Key", "1"), ("Content-Type", "application/json")]
        func start(_ token: String) throws -> LoopbackRequest.Answer {
            try service.answer("POST", "/api/v1/verifications", token: token, headers: headers, body: body)
        }
        #expect(try start(token).status == 201)
        #expect(try service.answer("GET", "/api/v1/fleets", token: token).status == 200, "its report can be read")
        let reader = try key.token(.github(issuer.url, ["repository": "team/reader"]))
        #expect(try start(reader).status == 403)
        #expect(try service.answer("GET", "/api/v1/fleets", token: reader).status == 200)
        let foreign = try start(try key.token(.github(issuer.url, ["repository": "evil/canvas"])))
        #expect(foreign.status == 401)
        #expect(foreign.headers["www-authenticate"]?.contains("error=\"invalid_token\"") == true)
        #expect(foreign.text.contains("evil/canvas"), "\(foreign.text)")
        let unreachable = try start(try key.token(.github("http://127.0.0.1:9")))
        #expect(unreachable.status == 503)
        #expect(unreachable.headers["retry-after"] == "10")
        let log = service.program.error
        #expect(log.contains("Request refused") && log.contains("evil/canvas"), "\(log)")
        #expect(log.contains("Issuer keys not read"))
        #expect(!log.contains(token.suffix(40)))
        // A sign-in is for tokens of people.
        var browser = Browser(service)
        #expect(try browser.signIn(token).status == 401)
        await issuer.stop()
    }
}
