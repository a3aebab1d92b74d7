import FoundationEssentials
import Shared
package import Verdict

/// One line of an evidence file: what a verification took in, or what came of it.
///
/// An evidence file is NDJSON: a ``EvidenceStart``, its hosts, then everything that the state machine took in, each followed
/// by the labels that it changed, and the verdict last. Times are whole nanoseconds since the verification's start.
package enum EvidenceLine: Hashable, Sendable {
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
    case tagSeen(ObservedTag)
    case signal(Signal)
    case status(Label)
    case verdict(Ending)

    package struct Refusal: Codable, Hashable, Sendable {
        package var check: InventoryCheck
        package var selector: HostSelector
        /// All hosts that the inventory lists; nil where all were selected.
        package var listed: [ExpectedHost]?
        package var lastTime: InventoryCheck.Previous

        package init(
            check: InventoryCheck, selector: HostSelector, listed: [ExpectedHost]? = nil,
            lastTime: InventoryCheck.Previous
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

        package init(at: Nanoseconds, hosts: [Int]) {
            self.at = at
            self.hosts = hosts
        }

        package enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    package struct Moment: Codable, Hashable, Sendable {
        package var at: Nanoseconds

        package init(at: Nanoseconds) {
            self.at = at
        }

        package enum CodingKeys: String, CodingKey { case at = "at_ns" }
    }

    package struct Promotions: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var promotions: [Promotion]

        package init(at: Nanoseconds, promotions: [Promotion]) {
            self.at = at
            self.promotions = promotions
        }

        package enum CodingKeys: String, CodingKey {
            case promotions
            case at = "at_ns"
        }
    }

    package struct Unlisted: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var hosts: [String]

        package init(at: Nanoseconds, hosts: [String]) {
            self.at = at
            self.hosts = hosts
        }

        package enum CodingKeys: String, CodingKey {
            case hosts
            case at = "at_ns"
        }
    }

    package struct Learned: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var image: DigestLookup

        package init(at: Nanoseconds, image: DigestLookup) {
            self.at = at
            self.image = image
        }

        package enum CodingKeys: String, CodingKey {
            case image
            case at = "at_ns"
        }
    }

    package struct Moved: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        /// nil where it is what was promoted, again.
        package var tag: RetaggedImage?

        package init(at: Nanoseconds, tag: RetaggedImage? = nil) {
            self.at = at
            self.tag = tag
        }

        package enum CodingKeys: String, CodingKey {
            case tag
            case at = "at_ns"
        }
    }

    package struct ObservedTag: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        /// When the look began.
        package var lookedAt: Nanoseconds

        package init(at: Nanoseconds, lookedAt: Nanoseconds) {
            self.at = at
            self.lookedAt = lookedAt
        }

        package enum CodingKeys: String, CodingKey {
            case at = "at_ns"
            case lookedAt = "looked_at_ns"
        }
    }

    package struct Signal: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var number: Int32

        package init(at: Nanoseconds, number: Int32) {
            self.at = at
            self.number = number
        }

        package enum CodingKeys: String, CodingKey {
            case number
            case at = "at_ns"
        }
    }

    package struct Label: Codable, Hashable, Sendable {
        package var host: Int
        package var at: Nanoseconds
        package var status: HostStatus
        package var reason: String

        package init(host: Int, at: Nanoseconds, status: HostStatus, reason: String) {
            self.host = host
            self.at = at
            self.status = status
            self.reason = reason
        }

        enum CodingKeys: String, CodingKey {
            case host, status, reason
            case at = "at_ns"
        }
    }

    package struct Ending: Codable, Hashable, Sendable {
        package var at: Nanoseconds
        package var verdict: Verdict
        package var exitCode: Int32
        package var reasons: [Reason]
        /// What the report says beside what follows from the evidence, for example of a ledger that could not be written.
        package var notes: [String]

        package init(at: Nanoseconds, verdict: Verdict, exitCode: Int32, reasons: [Reason], notes: [String]) {
            self.at = at
            self.verdict = verdict
            self.exitCode = exitCode
            self.reasons = reasons
            self.notes = notes
        }

        enum CodingKeys: String, CodingKey {
            case verdict, reasons, notes
            case at = "at_ns"
            case exitCode = "exit_code"
        }
    }
}

extension EvidenceLine {
    /// The kinds of lines, as the member `kind` names them.
    package enum Kind: String, Codable, Sendable {
        case start, host, refused, asked, sample, time, promotions, unlisted, learned, moved, signal, status, verdict
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
        case .status(let value): value
        case .verdict(let value): value
        }
    }
}

extension EvidenceLine: Decodable {
    private enum CodingKeys: String, CodingKey { case kind }

    package init(from decoder: any Decoder) throws {
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
        case .tagSeen: self = .tagSeen(try ObservedTag(from: decoder))
        case .signal: self = .signal(try Signal(from: decoder))
        case .status: self = .status(try Label(from: decoder))
        case .verdict: self = .verdict(try Ending(from: decoder))
        }
    }
}
