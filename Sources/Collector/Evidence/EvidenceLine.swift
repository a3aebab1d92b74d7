import FoundationEssentials
import Shared

/// One line of an evidence file: what a verification took in, or what came of it.
///
/// An evidence file is NDJSON: a ``EvidenceStart``, its hosts, then everything that the state machine took in, each followed
/// by the labels that it changed, and the verdict last. Times are whole nanoseconds since the verification's start.
enum EvidenceLine: Hashable, Sendable {
    case start(EvidenceStart)
    case host(ExpectedHost)
    /// The inventory was refused before anything was asked.
    case refused(Refusal)
    case asked(Asked)
    case sample(Sample)
    case time(Moment)
    case promotions(Promotions)
    /// Names that the inventory's source lists no more.
    case unlisted(Unlisted)
    /// What the registry said about a digest.
    case learned(Learned)
    /// What the promoted tag is instead.
    case moved(Moved)
    /// The promoted tag was looked at, and is what was promoted.
    case tagSeen(TagSeen)
    case signal(Signal)
    case label(Label)
    case verdict(Ending)

    struct Refusal: Codable, Hashable, Sendable {
        var check: InventoryCheck
        var selector: HostSelector
        /// All hosts that the inventory lists; nil where all were selected.
        var listed: [ExpectedHost]?
        var lastTime: InventoryCheck.Previous

        enum CodingKeys: String, CodingKey {
            case check, selector, listed
            case lastTime = "last_time"
        }
    }

    struct Asked: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var hosts: [Int]

        enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    struct Moment: Codable, Hashable, Sendable {
        var at: Nanoseconds

        enum CodingKeys: String, CodingKey { case at = "at_ns" }
    }

    struct Promotions: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var promotions: [Promotion]

        enum CodingKeys: String, CodingKey {
            case promotions
            case at = "at_ns"
        }
    }

    struct Unlisted: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var hosts: [String]

        enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    struct Learned: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var image: LearnedImage

        enum CodingKeys: String, CodingKey {
            case image
            case at = "at_ns"
        }
    }

    struct Moved: Codable, Hashable, Sendable {
        var at: Nanoseconds
        /// nil where it is what was promoted, again.
        var tag: MovedTag?

        enum CodingKeys: String, CodingKey {
            case tag
            case at = "at_ns"
        }
    }

    struct TagSeen: Codable, Hashable, Sendable {
        var at: Nanoseconds
        /// When the look began.
        var lookedAt: Nanoseconds

        enum CodingKeys: String, CodingKey {
            case at = "at_ns"
            case lookedAt = "looked_at_ns"
        }
    }

    struct Signal: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var number: Int32

        enum CodingKeys: String, CodingKey {
            case number
            case at = "at_ns"
        }
    }

    struct Label: Codable, Hashable, Sendable {
        var host: Int
        var at: Nanoseconds
        var label: HostLabel
        var reason: String

        enum CodingKeys: String, CodingKey {
            case host, label, reason
            case at = "at_ns"
        }
    }

    struct Ending: Codable, Hashable, Sendable {
        var at: Nanoseconds
        var verdict: Verdict
        var exitCode: Int32
        var reasons: [Reason]
        /// What the report says beside what follows from the evidence, for example of a ledger that could not be written.
        var notes: [String]

        enum CodingKeys: String, CodingKey {
            case verdict, reasons, notes
            case at = "at_ns"
            case exitCode = "exit_code"
        }
    }
}

extension EvidenceLine {
    /// The kinds of lines, as the member `kind` names them.
    enum Kind: String, Codable, Sendable {
        case start, host, refused, asked, sample, time, promotions, unlisted, learned, moved, signal, label, verdict
        case tagSeen = "tag_seen"
    }

    var kind: Kind {
        switch self {
        case .start: .start
        case .host: .host
        case .refused: .refused
        case .asked: .asked
        case .sample: .sample
        case .time: .time
        case .promotions: .promotions
        case .unlisted: .unlisted
        case .learned: .learned
        case .moved: .moved
        case .tagSeen: .tagSeen
        case .signal: .signal
        case .label: .label
        case .verdict: .verdict
        }
    }

    /// What the line says, without its kind.
    var payload: any Encodable {
        switch self {
        case .start(let value): value
        case .host(let value): value
        case .refused(let value): value
        case .asked(let value): value
        case .sample(let value): value
        case .time(let value): value
        case .promotions(let value): value
        case .unlisted(let value): value
        case .learned(let value): value
        case .moved(let value): value
        case .tagSeen(let value): value
        case .signal(let value): value
        case .label(let value): value
        case .verdict(let value): value
        }
    }
}

extension EvidenceLine: Decodable {
    private enum CodingKeys: String, CodingKey { case kind }

    init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Kind.self, forKey: .kind) {
        case .start: self = .start(try EvidenceStart(from: decoder))
        case .host: self = .host(try ExpectedHost(from: decoder))
        case .refused: self = .refused(try Refusal(from: decoder))
        case .asked: self = .asked(try Asked(from: decoder))
        case .sample: self = .sample(try Sample(from: decoder))
        case .time: self = .time(try Moment(from: decoder))
        case .promotions: self = .promotions(try Promotions(from: decoder))
        case .unlisted: self = .unlisted(try Unlisted(from: decoder))
        case .learned: self = .learned(try Learned(from: decoder))
        case .moved: self = .moved(try Moved(from: decoder))
        case .tagSeen: self = .tagSeen(try TagSeen(from: decoder))
        case .signal: self = .signal(try Signal(from: decoder))
        case .label: self = .label(try Label(from: decoder))
        case .verdict: self = .verdict(try Ending(from: decoder))
        }
    }
}
