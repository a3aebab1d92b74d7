import CollectorSupport
import Crypto
import Foundation
import Shared

/// The secrets of a hook: one, or several during a rotation. Never printed.
struct HookSecrets: Sendable {
    /// The reason why a file holds no secrets, as a predicate of the file.
    enum ParseError: Error, Hashable, CustomStringConvertible {
        case tokens(BearerTokens.ParseError)
        /// Standard Webhooks has secrets in base64.
        case notBase64(line: Int)

        var description: String {
            switch self {
            case .tokens(let error): "\(error)"
            case .notBase64(let line):
                "has no base64 of 16 to 64 bytes in line \(line): write the secret as the sender shows it, for example "
                    + "whsec_ and the output of openssl rand -base64 32"
            }
        }
    }

    /// For headers that hold the secret itself.
    let tokens: BearerTokens
    /// For signatures.
    let keys: [SymmetricKey]

    /// - Parameter bytes: one secret per line; empty lines are ignored.
    init(parsing bytes: [UInt8], for kind: Hook.Kind) throws(ParseError) {
        do throws(BearerTokens.ParseError) { tokens = try BearerTokens(parsing: bytes) } catch { throw .tokens(error) }
        var keys: [SymmetricKey] = []
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let secret = line.last == 13 ? line.dropLast() : line
            if secret.isEmpty { continue }
            guard kind == .generic else {
                keys.append(SymmetricKey(data: secret))
                continue
            }
            let prefix = Array("whsec_".utf8)
            let text = secret.starts(with: prefix) ? secret.dropFirst(prefix.count) : secret
            guard let key = Data(base64Encoded: Data(text)), (16...64).contains(key.count) else {
                throw .notBase64(line: index + 1)
            }
            keys.append(SymmetricKey(data: key))
        }
        self.keys = keys
    }

    /// Secrets that no sender has.
    static func unknown() -> HookSecrets? {
        let text = Hexadecimal.encode([UInt8].random(32))
        do { return try HookSecrets(parsing: Array(text.utf8), for: .gitea) } catch { return nil }
    }
}

extension HookSecrets: CustomStringConvertible, CustomReflectable {
    var description: String { "HookSecrets(\(keys.count))" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
