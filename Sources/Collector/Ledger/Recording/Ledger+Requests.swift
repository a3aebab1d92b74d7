import CollectorSupport
package import FoundationEssentials
import GRDB
import Shared

/// A request that started a verification.
package struct RecordedRequest: Hashable, Sendable {
    /// The hash of what was asked for.
    package let request: String
    /// The id of its verification.
    package let verification: String
}

extension Ledger {
    /// How long a key is kept: longer than any pipeline repeats a step.
    private static let keptKeys = 7.0 * 86_400

    /// Records the request of a verification, and forgets old ones.
    ///
    /// - Parameters:
    ///   - key: replaces an earlier request with this key.
    ///   - request: the hash of what was asked for.
    package func record(
        _ request: String, key: String, of verification: String, at now: Date
    ) async throws(LedgerError) {
        let (at, oldest) = (now.rfc3339, now.addingTimeInterval(-Self.keptKeys).rfc3339)
        try await write { db in
            try db.execute(sql: "DELETE FROM requests WHERE at < ?", arguments: [oldest])
            try db.execute(
                sql: "INSERT OR REPLACE INTO requests (key, request, verification, at) VALUES (?, ?, ?, ?)",
                arguments: [key, request, verification, at])
        }
    }

    /// The request with a key; nil if there is none, or its verification never began.
    package func request(key: String) async throws(LedgerError) -> RecordedRequest? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT request, verification FROM requests JOIN verifications ON id = verification WHERE key = ?
                    """, arguments: [key]
            ).map { RecordedRequest(request: $0["request"], verification: $0["verification"]) }
        }
    }
}
