import Foundation
import GRDB
import Support
import Testing

@testable import Ledger

/// A ledger of an older collector, made from its SQL.
enum OldLedger {
    /// Writes a ledger of schema 1.
    static func makeVersion1(at path: String) throws {
        let sql = try String(contentsOfFile: try SourceTree.path("Tests/Ledgers/version1.sql"), encoding: .utf8)
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
    }

    /// Writes a ledger of an earlier schema than the present one, with the contents of that of schema 1.
    static func make(version: Int, at path: String) throws {
        try makeVersion1(at: path)
        let database = try DatabaseQueue(path: path)
        try database.write { db in
            for step in LedgerSchema.steps[1..<version] { try db.execute(sql: step) }
            try db.execute(sql: "PRAGMA user_version = \(version)")
        }
        try database.close()
    }
}

/// Changes a ledger without the collector.
func tamper(_ path: String, _ sql: String) throws {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let database = try DatabaseQueue(path: path, configuration: configuration)
    try database.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
        try db.execute(sql: sql)
    }
    try database.close()
}
