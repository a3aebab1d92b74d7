import GRDB
import GRDBSQLite

/// A prepared statement that is executed for each of many rows.
///
/// Values are bound one by one through SQLite's interface: GRDB collects them in an array of boxed values, which costs more
/// than writing the row. A text that is that of the previous row, as most are, is not bound again.
struct RowStatement {
    private let statement: Statement
    private let db: Database
    private var texts: [String?]
    /// The number of the row's values that are bound.
    private var count = 0

    init(_ db: Database, sql: String) throws {
        self.db = db
        statement = try db.makeStatement(sql: sql)
        // As SQLite has it: a parameter that was never bound is NULL.
        texts = Array(repeating: nil, count: Int(sqlite3_bind_parameter_count(statement.sqliteStatement)))
    }

    /// Binds the next value of the row.
    mutating func bind(_ value: Int64) throws {
        try check(sqlite3_bind_int64(statement.sqliteStatement, next(), value))
    }

    /// Binds the next value of the row.
    mutating func bind(_ value: Int) throws { try bind(Int64(value)) }

    /// Binds the next value of the row.
    mutating func bind(_ value: Double?) throws {
        let index = next()
        guard let value else { return try check(sqlite3_bind_null(statement.sqliteStatement, index)) }
        try check(sqlite3_bind_double(statement.sqliteStatement, index, value))
    }

    /// Binds the next value of the row.
    mutating func bind(_ value: String?) throws {
        let index = next()
        guard texts[count - 1] != value else { return }
        texts[count - 1] = value
        guard var value else { return try check(sqlite3_bind_null(statement.sqliteStatement, index)) }
        try check(
            value.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    sqlite3_bind_text(
                        statement.sqliteStatement, index, characters.baseAddress, Int32(characters.count), Self.copied)
                }
            })
    }

    /// Writes the row whose values are bound, all of them.
    mutating func execute() throws {
        guard count == texts.count else {
            throw DatabaseError(
                resultCode: .SQLITE_MISUSE, message: "\(count) of \(texts.count) values", sql: statement.sql)
        }
        count = 0
        let code = sqlite3_step(statement.sqliteStatement)
        // The same error again, if there is one; its message is the connection's.
        let resetCode = sqlite3_reset(statement.sqliteStatement)
        guard code == SQLITE_DONE else { return try check(resetCode == SQLITE_OK ? SQLITE_MISUSE : resetCode) }
    }

    private mutating func next() -> Int32 {
        count += 1
        return Int32(count)
    }

    private func check(_ code: Int32) throws {
        guard code != SQLITE_OK else { return }
        throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage, sql: statement.sql)
    }

    /// `SQLITE_TRANSIENT`, a macro that Swift does not import: SQLite copies the text before the call returns.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
