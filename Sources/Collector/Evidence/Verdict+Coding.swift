import Shared
import Verdict

/// A policy in evidence: durations in nanoseconds, tolerances as typed.
extension Policy: Codable {
    private enum CodingKeys: String, CodingKey {
        case timeout = "timeout_ns"
        case interval = "interval_ns"
        case requestTimeout = "request_timeout_ns"
        case soak = "soak_ns"
        case stall = "stall_ns"
        case failAfter = "fail_after"
        case maxStragglers = "max_stragglers"
        case maxUnreachable = "max_unreachable"
        case maxFailed = "max_failed"
        case maxStragglersByLabel = "max_stragglers_by_label"
        case maxUnreachableByLabel = "max_unreachable_by_label"
        case maxFailedByLabel = "max_failed_by_label"
        case minProven = "min_proven"
        case require
        case supersededOK = "superseded_ok"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func duration(_ key: CodingKeys) throws -> Duration {
            try container.decode(Nanoseconds.self, forKey: key).duration
        }
        func tolerance(_ key: CodingKeys) throws -> Tolerance { try container.decode(Tolerance.self, forKey: key) }
        self.init(
            timeout: try duration(.timeout), interval: try duration(.interval),
            requestTimeout: try duration(.requestTimeout), soak: try duration(.soak), stall: try duration(.stall),
            failAfter: try container.decode(Int.self, forKey: .failAfter),
            maxStragglers: try tolerance(.maxStragglers), maxUnreachable: try tolerance(.maxUnreachable),
            maxFailed: try tolerance(.maxFailed),
            maxStragglersByLabel: try container.decode([GroupTolerance].self, forKey: .maxStragglersByLabel),
            maxUnreachableByLabel: try container.decode([GroupTolerance].self, forKey: .maxUnreachableByLabel),
            maxFailedByLabel: try container.decode([GroupTolerance].self, forKey: .maxFailedByLabel),
            minProven: try tolerance(.minProven), require: try container.decode([Requirement].self, forKey: .require),
            supersededOK: try container.decode(Bool.self, forKey: .supersededOK))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let durations: [(CodingKeys, Duration)] = [
            (.timeout, timeout), (.interval, interval), (.requestTimeout, requestTimeout), (.soak, soak),
            (.stall, stall),
        ]
        for (key, duration) in durations { try container.encode(Nanoseconds(duration), forKey: key) }
        try container.encode(failAfter, forKey: .failAfter)
        let tolerances: [(CodingKeys, Tolerance)] = [
            (.maxStragglers, maxStragglers), (.maxUnreachable, maxUnreachable), (.maxFailed, maxFailed),
            (.minProven, minProven),
        ]
        for (key, tolerance) in tolerances { try container.encode(tolerance, forKey: key) }
        try container.encode(maxStragglersByLabel, forKey: .maxStragglersByLabel)
        try container.encode(maxUnreachableByLabel, forKey: .maxUnreachableByLabel)
        try container.encode(maxFailedByLabel, forKey: .maxFailedByLabel)
        try container.encode(require, forKey: .require)
        try container.encode(supersededOK, forKey: .supersededOK)
    }
}

/// A value that evidence contains as typed.
protocol TypedText: Codable, CustomStringConvertible {
    /// Parses the output of `description`.
    init?(parsing text: String)
}

extension TypedText {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(parsing: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no \(Self.self)")
        }
        self = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Tolerance: TypedText {}
extension GroupTolerance: TypedText {}
extension Requirement: TypedText {}
extension HostSelector.Term: TypedText {}

extension HostSelector: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode([Term].self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(terms)
    }
}

/// A sample in evidence: `document`, `repeated`, `plain`, or `reach` with its `detail`.
extension Sample: Codable {
    private enum CodingKeys: String, CodingKey {
        case host, nonce, document, repeated, plain, reach, detail
        case askedAt = "asked_ns"
        case answeredAt = "answered_ns"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let answer: Answer =
            if let document = try container.decodeIfPresent(Document.self, forKey: .document) {
                .document(document)
            } else if let repeated = try container.decodeIfPresent(RepeatedDocument.self, forKey: .repeated) {
                .repeated(repeated)
            } else if let plain = try container.decodeIfPresent(PlainAnswer.self, forKey: .plain) {
                .plain(plain)
            } else {
                .unusable(
                    try container.decode(RequestOutcome.self, forKey: .reach),
                    detail: try container.decode(String.self, forKey: .detail))
            }
        self.init(
            host: try container.decode(Int.self, forKey: .host),
            askedAt: try container.decode(Nanoseconds.self, forKey: .askedAt).duration,
            answeredAt: try container.decode(Nanoseconds.self, forKey: .answeredAt).duration,
            nonce: try container.decode(String.self, forKey: .nonce), answer: answer)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(Nanoseconds(askedAt), forKey: .askedAt)
        try container.encode(Nanoseconds(answeredAt), forKey: .answeredAt)
        try container.encode(nonce, forKey: .nonce)
        switch answer {
        case .document(let document): try container.encode(document, forKey: .document)
        case .repeated(let repeated): try container.encode(repeated, forKey: .repeated)
        case .plain(let plain): try container.encode(plain, forKey: .plain)
        case .unusable(let reach, let detail):
            try container.encode(reach, forKey: .reach)
            try container.encode(detail, forKey: .detail)
        }
    }
}

extension RepeatedDocument: Codable {
    private enum CodingKeys: String, CodingKey {
        case nonce
        case ageSeconds = "age_seconds"
        case observedAt = "observed_at"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            nonce: try container.decodeIfPresent(String.self, forKey: .nonce),
            ageSeconds: try container.decode(Double.self, forKey: .ageSeconds),
            observedAt: try container.decode(String.self, forKey: .observedAt))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(nonce, forKey: .nonce)
        try container.encode(ageSeconds, forKey: .ageSeconds)
        try container.encode(observedAt, forKey: .observedAt)
    }
}
