import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import Registry

/// The destinations to which credentials are sent.
@Suite(.timeLimit(.minutes(2)))
struct RegistryAccessTests {
    private static let image = MadeImage.single(revision: String(repeating: "a", count: 40))
    private static let token = "t0ken-of-the-realm"

    private static func isLetIn(_ request: ScriptedHostRequest, by authorization: String) -> Bool {
        request.header("authorization") == authorization
    }

    /// True if any part of a request holds a secret.
    private static func carriesSecret(_ request: ScriptedHostRequest) -> Bool {
        let texts =
            request.headers.map(\.value) + [request.target, String(decoding: request.body, as: UTF8.self)]
        let secrets = [MadeUpCredentials.password, MadeUpCredentials.basic, token, "1dentity"]
        return request.header("authorization") != nil
            || texts.contains { text in secrets.contains { text.contains($0) } }
    }

    private func resolve(
        _ registry: ScriptedRegistry, _ file: String?, _ rest: String = ":latest"
    ) async throws -> RegistryError? {
        let reference = try registry.reference(rest)
        return try await registryError {
            _ = try await withRegistryClient(credentials: file) { try await $0.resolve(reference) }
        }
    }

    @Test("Credentials are sent only to the registry, and only when it requires them")
    func basic() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { request in
            Self.isLetIn(request, by: "Basic \(MadeUpCredentials.basic)") ? nil : .challenge(#"Basic realm="r""#)
        }
        #expect(try await resolve(registry, MadeUpCredentials.file(for: registry.authority)) == nil)
        // One request without credentials, then each request with them.
        #expect(registry.seen.count { $0.header("authorization") == nil } == 1)
        await registry.stop()
    }

