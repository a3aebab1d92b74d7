import Shared
import Verdict

/// A sample as evidence writes it: `document`, `plain`, or `reach` with its `detail`.
extension Sample: Codable {
    private enum CodingKeys: String, CodingKey {
        case host, nonce, document, plain, reach, detail
        case askedAt = "asked_ns"
        case answeredAt = "answered_ns"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let finding: Finding =
            if let document = try container.decodeIfPresent(Document.self, forKey: .document) {
                .document(document)
            } else if let plain = try container.decodeIfPresent(PlainAnswer.self, forKey: .plain) {
                .plain(plain)
            } else {
                .none(
                    try container.decode(RequestOutcome.self, forKey: .reach),
                    detail: try container.decode(String.self, forKey: .detail))
            }
        self.init(
            host: try container.decode(Int.self, forKey: .host),
            askedAt: try container.decode(Nanoseconds.self, forKey: .askedAt).duration,
            answeredAt: try container.decode(Nanoseconds.self, forKey: .answeredAt).duration,
            nonce: try container.decode(String.self, forKey: .nonce), finding: finding)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(Nanoseconds(askedAt), forKey: .askedAt)
        try container.encode(Nanoseconds(answeredAt), forKey: .answeredAt)
        try container.encode(nonce, forKey: .nonce)
        switch finding {
        case .document(let document): try container.encode(document, forKey: .document)
        case .plain(let answer): try container.encode(answer, forKey: .plain)
        case .none(let reach, let detail):
            try container.encode(reach, forKey: .reach)
            try container.encode(detail, forKey: .detail)
        }
    }
}
