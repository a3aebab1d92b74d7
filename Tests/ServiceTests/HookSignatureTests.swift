import HTTPTypes
import Shared
import Testing

@testable import Service

@Suite("Service, signatures of hooks")
struct HookSignatureTests {
    private static let secret = "s3cret-of-the-forge-01"
    private static let body = #"{"action":"published"}"#
    /// Of ``body`` with ``secret``, and with another secret.
    private static let code = "b3c615c9c1480a43880e43755c7837cdc459f4e69c702f5d046b09154d69b3cb"
    private static let other = "7e0f7b84f8b88d0736eeeef94684c4697fe583fcf6efa00d60dc6fd21266382d"

    private static func isValid(
        _ kind: Hook.Kind, _ headers: [(String, String)], _ body: String = body, secrets: String = secret,
        now: Double = 1_614_265_330
    ) throws -> Bool {
        var fields = HTTPFields()
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        let secrets = try HookSecrets(parsing: Array(secrets.utf8), for: kind)
        var signature = HookSignature(of: fields, kind: kind, secrets: secrets, now: now)
        // In two parts, as a body may arrive.
        let bytes = Array(body.utf8)
        signature.update(bytes.prefix(5))
        signature.update(bytes.dropFirst(5))
        return signature.isValid()
    }

    @Test(
        "A notice with the sender's signature or secret is accepted",
        arguments: [
            (.github, "X-Hub-Signature-256", "sha256=\(code)"),
            (.github, "x-hub-signature-256", "sha256=\(code.uppercased())"),
            (.gitea, "X-Hub-Signature-256", "sha256=\(code)"), (.gitea, "X-Gitea-Signature", code),
            (.gitea, "X-Forgejo-Signature", code), (.gitlab, "X-Gitlab-Token", secret),
            (.harbor, "Authorization", secret), (.harbor, "Authorization", "Bearer \(secret)"),
        ] as [(Hook.Kind, String, String)])
    func right(_ kind: Hook.Kind, _ header: String, _ value: String) throws {
        #expect(try Self.isValid(kind, [(header, value)]))
        #expect(try Self.isValid(kind, [(header, value)], secrets: "another-secret-000001\r\n\(Self.secret)\n"))
        #expect(try !Self.isValid(kind, [(header, value)], secrets: "another-secret-000001"))
    }

    @Test(
        "A notice with another secret's signature, a damaged one, or one in another header is refused",
        arguments: [
            (.github, "X-Hub-Signature-256", "sha256=\(other)"), (.github, "X-Hub-Signature-256", code),
            (.github, "X-Hub-Signature-256", "sha256=\(code)00"), (.github, "X-Hub-Signature-256", "sha256="),
            (.github, "X-Hub-Signature-256", "sha256=\(String(repeating: "g", count: 64))"),
            (.github, "X-Hub-Signature", "sha1=\(code)"), (.github, "X-Gitea-Signature", code),
            (.github, "X-Gitlab-Token", secret), (.gitea, "X-Gitea-Signature", other),
            (.gitea, "X-Gitea-Signature", "sha256=\(code)"), (.gitlab, "X-Gitlab-Token", "s3cret-of-the-forge-02"),
            (.gitlab, "X-Gitlab-Token", ""), (.gitlab, "X-Hub-Signature-256", "sha256=\(code)"),
            (.harbor, "Authorization", "Basic \(secret)"), (.harbor, "Authorization", "Bearer"),
            (.distribution, "Authorization", "Bearer \(secret)"),
        ] as [(Hook.Kind, String, String)])
    func wrong(_ kind: Hook.Kind, _ header: String, _ value: String) throws {
        #expect(try !Self.isValid(kind, [(header, value)]))
    }

    @Test(
        "A signature holds for its bytes alone",
        arguments: [(Hook.Kind.github, "X-Hub-Signature-256"), (.gitea, "X-Hub-Signature-256")])
    func bytes(_ kind: Hook.Kind, _ header: String) throws {
        let headers = [(header, "sha256=\(Self.code)")]
        #expect(try Self.isValid(kind, headers))
        for body in ["", "{}", Self.body + "\n", Self.body + " "] { #expect(try !Self.isValid(kind, headers, body)) }
        #expect(try !Self.isValid(kind, []))
    }

    // The example of Standard Webhooks 1.0.0.
    private static let webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let webhook = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]

