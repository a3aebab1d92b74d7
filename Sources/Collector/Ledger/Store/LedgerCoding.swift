import FoundationEssentials
import GRDB
import Shared
import Verdict

/// Coding of JSON columns, and of columns with a closed set of values.
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
                message: "invalid \(column) '\(Sanitizer.singleLine(text, limit: 40))'")
        }
        return value
    }
}

extension DeployedService {
    /// The value of the ledger's `service` columns: `canvas`, or `canvas@production` outside of the default environment. Neither
    /// name can contain an `@`.
    var ledgerKey: String { environment.isStandard ? name : "\(name)@\(environment)" }
}

extension Row {
    /// The service and environment of a row of `promotions`, `verifications` or `journal`.
    func deployedService() throws -> DeployedService {
        let environment: String = self["environment"]
        guard let name = EnvironmentName(environment) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "invalid environment '\(Sanitizer.singleLine(environment, limit: 40))'")
        }
        return DeployedService(self["service_name"], in: name)
    }

    /// A column that must hold a value of a closed set.
    func value<Value: RawRepresentable<String>>(_ column: String) throws -> Value {
        try LedgerCoding.value(self[column] ?? "", of: column)
    }

    /// The word of the status command; nil if none is recorded.
    func sweep() throws -> SweepStatus? {
        try (self["sweep"] as String?).map { try LedgerCoding.value($0, of: "sweep") }
    }

    var gitSHA: GitSHA? { (self["git_sha"] as String?).flatMap(GitSHA.init(contractText:)) }
    var digest: Digest? { (self["digest"] as String?).flatMap(Digest.init(contractText:)) }
}
