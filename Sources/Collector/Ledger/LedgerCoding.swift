import FoundationEssentials
import GRDB
package import Shared

/// JSON columns, and columns that hold a value of the contract.
enum LedgerCoding {
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ text: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    /// A value of a closed set.
    static func value<Value: RawRepresentable<String>>(_ text: String, of column: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "'\(Sanitizer.singleLine(text, limit: 40))' is no value of \(column)")
        }
        return value
    }
}

extension Row {
    /// A column that must hold a value of a closed set.
    package func value<Value: RawRepresentable<String>>(_ column: String, _ type: Value.Type = Value.self) throws
        -> Value
    {
        try LedgerCoding.value(self[column] ?? "", of: column)
    }

    package var gitSHA: GitSHA? { (self["git_sha"] as String?).flatMap(GitSHA.init(contractText:)) }
    package var digest: Digest? { (self["digest"] as String?).flatMap(Digest.init(contractText:)) }
}
