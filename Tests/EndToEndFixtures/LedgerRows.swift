import Foundation
import GRDB
import Support

/// A ledger's rows, read by another process than the writer, without the collector's code.
struct LedgerRows {
    /// A row of `transitions`.
    struct Change: Hashable {
        var host: Int
        var number: Int
        var seconds: Double
        var status: String
        var reason: String
    }

    let path: String

    /// The transitions of each verification of a service, by the verification's number; empty before the ledger exists.
    func changes(service: String, after number: Int64 = 0) async throws -> [Int64: Set<Change>] {
        try await read { db in
            var changes: [Int64: Set<Change>] = [:]
            let numbers = try Int64.fetchAll(
                db, sql: "SELECT number FROM verifications WHERE service = ? AND number > ?",
                arguments: [service, number])
            for number in numbers {
                changes[number] = []
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT host, number, seconds, label, reason FROM transitions WHERE verification = ?",
                    arguments: [number])
                while let row = try rows.next() {
                    changes[number]?.insert(
                        Change(host: row[0], number: row[1], seconds: row[2], status: row[3], reason: row[4]))
                }
            }
            return changes
        } ?? [:]
    }

    /// The first column of a query's rows.
    func text(_ sql: String) async throws -> [String] {
        try await read { try String.fetchAll($0, sql: sql) } ?? []
    }

    /// nil before the ledger exists, or while it is being created.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(20)
        do {
            return try await DatabaseQueue(path: path, configuration: configuration).read { db in
                try db.tableExists("transitions") ? try body(db) : nil
            }
        } catch let error as DatabaseError
            where [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_BUSY].contains(error.resultCode)
        {
            return nil
        }
    }

    /// Creates a ledger of schema 1.
    static func makeVersion1(at path: String) throws {
        let sql = try String(contentsOfFile: try SourceTree.path("Tests/Ledgers/version1.sql"), encoding: .utf8)
        try write(path, sql)
    }

    static func write(_ path: String, _ sql: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(20)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
    }
}

/// A transaction that keeps every other process from writing to a ledger until it is released.
struct LedgerLock {
    private let database: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(20)
        database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    }

    func release() throws {
        try database.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try database.close()
    }
}
