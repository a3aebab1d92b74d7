import Shared

/// The first line of an evidence file: what was to be verified, and how.
struct EvidenceStart: Codable, Hashable, Sendable {
    static let schema = 1

    struct Source: Codable, Hashable, Sendable {
        var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        var hash: String
        /// How many lines of hosts follow.
        var hosts: Int
        /// What `--select` asked for; nil where everything is expected.
        var selected: [String]?
        /// How many hosts are listed, where not all of them are selected.
        var listed: Int?
    }

    var schema = EvidenceStart.schema
    /// The verification's id.
    var verification: String
    /// Of the collector that wrote it.
    var collector: String
    /// RFC 3339, for people.
    var startedAt: String
    /// Milliseconds since 1970.
    var startedAtMilliseconds: Int64
    var target: Target
    var policy: Policy
    /// The ledger's promotions of the service, oldest first.
    var promotions: [Promotion]
    var inventory: Source
    /// What the report says beside what follows from the evidence.
    var warnings: [String]
    /// Whether a registry was asked about digests that hosts serve; nil is false.
    var learnsImages: Bool?
    /// Whether no green end came without a look at the tag; nil is false.
    var watchesTag: Bool?

    enum CodingKeys: String, CodingKey {
        case schema, verification, collector, target, policy, promotions, inventory, warnings
        case startedAt = "started_at"
        case startedAtMilliseconds = "started_at_ms"
        case learnsImages = "learns_images"
        case watchesTag = "watches_tag"
    }
}
