import CollectorSupport

/// What `ledger prune` removed, or would remove.
package struct PruneResult: Codable, Hashable, Sendable {
    package var schema = 1
    /// Whether nothing was removed, because only the count was asked for.
    var isDryRun = false
    package var verifications = 0
    package var hosts = 0
    var transitions = 0
    /// Verifications that are still there.
    package var kept = 0
    /// By how much the file became smaller.
    @ExplicitNull var bytesFreed: Int?
    /// Space in the file that holds nothing any more and that later verifications use.
    @ExplicitNull var bytesReusable: Int?

    package init(
        schema: Int = 1, isDryRun: Bool = false, verifications: Int = 0, hosts: Int = 0, transitions: Int = 0,
        kept: Int = 0, bytesFreed: Int? = nil, bytesReusable: Int? = nil
    ) {
        self.schema = schema
        self.isDryRun = isDryRun
        self.verifications = verifications
        self.hosts = hosts
        self.transitions = transitions
        self.kept = kept
        self.bytesFreed = bytesFreed
        self.bytesReusable = bytesReusable
    }

    package enum CodingKeys: String, CodingKey {
        case schema, verifications, hosts, transitions, kept
        case isDryRun = "dry_run"
        case bytesFreed = "bytes_freed"
        case bytesReusable = "bytes_reusable"
    }

    package func text() -> String {
        let rows = "\(verifications) verifications (\(hosts) hosts, \(transitions) transitions)"
        guard !isDryRun else { return "would remove \(rows) and keep \(kept); all promotions are kept\n" }
        let freed = bytesFreed.map { ", and gave \(ByteCount($0)) back" } ?? ""
        let reusable =
            bytesReusable.map { $0 > 0 ? "; \(ByteCount($0)) in the file are free for what comes" : "" } ?? ""
        return "removed \(rows)\(freed)\(reusable); kept \(kept) verifications, and all promotions\n"
    }
}
