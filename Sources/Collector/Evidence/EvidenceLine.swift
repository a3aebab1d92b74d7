import FoundationEssentials
package import Reports
import Shared
package import Verdict

/// One line of an evidence file: an input of a verification, or a result.
///
/// An evidence file is NDJSON: an ``EvidenceStart``, its hosts, every input of the state machine followed by the statuses
/// that it changed, and finally the verdict. Times are whole nanoseconds since the verification's start.
///
/// Replay derives the results again and compares statuses, times, verdict, exit code, counts and reason codes. Sentences are
/// included for people and never compared.
package enum EvidenceLine: Hashable, Sendable {
    case start(EvidenceStart)
    case host(ExpectedHost)
    /// The inventory was refused before any host was queried.
    case refused(Refusal)
    case asked(Asked)
    case sample(Sample)
    case time(Moment)
    /// The interval that was really kept between two requests to a host.
    case paced(Paced)
    /// The collector did not run.
    case suspended(Suspended)
    case promotions(Promotions)
    /// Names that the inventory's source no longer lists.
    case unlisted(Unlisted)
    /// The registry's answer about a digest.
    case learned(Learned)
    /// The promoted tag's new image.
    case moved(Moved)
    /// The promoted tag was read and points to the target.
    case tagSeen(ObservedTag)
    case signal(Signal)
    case status(StatusChange)
    case verdict(Ending)

    package struct Refusal: Codable, Hashable, Sendable {
        package var check: InventoryCheck
        package var selector: HostSelector
        /// All hosts that the inventory lists; nil if all were selected.
        package var listed: [ExpectedHost]?
        package var lastTime: InventoryCheck.Previous

        package init(
            check: InventoryCheck, selector: HostSelector, listed: [ExpectedHost]?, lastTime: InventoryCheck.Previous
        ) {
            self.check = check
            self.selector = selector
            self.listed = listed
            self.lastTime = lastTime
        }

        package enum CodingKeys: String, CodingKey {
            case check, selector, listed
            case lastTime = "last_time"
        }
    }

    package struct Asked: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var hosts: [Int]

        package enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    package struct Moment: Codable, Hashable, Sendable {
        package var at: Nanoseconds

        package enum CodingKeys: String, CodingKey { case at = "at_ns" }
    }

    package struct Paced: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var interval: Nanoseconds

        package enum CodingKeys: String, CodingKey {
            case at = "at_ns"
            case interval = "interval_ns"
        }
    }

    package struct Suspended: Codable, Hashable, Sendable {
        package var from: Nanoseconds
        /// Its end.
        package var at: Nanoseconds

        package enum CodingKeys: String, CodingKey {
            case from = "from_ns"
            case at = "at_ns"
        }
    }

    package struct Promotions: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var promotions: [Promotion]

        package enum CodingKeys: String, CodingKey {
            case promotions
            case at = "at_ns"
        }
    }

    package struct Unlisted: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var hosts: [String]

        package enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    package struct Learned: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var image: DigestLookup

        package enum CodingKeys: String, CodingKey {
            case image
            case at = "at_ns"
        }
    }

    package struct Moved: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        /// nil if it is the target again.
        package var tag: RetaggedImage?

        package enum CodingKeys: String, CodingKey {
            case tag
            case at = "at_ns"
        }
    }

    package struct ObservedTag: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        /// The start of the reading.
        package var lookedAt: Nanoseconds

        package enum CodingKeys: String, CodingKey {
            case at = "at_ns"
            case lookedAt = "looked_at_ns"
        }
    }

    package struct Signal: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var number: Int32

        package enum CodingKeys: String, CodingKey {
            case number
            case at = "at_ns"
        }
    }

    package struct StatusChange: Codable, Hashable, Sendable {
        var host: Int
        var at: Nanoseconds
        var status: HostStatus
        /// nil in schema 1.
        var code: HostReason.Code?
        /// For people.
        var reason: String

        /// True if a replay had the same result.
        func agrees(with derived: StatusChange, schema: Int) -> Bool {
            host == derived.host && at == derived.at && status == derived.status
                && (schema < 2 || code == derived.code)
        }

        enum CodingKeys: String, CodingKey {
            case host, status, reason
            case code = "reason_code"
            case at = "at_ns"
        }
    }

    package struct Ending: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var verdict: Verdict
        package var exitCode: Int32
        package var reasons: [Reason]
        /// Notes of the report that do not follow from the evidence, for example about a ledger that could not be written.
        package var notes: [String]

        /// True if a replay had the same result.
        func agrees(with derived: Conclusion, schema: Int) -> Bool {
            verdict == derived.verdict && exitCode == derived.exitCode && at.duration == derived.at
                && reasons.count == derived.reasons.count
                && zip(reasons, derived.reasons).allSatisfy { recorded, derived in
                    recorded.verdict == derived.verdict && recorded.hosts == derived.hosts
                        && (schema < 2 || recorded.code == derived.code)
                }
        }

        enum CodingKeys: String, CodingKey {
            case verdict, reasons, notes
            case at = "at_ns"
            case exitCode = "exit_code"
        }
    }
}

