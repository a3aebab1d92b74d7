import Foundation
import GRDB
import Support
import Testing

/// A ledger as an older collector made it, from the SQL that it used.
enum OldLedger {
    /// Writes the ledger of schema 1 to a folder, as a collector that was killed leaves it: with its log beside it.
    static func version1(in folder: TestFolder, name: String = "ledger.db") throws -> String {
        let path = "\(folder.path)/\(name)"
        let sql = try String(contentsOfFile: try SourceTree.path("Tests/Ledgers/version1.sql"), encoding: .utf8)
        let database = try DatabaseQueue(path: path)
        try database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
        return path
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
