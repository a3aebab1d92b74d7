package import Foundation
import Shared

/// Ids and nonces of a run.
package enum RunID {
    /// Sorts by time, and is unique: `20260131T120000-1f2e3d4c`.
    package static func make(at date: Date) -> String {
        let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        let time = date.formatted(style).filter { $0 != "Z" }
        return "\(time)-\(Hexadecimal.encode(randomBytes(4)))"
    }

    /// 128 random bits.
    package static func nonce() -> String { Hexadecimal.encode(randomBytes(16)) }

    private static func randomBytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: .min ... .max) } }
}