extension EvidenceLine {
    /// The kinds of lines: the values of the member `kind`.
    package enum Kind: String, Sendable {
        case start, host, refused, asked, sample, time, paced, suspended, promotions, unlisted, learned, moved, signal,
            status, verdict
        case tagSeen = "tag_seen"
    }

    package var kind: Kind {
        switch self {
        case .start: .start
        case .host: .host
        case .refused: .refused
        case .asked: .asked
        case .sample: .sample
        case .time: .time
        case .paced: .paced
        case .suspended: .suspended
        case .promotions: .promotions
        case .unlisted: .unlisted
        case .learned: .learned
        case .moved: .moved
        case .tagSeen: .tagSeen
        case .signal: .signal
        case .status: .status
        case .verdict: .verdict
        }
    }

    /// The line without its kind.
    var payload: any Encodable {
        switch self {
        case .start(let value): value
        case .host(let value): value
        case .refused(let value): value
        case .asked(let value): value
        case .sample(let value): value
        case .time(let value): value
        case .paced(let value): value
        case .suspended(let value): value
        case .promotions(let value): value
        case .unlisted(let value): value
        case .learned(let value): value
        case .moved(let value): value
        case .tagSeen(let value): value
        case .signal(let value): value
        case .status(let value): value
        case .verdict(let value): value
        }
    }
}

extension EvidenceLine: Decodable {
    private enum CodingKeys: String, CodingKey { case kind }

    /// Schema 1 called a host's status its label.
    private struct Label: Decodable {
        var host: Int
        var at: Nanoseconds
        var label: HostStatus
        var reason: String

        enum CodingKeys: String, CodingKey {
            case host, label, reason
            case at = "at_ns"
        }
    }

    package init(from decoder: any Decoder) throws {
        let kind = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .kind)
        if kind == "label" {
            let label = try Label(from: decoder)
            self = .status(
                StatusChange(host: label.host, at: label.at, status: label.label, reason: label.reason))
            return
        }
        guard let kind = Kind(rawValue: kind) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "unknown kind of line"))
        }
        switch kind {
        case .start: self = .start(try EvidenceStart(from: decoder))
        case .host: self = .host(try ExpectedHost(from: decoder))
        case .refused: self = .refused(try Refusal(from: decoder))
        case .asked: self = .asked(try Asked(from: decoder))
        case .sample: self = .sample(try Sample(from: decoder))
        case .paced: self = .paced(try Paced(from: decoder))
        case .suspended: self = .suspended(try Suspended(from: decoder))
        case .time: self = .time(try Moment(from: decoder))
        case .promotions: self = .promotions(try Promotions(from: decoder))
        case .unlisted: self = .unlisted(try Unlisted(from: decoder))
        case .learned: self = .learned(try Learned(from: decoder))
        case .moved: self = .moved(try Moved(from: decoder))
        case .tagSeen: self = .tagSeen(try ObservedTag(from: decoder))
        case .signal: self = .signal(try Signal(from: decoder))
        case .status: self = .status(try StatusChange(from: decoder))
        case .verdict: self = .verdict(try Ending(from: decoder))
        }
    }
}

/// The first line of an evidence file: the subject and the settings of the verification.
package struct EvidenceStart: Codable, Hashable, Sendable {
    package static let schema = 3
    /// The schemas that can be replayed.
    static let knownSchemas = 1...schema

    package struct Source: Codable, Hashable, Sendable {
        package var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        package var hash: String
        /// The number of host lines that follow.
        package var hosts: Int
        /// The terms of `--select`; nil if every host is expected.
        package var selected: [String]?
        /// The number of listed hosts; nil if every host is selected.
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
    /// The version of the collector that wrote the file.
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
    /// Notes of the report that do not follow from the evidence.
    package var warnings: [String]
    /// True if a registry was queried about digests that hosts serve; nil means false.
    package var learnsImages: Bool?
    /// True if no verification ended green without reading the tag; nil means false.
    package var watchesTag: Bool?
    /// The place of the run, for people; nil in older evidence.
    package var origin: ReportOrigin?

    package init(
        schema: Int = EvidenceStart.schema, verification: String, collector: String, startedAt: String,
        startedAtMilliseconds: Int64, target: Target, policy: Policy, promotions: [Promotion], inventory: Source,
        warnings: [String], learnsImages: Bool? = nil, watchesTag: Bool? = nil, origin: ReportOrigin? = nil
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
        self.origin = origin
    }

    package enum CodingKeys: String, CodingKey {
        case schema, verification, collector, target, policy, promotions, inventory, warnings, origin
        case startedAt = "started_at"
        case startedAtMilliseconds = "started_at_ms"
        case learnsImages = "learns_images"
        case watchesTag = "watches_tag"
    }
}

/// A duration in evidence: a whole number of nanoseconds, so that decoding restores it exactly.
package struct Nanoseconds: Codable, Hashable, Sendable {
    package var duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    package init(from decoder: any Decoder) throws {
        duration = .nanoseconds(try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }

    var count: Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
