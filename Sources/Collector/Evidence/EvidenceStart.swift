import Shared
package import Verdict

/// The first line of an evidence file: what was to be verified, and how.
package struct EvidenceStart: Codable, Hashable, Sendable {
    package static let schema = 1

    package struct Source: Codable, Hashable, Sendable {
        package var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        package var hash: String
        /// How many lines of hosts follow.
        package var hosts: Int
        /// What `--select` asked for; nil where everything is expected.
        package var selected: [String]?
        /// How many hosts are listed, where not all of them are selected.
        package var listed: Int?

        package init(source: String, hash: String, hosts: Int, selected: [String]? = nil, listed: Int? = nil) {
            self.source = source
            self.hash = hash
            self.hosts = hosts
            self.selected = selected
            self.listed = listed
        }
    }

    package var schema = EvidenceStart.schema
    /// The verification's id.
    package var verification: String
    /// Of the collector that wrote it.
    package var collector: String
    /// RFC 3339, for people.
    package var startedAt: String
    /// Milliseconds since 1970.
    package var startedAtMilliseconds: Int64
    package var target: Target
    package var policy: Policy
    /// The ledger's promotions of the service, oldest first.
    package var promotions: [Promotion]
    package var inventory: Source
    /// What the report says beside what follows from the evidence.
    package var warnings: [String]
    /// Whether a registry was asked about digests that hosts serve; nil is false.
    package var learnsImages: Bool?
    /// Whether no green end came without a look at the tag; nil is false.
    package var watchesTag: Bool?

    package init(
        schema: Int = EvidenceStart.schema, verification: String, collector: String, startedAt: String,
        startedAtMilliseconds: Int64, target: Target, policy: Policy, promotions: [Promotion], inventory: Source,
        warnings: [String], learnsImages: Bool? = nil, watchesTag: Bool? = nil
    ) {
        self.schema = schema
        self.verification = verification
        self.collector = collector
        self.startedAt = startedAt
        self.startedAtMilliseconds = startedAtMilliseconds
        self.target = target
        self.policy = policy
        self.promotions = promotions
        self.inventory = inventory
        self.warnings = warnings
        self.learnsImages = learnsImages
        self.watchesTag = watchesTag
    }

    package enum CodingKeys: String, CodingKey {
        case schema, verification, collector, target, policy, promotions, inventory, warnings
        case startedAt = "started_at"
        case startedAtMilliseconds = "started_at_ms"
        case learnsImages = "learns_images"
        case watchesTag = "watches_tag"
    }
}
