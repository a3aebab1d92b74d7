import Verdict

/// Something that holds in every ledger, at every moment, whatever was killed: a query that finds where it does not.
struct LedgerInvariant: Sendable {
    /// What is wrong where the query finds something; the first column of each row says where.
    let defect: String
    let query: String
    /// The first schema that has what the query reads.
    var since = 1

    static let all = [
        LedgerInvariant(
            defect: "promotions are not numbered from 1 without gaps: of service",
            query: """
                SELECT service FROM promotions GROUP BY service
                HAVING min(generation) != 1 OR max(generation) != count(*)
                """),
        LedgerInvariant(
            defect: "a finished verification lacks its verdict, exit code, end or outcome, or a running one has it:",
            query: """
                SELECT id FROM verifications WHERE NOT iif(
                    state = 'finished',
                    verdict IS NOT NULL AND exit_code IS NOT NULL AND finished_at IS NOT NULL AND proven IS NOT NULL
                        AND outcome IS NOT NULL,
                    verdict IS NULL AND exit_code IS NULL AND finished_at IS NULL AND proven IS NULL AND outcome IS NULL)
                """),
        LedgerInvariant(
            defect: "a verification has a verdict that there is not:",
            query: """
                SELECT id FROM verifications WHERE verdict NOT IN (\(quoted(Verdict.allCases.map(\.rawValue))))
                """),
        LedgerInvariant(
            defect: "a verification counts more proven hosts than it has:",
            query: "SELECT id FROM verifications WHERE proven > expected OR expected > listed"),
        LedgerInvariant(
            defect: "a verification's report has other hosts than were counted:",
            // Of a selection, only what it selects is asked and reported; all that its inventory lists is in `listed`.
            query: """
                SELECT id FROM verifications WHERE json_extract(inventory, '$.expected') != (
                    SELECT count(*) FROM hosts
                    WHERE verification = number AND (rank IS NOT NULL OR verifications.state = 'running'))
                """),
        LedgerInvariant(
            defect: "a verification counts other hosts than its inventory holds:",
            query: """
                SELECT id FROM verifications WHERE json_extract(inventory, '$.expected') > listed
                    OR listed != coalesce(json_extract(inventory, '$.listed'), json_extract(inventory, '$.expected'))
                """),
        LedgerInvariant(
            defect: "a finished verification has hosts without a result:",
            query: """
                SELECT id FROM verifications JOIN hosts ON verification = number
                WHERE state = 'finished' AND rank IS NOT NULL
                    AND (label IS NULL OR reason IS NULL OR attempts IS NULL OR reach IS NULL)
                GROUP BY id
                """),
        LedgerInvariant(
            defect: "a host has a status that there is not: in verification",
            query: """
                SELECT id FROM hosts JOIN verifications ON number = verification
                WHERE label NOT IN (\(quoted(HostStatus.allCases.map(\.rawValue)))) GROUP BY id
                """),
        LedgerInvariant(
            defect: "a host's changes are not numbered from 0 without gaps: in verification",
            query: """
                SELECT id FROM (
                    SELECT DISTINCT verification FROM transitions GROUP BY verification, host
                    HAVING min(number) != 0 OR max(number) != count(*) - 1)
                JOIN verifications ON number = verification
                """),
        LedgerInvariant(
            defect: "the journal says that a tag was moved, and the promotion is not known: entry",
            query: """
                SELECT id FROM journal WHERE state = 'moved' AND NOT EXISTS (
                    SELECT 1 FROM promotions
                    WHERE promotions.service = journal.service AND promotions.generation = journal.generation)
                """, since: 3),
        LedgerInvariant(
            defect: "the journal has a kind or a state that there is not: entry",
            query: """
                SELECT id FROM journal WHERE kind NOT IN (\(quoted(JournalEntry.Kind.allCases.map(\.rawValue))))
                    OR state NOT IN (\(quoted(JournalEntry.State.allCases.map(\.rawValue))))
                """, since: 3),
    ]

    /// Our own words, which hold no quotes.
    private static func quoted(_ words: [String]) -> String { words.map { "'\($0)'" }.joined(separator: ", ") }
}
