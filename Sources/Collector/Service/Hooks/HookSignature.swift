import Crypto
import Foundation
import HTTPTypes
import Shared

/// The check of one notice's signature, over the raw bytes as they arrive.
///
/// Every comparison takes the same time wherever it fails.
struct HookSignature {
    /// True if a header holds the secret itself.
    let hasToken: Bool
    private var codes: [HMAC<Crypto.SHA256>]
    private let stated: [[UInt8]]

    /// How far the time of a signed notice may be from this machine's.
    static let tolerance = 300.0
    /// The most signatures of one notice that are compared.
    private static let maximumSignatures = 8

    /// - Parameters:
    ///   - secrets: nil for a hook without any.
    ///   - now: seconds since 1970.
    init(of headers: HTTPFields, kind: Hook.Kind, secrets: HookSecrets?, now: Double) {
        var prefix: [UInt8] = []
        switch kind {
        case .distribution: (hasToken, stated) = (false, [])
        case .gitlab: (hasToken, stated) = (Self.holds(headers[named: "X-Gitlab-Token"], secrets), [])
        case .harbor:
            let value = headers[named: "Authorization"]
            let bearer = value.flatMap { $0.lowercased().hasPrefix("bearer ") ? String($0.dropFirst(7)) : nil }
            (hasToken, stated) = (Self.holds(bearer ?? value, secrets), [])
        case .github: (hasToken, stated) = (false, Self.prefixed(headers[named: "X-Hub-Signature-256"]))
        case .gitea:
            let plain = ["X-Forgejo-Signature", "X-Gitea-Signature"].compactMap {
                headers[named: $0].flatMap(Self.hexadecimal)
            }
            (hasToken, stated) = (false, plain + Self.prefixed(headers[named: "X-Hub-Signature-256"]))
        case .generic:
            hasToken = false
            let (id, time) = (headers[named: "webhook-id"] ?? "", headers[named: "webhook-timestamp"] ?? "")
            // A notice without an id, or from another time, is not compared with anything.
            if !id.isEmpty, let seconds = Int64(time), abs(now - Double(seconds)) <= Self.tolerance {
                stated = Self.versioned(headers[named: "webhook-signature"] ?? "")
            } else {
                stated = []
            }
            prefix = Array("\(id).\(time).".utf8)
        }
        codes = stated.isEmpty ? [] : (secrets?.keys ?? []).map { HMAC<Crypto.SHA256>(key: $0) }
        update(prefix)
    }

    mutating func update(_ bytes: some DataProtocol) {
        for index in codes.indices { codes[index].update(data: bytes) }
    }

    /// True if the bytes were signed with one of the secrets, or a header holds one.
    func isValid() -> Bool {
        var isAny = hasToken
        for code in codes {
            let code = code.finalize()
            for signature in stated { isAny = (code == Data(signature)) || isAny }
        }
        return isAny
    }

    // MARK: - Headers

    private static func holds(_ value: String?, _ secrets: HookSecrets?) -> Bool {
        guard let value, let secrets else { return false }
        return secrets.tokens.contains(value[...])
    }

    /// `sha256=` and hexadecimal digits.
    private static func prefixed(_ value: String?) -> [[UInt8]] {
        guard let value, value.hasPrefix("sha256=") else { return [] }
        return hexadecimal(String(value.dropFirst(7))).map { [$0] } ?? []
    }

    private static func hexadecimal(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { UInt8(exactly: Character(Unicode.Scalar($0)).hexDigitValue ?? -1) }
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// `v1,BASE64` once or more, with blanks between. Other versions are left out.
    private static func versioned(_ value: String) -> [[UInt8]] {
        value.split(separator: " ").prefix(maximumSignatures).compactMap { part in
            guard part.hasPrefix("v1,"), let data = Data(base64Encoded: String(part.dropFirst(3))), data.count == 32
            else { return nil }
            return Array(data)
        }
    }
}
