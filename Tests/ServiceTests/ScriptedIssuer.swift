import CollectorSupport
import Foundation
import JWTKit
import Shared
import Support
import Synchronization
import Testing

@testable import Service

/// An issuer of identity tokens on loopback, as GitHub, GitLab and Forgejo have one.
final class ScriptedIssuer: Sendable {
    struct State {
        /// The members of its set of keys, as JSON.
        var keys: [String] = []
        /// The name that it gives itself; nil for its address.
        var name: String?
        /// The address of its keys; nil for its own.
        var keysAddress: String?
        /// Answers instead of the usual ones, by path.
        var answers: [String: ScriptedHostAnswer] = [:]
        /// The paths that were asked for.
        var asked: [String] = []
    }

    let state: Mutex<State>
    private let host: Mutex<ScriptedHost?> = Mutex(nil)

    static let descriptionPath = "/.well-known/openid-configuration"

    private init(_ state: State) {
        self.state = Mutex(state)
    }

    static func start(_ keys: [RunnerKey]) async throws -> ScriptedIssuer {
        let issuer = ScriptedIssuer(State(keys: keys.map(\.member)))
        let host = try await ScriptedHost.start { [issuer] request in issuer.answer(request) }
        issuer.host.withLock { $0 = host }
        return issuer
    }

    var url: String { "http://127.0.0.1:\(host.withLock { $0?.port ?? 0 })" }

    private func answer(_ request: ScriptedHostRequest) -> ScriptedHostAnswer {
        let url = url
        return state.withLock { state in
            state.asked.append(request.path)
            if let answer = state.answers[request.path] { return answer }
            switch request.path {
            case Self.descriptionPath:
                return .json(
                    #"{"issuer": "\#(state.name ?? url)", "jwks_uri": "\#(state.keysAddress ?? "\(url)/keys")", "x": [1]}"#
                )
            case "/keys": return .json(#"{"keys": [\#(state.keys.joined(separator: ","))]}"#)
            default: return .status(404)
            }
        }
    }

    func stop() async { await host.withLock(\.self)?.stop() }
}

/// A key that signs tokens, and its public part.
struct RunnerKey: Sendable {
    let id: String?
    let algorithm: String
    /// The public key as a member of a set.
    let member: String
    /// The public key in PEM.
    let pem: String
    private let signer: any JWTAlgorithm

    static func elliptic(_ id: String?) async throws -> RunnerKey {
        let key = ES256PrivateKey()
        let parameters = try #require(key.publicKey.parameters)
        let (x, y) = (urlSafe(parameters.x), urlSafe(parameters.y))
        return RunnerKey(
            id: id, algorithm: "ES256",
            member: #"{"kty":"EC","crv":"P-256","use":"sig",\#(named(id))"x":"\#(x)","y":"\#(y)"}"#,
            pem: key.publicKey.pemRepresentation,
            signer: try await JWTKeyCollection().add(ecdsa: key).getKey())
    }

    /// - Parameter more: members of the public key, each with a comma at its end.
    static func rsa(_ id: String?, more: String = "") async throws -> RunnerKey {
        let openssl = try Program.installed("openssl", remedy: "apt-get install openssl")
        let secret = try await openssl.succeed(["genrsa", "-traditional", "2048"])
        let key = try Insecure.RSA.PrivateKey(pem: secret)
        let parts = try key.publicKey.getKeyPrimitives()
        let (n, e) = (Base64URL.encode(Array(parts.modulus)), Base64URL.encode(Array(parts.publicExponent)))
        return RunnerKey(
            id: id, algorithm: "RS256", member: #"{"kty":"RSA",\#(named(id))\#(more)"n":"\#(n)","e":"\#(e)"}"#,
            pem: key.publicKey.pemRepresentation,
            signer: try await JWTKeyCollection().add(rsa: key, digestAlgorithm: .sha256).getKey())
    }

    private static func named(_ id: String?) -> String { id.map { "\"kid\":\"\($0)\"," } ?? "" }
    private static func urlSafe(_ text: String) -> String {
        text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// A token.
    ///
    /// - Parameters:
    ///   - header: members of its header instead of the usual ones.
    ///   - sign: makes the signature; by default with this key.
    func token(
        _ claims: [String: Any], header: [String: Any] = [:], sign: (([UInt8]) throws -> [UInt8])? = nil
    ) throws -> String {
        var members: [String: Any] = ["alg": algorithm, "typ": "JWT"]
        if let id { members["kid"] = id }
        for (name, value) in header { members[name] = value is NSNull ? nil : value }
        let parts = try [members, claims].map { object in
            Base64URL.encode(Array(try JSONSerialization.data(withJSONObject: object)))
        }
        let signed = Array(parts.joined(separator: ".").utf8)
        let signature = try sign?(signed) ?? signer.sign(signed)
        return "\(parts[0]).\(parts[1]).\(Base64URL.encode(signature))"
    }
}

extension [String: Any] {
    /// The claims of a job on GitHub.
    static func github(_ issuer: String, _ changes: [String: Any] = [:], now: Double = Date().timeIntervalSince1970)
        -> [String: Any]
    {
        var claims: [String: Any] = [
            "iss": issuer, "aud": "buildinfo", "sub": "repo:team/canvas:ref:refs/heads/main",
            "repository": "team/canvas", "repository_owner": "team", "repository_id": "74", "ref": "refs/heads/main",
            "ref_protected": "true", "workflow": "deploy", "actor": "octocat", "run_id": "1", "jti": "a-b",
            "iat": Int(now), "nbf": Int(now) - 300, "exp": Int(now) + 300,
        ]
        for (name, value) in changes { claims[name] = value is NSNull ? nil : value }
        return claims
    }
}