    private static func isValid(
        changing name: String? = nil, to value: String = "", secrets: String = webhookSecret,
        now: Double = 1_614_265_330
    ) throws -> Bool {
        let headers = webhook.map { $0.0 == name ? ($0.0, value) : $0 }
        return try isValid(.generic, headers, #"{"test": 2432232314}"#, secrets: secrets, now: now)
    }

    @Test("A standard webhook is accepted within five minutes, with one of several keys and one of several signatures")
    func standard() throws {
        #expect(try Self.isValid())
        #expect(try Self.isValid(secrets: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        #expect(try Self.isValid(secrets: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\(Self.webhookSecret)"))
        let right = try #require(Self.webhook.last?.1)
        let zero = "v1,\(String(repeating: "A", count: 43))="
        #expect(try Self.isValid(changing: "webhook-signature", to: "v1a,xyz \(zero) \(right)"))
        #expect(try Self.isValid(now: 1_614_265_330 + 299))
        #expect(try Self.isValid(now: 1_614_265_330 - 299))
        #expect(try !Self.isValid(now: 1_614_265_330 + 301))
        #expect(try !Self.isValid(now: 1_614_265_330 - 301))
        #expect(try !Self.isValid(secrets: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
        #expect(try !Self.isValid(changing: "webhook-id", to: "msg_other"))
        #expect(try !Self.isValid(changing: "webhook-id", to: ""))
        for time in ["1614265331", "", "-", "1614265330.5", "99999999999999999999"] {
            #expect(try !Self.isValid(changing: "webhook-timestamp", to: time), "\(time)")
        }
        for signature in ["", "v1", "v1,", zero, String(right.dropFirst(3)), "v2,\(right.dropFirst(3))"] {
            #expect(try !Self.isValid(changing: "webhook-signature", to: signature), "\(signature)")
        }
    }

    @Test("A file of secrets that cannot be used is refused, and none is printed")
    func secrets() throws {
        for (text, kind) in [
            ("", Hook.Kind.github), ("short", .gitlab), ("with blanks between words", .gitea),
            ("no base64 at all!", .generic), ("c2hvcnQ=\n", .generic),
        ] {
            #expect(throws: HookSecrets.ParseError.self, "\(text)") {
                try HookSecrets(parsing: Array(text.utf8), for: kind)
            }
        }
        let secrets = try HookSecrets(parsing: Array(Self.secret.utf8), for: .github)
        var dumped = ""
        dump(secrets, to: &dumped)
        #expect(!"\(secrets) \(dumped)".contains("s3cret"))
    }

    @Test(
        "A notice that tells only of pulls or of other repositories concerns no tag; one that is not understood may",
        arguments: [
            (
                .distribution, #"{"events":[{"action":"push","target":{"repository":"team/canvas","tag":"latest"}}]}"#,
                true
            ),
            (.distribution, #"{"events":[{"action":"push","target":{"repository":"team/canvas"}}]}"#, true),
            (.distribution, #"{"events":[{"action":"delete","target":{}}]}"#, true),
            (.distribution, #"{"events":[{"action":"pull","target":{"repository":"team/canvas"}}]}"#, false),
            (.distribution, #"{"events":[{"action":"push","target":{"repository":"team/other"}}]}"#, false),
            (
                .distribution,
                #"{"events":[{"action":"pull","target":{"repository":"team/canvas"}},{"action":"push","target":{"repository":"team/canvas"}}]}"#,
                true
            ),
            (.distribution, #"{"events":[]}"#, true), (.distribution, "", true), (.distribution, "[", true),
            (.harbor, #"{"type":"PUSH_ARTIFACT","event_data":{"repository":{"repo_full_name":"team/canvas"}}}"#, true),
            (.harbor, #"{"type":"PUSH_ARTIFACT","event_data":{"repository":{"repo_full_name":"team/other"}}}"#, false),
            (.harbor, #"{"type":"PULL_ARTIFACT","event_data":{"repository":{"repo_full_name":"team/canvas"}}}"#, false),
            (.harbor, #"{"type":"REPLICATION"}"#, true), (.harbor, "{}", true), (.github, "{}", true),
            (.generic, "", true),
        ] as [(Hook.Kind, String, Bool)])
    func notices(_ kind: Hook.Kind, _ body: String, _ mayConcern: Bool) throws {
        let image = try #require(ImageReference(parsing: "registry.example/team/canvas:latest"))
        #expect(HookNotice(Array(body.utf8), kind: kind).mayConcern(image) == mayConcern)
    }
}
