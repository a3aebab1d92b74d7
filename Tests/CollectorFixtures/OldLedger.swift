import Foundation
import GRDB
import Support
import Testing

/// A ledger as an older collector made it, from the SQL that it used.
enum OldLedger {
    /// Writes a ledger of schema 1.
    static func makeVersion1(at path: String) throws {
        let sql = try String(contentsOfFile: try SourceTree.path("Tests/Ledgers/version1.sql"), encoding: .utf8)
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
    }
}

/// Changes a ledger behind the collector's back.
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
