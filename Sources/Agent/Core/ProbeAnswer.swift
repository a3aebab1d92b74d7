import FoundationEssentials
package import Shared

/// A complete answer to a probe, within its limits.
package struct ProbeAnswer: Hashable, Sendable {
    package let status: Int
    /// The value of the first header that names a commit; nil without such a header.
    let headerSHA: String?
    package var body: [UInt8] = []

    /// The headers that name the commit; the first one that is present counts. The body takes precedence over them.
    static let headers = ["Buildinfo-Git-Sha", "X-Git-Sha"]

    /// - Parameter header: returns the first value of a header.
    package init(status: Int, header: (String) -> String?) {
        self.init(status: status, headerSHA: Self.headers.lazy.compactMap(header).first)
    }

    init(status: Int, headerSHA: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.headerSHA = headerSHA
        self.body = body
    }
}

/// The reason why a probe got no complete answer.
package struct ProbeFailure: Error, Hashable, Sendable {
    package let outcome: ProbeResult.Outcome
    /// The cause, as a clause on one line.
    package let why: String

    package init(outcome: ProbeResult.Outcome, why: String) {
        self.outcome = outcome
        self.why = why
    }
}

/// The result of one probe. A service that fails is data, not an error.
package struct ProbeReading: Hashable, Sendable {
    /// The result without its latency, which is a clock field.
    let answer: ProbeResult
    /// The reason why the answer is unusable, as a clause on one line; nil for a usable answer.
    let problem: String?
    /// The time from sending the request to the end of the answer, or to giving up.
    package let latency: Duration

    /// - Parameter url: the probed URL, for messages.
    package init(_ result: Result<ProbeAnswer, ProbeFailure>, url: String, latency: Duration) {
        switch result {
        case .success(let answer):
            let statement = ProbeStatement(answer)
            self.init(
                answer: ProbeResult(
                    url: url, outcome: statement.outcome, status: answer.status, gitSHA: statement.gitSHA),
                problem: statement.problem, latency: latency)
        case .failure(let failure):
            self.init(answer: ProbeResult(url: url, outcome: failure.outcome), problem: failure.why, latency: latency)
        }
    }

    init(answer: ProbeResult, problem: String? = nil, latency: Duration) {
        self.answer = answer
        self.problem = problem
        self.latency = latency
    }
}

/// The commit that a service's answer states: a pure function of the answer.
struct ProbeStatement: Hashable {
    let outcome: ProbeResult.Outcome
    /// The stated commit; nil if the answer is not one that can state a commit.
    let gitSHA: Reported<GitSHA>?
    let problem: String?

    /// The maximum number of characters of a text that is not a commit.
    private static let textLimit = 128

    private struct Fields: Decodable {
        var gitSHA: String?

        private enum CodingKeys: String, CodingKey { case gitSHA = "git_sha" }

        /// `null` is an answer without a commit. JSON without the key is not an answer.
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            gitSHA = try container.decodeNil(forKey: .gitSHA) ? nil : container.decode(String.self, forKey: .gitSHA)
        }
    }

    init(_ answer: ProbeAnswer) {
        // A header counts with any success, for example 204 without a body; a body counts only with 200.
        guard answer.status == 200 || (200...299).contains(answer.status) && answer.headerSHA != nil else {
            let isRedirect = (300...399).contains(answer.status)
            (outcome, gitSHA) = (.httpStatus, nil)
            problem = "HTTP \(answer.status)" + (isRedirect ? ", a redirect, which is not followed" : "")
            return
        }
        if answer.status == 200, let fields = Self.fields(answer.body) {
            let stated = Self.reported(fields.gitSHA)
            (outcome, gitSHA, problem) = (.ok, stated == .absent ? Self.reported(answer.headerSHA) : stated, nil)
        } else if let header = answer.headerSHA {
            (outcome, gitSHA, problem) = (.ok, Self.reported(header), nil)
        } else {
            (outcome, gitSHA) = (.notBuildinfo, nil)
            problem = "neither a JSON object with git_sha nor a header \(ProbeAnswer.headers[0])"
        }
    }

    private static func fields(_ body: [UInt8]) -> Fields? {
        // The decoder's error does not matter: the body is not an answer.
        guard !body.isEmpty, let fields = try? JSONDecoder().decode(Fields.self, from: Data(body)) else { return nil }
        return fields
    }

    private static func reported(_ text: String?) -> Reported<GitSHA> {
        guard let text = text?.trimmed else { return .absent }
        return GitSHA(contractText: text).map(Reported.known) ?? .unusable(Sanitizer.singleLine(text, limit: textLimit))
    }
}
