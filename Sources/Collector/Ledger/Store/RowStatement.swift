import GRDB

/// A prepared statement that is executed for each of many rows.
///
/// Values are bound one by one, and so neither boxed nor collected in an array, which costs more than the row itself.
struct RowStatement {
    private let statement: Statement
    private var index: CInt = 0

    init(_ db: Database, sql: String) throws {
        statement = try db.makeStatement(sql: sql)
    }

    /// Begins a row: parameters that are not bound are NULL.
    mutating func begin() {
        // Resets the statement, and marks its arguments as set.
        statement.setUncheckedArguments(StatementArguments())
        index = 0
    }

    /// Binds the next parameter.
    mutating func bind(_ value: some StatementBinding) throws {
        index += 1
        let code = value.bind(to: statement.sqliteStatement, at: index)
        guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code), sql: statement.sql) }
    }

    func execute() throws { try statement.execute() }
}
