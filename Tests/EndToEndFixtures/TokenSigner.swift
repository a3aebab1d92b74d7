import Foundation
import Shared
import Support

/// Signs tokens that a real registry accepts: JSON Web Tokens with the certificate in their header.
struct TokenSigner {
    static let repository = "tokens/canvas"
    private let folder: TemporaryFolder

    var certificate: String { folder.path("token.pem") }

    init() async throws {
        folder = try TemporaryFolder()
        try await shell(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=token -keyout token.key -out token.pem")
        try await shell("openssl x509 -in token.pem -outform DER -out token.der")
    }

    /// - Parameter actions: the permitted actions on ``repository``, for example `pull,push`.
    func token(_ actions: String) async throws -> String {
        let der = try Data(contentsOf: URL(fileURLWithPath: folder.path("token.der"))).base64EncodedString()
        let now = Int(Date().timeIntervalSince1970)
        let head = #"{"typ":"JWT","alg":"RS256","x5c":["\#(der)"]}"#
        let list = actions.split(separator: ",").map { "\"\($0)\"" }.joined(separator: ",")
        let claims = """
            {"iss":"test","sub":"ci","aud":"registry.test","exp":\(now + 3_600),"nbf":\(now - 60),"iat":\(now - 60),\
            "jti":"\(actions)","access":[{"type":"repository","name":"\(Self.repository)","actions":[\(list)]}]}
            """
        let input = "\(Self.encode(Data(head.utf8))).\(Self.encode(Data(claims.utf8)))"
        try folder.write("input", input)
        try await shell("openssl dgst -sha256 -sign token.key -out signature input")
        let signature = try Data(contentsOf: URL(fileURLWithPath: folder.path("signature")))
        return "\(input).\(Self.encode(signature))"
    }

    private func shell(_ command: String) async throws {
        _ = try await Program.installed("sh", remedy: "apt-get install dash openssl")
            .succeed(["-c", "cd '\(folder.path)' && \(command)"])
    }

    /// Base64 for URLs, without padding (RFC 7515).
    private static func encode(_ data: Data) -> String {
        data.base64EncodedString().filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            .map(String.init).joined()
    }
}
