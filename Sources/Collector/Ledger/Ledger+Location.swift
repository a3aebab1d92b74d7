extension Ledger {
    /// Opens the ledger that `--store` names, or the usual one, for a command that only looks.
    package static func openForReading(store: String?, environment: [String: String]) async throws(LedgerError)
        -> Ledger
    {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { throw .noPlace }
        return try await open(path: path, for: .reading)
    }
}