    @Test("Without credentials for the registry nothing is sent, and the error has the remedy")
    func noCredentials() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { _ in .challenge(#"Basic realm="r""#) }
        for file in [nil, MadeUpCredentials.file(for: "other.example")] {
            let error = try await resolve(registry, file)
            #expect(error?.exitCode == 69)
            #expect(error?.description.contains("skopeo login") == true)
        }
        #expect(!registry.seen.contains(where: Self.carriesSecret))
        await registry.stop()
    }

    @Test("A registry that rejects credentials is asked once more, and the error shows no secret")
    func neverLetIn() async throws {
        let registry = try await ScriptedRegistry.start { _ in .challenge(#"Basic realm="r""#) }
        let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
        #expect(error?.exitCode == 69)
        #expect(registry.seen.count == 2)
        #expect(error?.description.contains(MadeUpCredentials.password) == false)
        #expect(error?.description.contains(MadeUpCredentials.basic) == false)
        await registry.stop()
    }

    @Test(
        "A token is requested with the password and the challenge's service and scope, or a default scope",
        arguments: [
            (
                #",service="r",scope="repository:canvas:pull""#, "scope=repository%3Acanvas%3Apull&account=ci",
                "service=r&"
            ),
            ("", "scope=repository%3Acanvas%3Apull&account=ci", ""),
            (#",scope="a:b:c d:e:f""#, "scope=a%3Ab%3Ac&scope=d%3Ae%3Af&account=ci", ""),
        ])
    func bearer(parameters: String, scope: String, service: String) async throws {
        let token = Self.token
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { request in
            if request.path == "/token" {
                return Self.isLetIn(request, by: "Basic \(MadeUpCredentials.basic)")
                    ? .json(#"{"access_token":"\#(token)"}"#) : .status(401)
            }
            let authority = "127.0.0.1:\(request.header("host")?.split(separator: ":").last ?? "")"
            return Self.isLetIn(request, by: "Bearer \(token)")
                ? nil : .challenge("Bearer realm=\"http://\(authority)/token\"\(parameters)")
        }
        #expect(try await resolve(registry, MadeUpCredentials.file(for: registry.authority)) == nil)
        let asked = registry.seen.filter { $0.path == "/token" }
        #expect(asked.map(\.target) == ["/token?\(service)\(scope)"])
        await registry.stop()
    }

    @Test("An identity token is sent only to the token service, in the body")
    func identityToken() async throws {
        let token = Self.token
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { request in
            if request.path == "/token" {
                let body = String(decoding: request.body, as: UTF8.self)
                return request.method == "POST" && body.contains("grant_type=refresh_token")
                    && body.contains("refresh_token=1dentity%20t")
                    ? .json(#"{"token":"\#(token)","expires_in":300}"#) : .status(401)
            }
            let authority = request.header("host") ?? ""
            return Self.isLetIn(request, by: "Bearer \(token)")
                ? nil : .challenge("Bearer realm=\"http://\(authority)/token\"")
        }
        let file = #"{"auths":{"\#(registry.authority)":{"auth":"dTo=","identitytoken":"1dentity t"}}}"#
        #expect(try await resolve(registry, file) == nil)
        #expect(!registry.seen.contains { $0.path != "/token" && $0.target.contains("1dentity") })
        await registry.stop()
    }

    @Test("A plain-HTTP token service on another host gets no credentials, and the error names it")
    func foreignRealm() async throws {
        let foreign = try await ScriptedRegistry.start { _ in .json(#"{"token":"x"}"#) }
        let realm = foreign.host.url(host: 8, "/token")
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { _ in
            .challenge("Bearer realm=\"\(realm)\"")
        }
        let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("127.0.0.9") == true)
        #expect(foreign.seen.isEmpty)
        await registry.stop()
        await foreign.stop()
    }

    @Test("Such a token service is asked for an anonymous token")
    func foreignRealmAnonymously() async throws {
        let token = Self.token
        let foreign = try await ScriptedRegistry.start { _ in .json(#"{"token":"\#(token)"}"#) }
        let realm = foreign.host.url(host: 8, "/token")
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { request in
            Self.isLetIn(request, by: "Bearer \(token)") ? nil : .challenge("Bearer realm=\"\(realm)\"")
        }
        #expect(try await resolve(registry, nil) == nil)
        #expect(foreign.seen.count == 1)
        #expect(!foreign.seen.contains(where: Self.carriesSecret))
        await registry.stop()
        await foreign.stop()
    }

    @Test(
        "A realm that is not a URL, or contains a user, is rejected",
        arguments: [
            #"Bearer"#, #"Bearer realm="""#, #"Bearer realm="token""#, #"Bearer realm="ftp://a/b""#,
            #"Bearer realm="https://u:p@evil.example/token""#, #"Bearer realm="https://good.example\@evil.example/""#,
            #"Bearer realm="file:///etc/passwd""#,
        ])
    func badRealms(challenge: String) async throws {
        let registry = try await ScriptedRegistry.start { _ in .challenge(challenge) }
        let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
        #expect(error?.exitCode == 69)
        #expect(registry.seen.count == 1)
        await registry.stop()
    }

    @Test(
        "A response without a token is reported without its content",
        arguments: [
            ScriptedHostAnswer.json("{}"), .json(#"{"token":""}"#), .json(#"{"token":"s3cret two"}"#),
            .status(401, "s3cret"),
            .status(404, "s3cret"), .redirect(to: "https://elsewhere.example/s3cret"), .status(200, "<html>s3cret"),
        ])
    func noToken(answer: ScriptedHostAnswer) async throws {
        let registry = try await ScriptedRegistry.start { request in
            request.path == "/token"
                ? answer : .challenge("Bearer realm=\"http://\(request.header("host") ?? "")/token\"")
        }
        let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("token service") == true)
        #expect(error?.description.contains("s3cret") == false)
        await registry.stop()
    }

    @Test("A token has its stated lifetime, or 60 seconds, and either of two field names")
    func lifetimes() {
        func token(_ json: String) -> TokenResponse? { TokenResponse(parsing: Array(json.utf8)) }
        #expect(token(#"{"token":"a"}"#)?.lifetime == .seconds(60))
        #expect(token(#"{"token":"a","expires_in":0}"#)?.lifetime == .seconds(60))
        #expect(token(#"{"token":"a","expires_in":300}"#)?.lifetime == .seconds(300))
        #expect(token(#"{"access_token":"b","expires_in":1e300}"#)?.lifetime == .seconds(86_400))
        #expect(token(#"{"token":"","access_token":"b"}"#)?.token == "b")
        #expect(token(#"{"token":"a\nb"}"#) == nil)
    }

    // MARK: - Redirections of configurations

    /// A registry that requires a password and stores its configurations elsewhere.
    private func redirecting(to location: @escaping @Sendable (ScriptedHostRequest) -> String) async throws
        -> ScriptedRegistry
    {
        try await ScriptedRegistry.start(["latest": Self.image]) { request in
            guard Self.isLetIn(request, by: "Basic \(MadeUpCredentials.basic)") else {
                return .challenge(#"Basic realm="r""#)
            }
            guard request.path.contains("/blobs/") else { return nil }
            return .answer(status: 307, headers: [("Location", location(request))], body: [])
        }
    }

    @Test("A redirected configuration is fetched without credentials")
    func redirected() async throws {
        let config = Self.image.blobs[0].bytes
        let storage = try await ScriptedRegistry.start { _ in .answer(status: 200, headers: [], body: config) }
        let url = storage.host.url(host: 8, "/blob?signature=a%20b&user=x@y")
        let registry = try await redirecting { _ in url }
        #expect(try await resolve(registry, MadeUpCredentials.file(for: registry.authority)) == nil)
        #expect(storage.seen.map(\.target) == ["/blob?signature=a%20b&user=x@y"])
        #expect(!storage.seen.contains(where: Self.carriesSecret))
        await registry.stop()
        await storage.stop()
    }

    @Test("Redirected content must match its digest, and a second redirection is rejected")
    func redirectedWrongly() async throws {
        for (answer, reason) in [
            (ScriptedHostAnswer.answer(status: 200, headers: [], body: Array("{}".utf8)), "does not match its digest"),
            (.redirect(to: "http://127.0.0.8:1/again"), "more than once"),
        ] {
            let storage = try await ScriptedRegistry.start { _ in answer }
            let url = storage.host.url(host: 8, "/blob")
            let registry = try await redirecting { _ in url }
            let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
            #expect(error?.exitCode == 69)
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "none")")
            #expect(storage.seen.count == 1)
            #expect(!storage.seen.contains(where: Self.carriesSecret))
            await registry.stop()
            await storage.stop()
        }
    }

    @Test(
        "A redirection to something other than a web URL is rejected",
        arguments: ["", "ftp://127.0.0.9/x", "http://u:p@127.0.0.9/x", "file:///etc/passwd", "http:///x"])
    func redirectedNowhere(location: String) async throws {
        let registry = try await redirecting { _ in location }
        let error = try await resolve(registry, MadeUpCredentials.file(for: registry.authority))
        #expect(error?.exitCode == 69)
        await registry.stop()
    }

    @Test(
        "A redirection must keep https, and may be a relative URL",
        arguments: [
            ("https://s3.example/x?sig=a%2Fb@c#d", true, "https://s3.example/x?sig=a%2Fb@c#d"),
            ("https://s3.example/x", false, "https://s3.example/x"),
            ("http://s3.example/x", false, "http://s3.example/x"),
            ("http://s3.example/x", true, nil), ("HTTP://s3.example/x", true, nil),
            ("//s3.example/x", true, "https://s3.example/x"), ("/else", true, "https://registry.example:5000/else"),
            ("else", true, "https://registry.example:5000/v2/canvas/blobs/else"), ("", true, nil), (nil, true, nil),
            ("https://u:p@s3.example/x", true, nil), ("https://u@s3.example/x", true, nil), ("https:///x", true, nil),
            ("https://good.example\\@evil.example/x", true, nil), ("ftp://s3.example/x", true, nil),
            ("https://s3.example/a b", true, nil), ("javascript:alert(1)", true, nil),
        ] as [(String?, Bool, String?)])
    func targets(location: String?, isEncrypted: Bool, expected: String?) throws {
        let endpoint = try #require(
            RegistryEndpoint(registry: "registry.example:5000", isEncrypted: isEncrypted))
        let reference = try #require(ImageReference(parsing: "registry.example:5000/canvas"))
        let request = RegistryRequest(subject: "canvas", repository: reference, path: "canvas/blobs/sha256:00")
        let redirection = Redirection(location: location, from: endpoint, request)
        guard let expected else {
            #expect(throws: RegistryError.self) { try redirection.target() }
            return
        }
        #expect(try redirection.target().url == expected)
    }

    // MARK: - Endpoints

    @Test("Registries use https, except on loopback; Docker Hub has its own host")
    func endpoints() throws {
        let hub = try #require(RegistryEndpoint(registry: "docker.io", isEncrypted: true))
        #expect(hub.base == "https://registry-1.docker.io")
        for name in ["localhost:5000", "127.0.0.1:5000", "127.9.8.7", "[::1]:5000"] {
            #expect(RegistryEndpoint(registry: name, isEncrypted: true)?.origin.isLoopback == true, "\(name)")
        }
        for name in ["registry.example", "127.example.com", "localhost.example", "10.0.0.1", "127.0.0.1.example:80"] {
            #expect(RegistryEndpoint(registry: name, isEncrypted: true)?.origin.isLoopback == false, "\(name)")
        }
    }

    @Test("A loopback registry without TLS is detected")
    func loopback() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.image])
        let reference = try registry.reference()
        let image = try await withRegistryClient(isPlain: false) { try await $0.resolve(reference) }
        #expect(image.digest == Self.image.digest)
        await registry.stop()
    }

    @Test("A loopback registry that drops connections: the error over plain HTTP is told first, and is not remembered")
    func droppedConnections() async throws {
        let isDown = Mutex(true)
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { _ in
            isDown.withLock { $0 } ? .close : nil
        }
        let reference = try registry.reference()
        try await withRegistryClient(isPlain: false) { client in
            let sooner = client.until(.now + .seconds(3))
            let error = try await registryError { _ = try await sooner.resolve(reference) }
            let text = error?.description ?? "no error"
            #expect(error?.exitCode == 69 && text.contains("(plain HTTP: "), "\(text)")
            #expect(!text.contains("(the port does not speak TLS)"), "\(text)")
            isDown.withLock { $0 = false }
            let later = client.until(.now + .seconds(30))
            #expect(try await later.resolve(reference).digest == Self.image.digest)
        }
        await registry.stop()
    }
}
