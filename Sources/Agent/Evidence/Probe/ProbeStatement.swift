import FoundationEssentials
import Shared

/// What a service's answer to its probe says: a pure function of the answer.
struct ProbeStatement: Hashable {
    var outcome: ProbeResult.Outcome
    /// nil where the answer is none that could hold one.
    var gitSHA: Reported<GitSHA>?
    var trouble: String?

    /// Headers that name the commit, the first wins. An answer's body comes before them.
    static let headers = ["Buildinfo-Git-Sha", "X-Git-Sha"]
    /// Characters of a text that is no commit.
    static let textLimit = 128

    private struct Fields: Decodable {
        var gitSHA: String?

        private enum CodingKeys: String, CodingKey { case gitSHA = "git_sha" }

        /// A null is an answer without a commit; without the key it is some other JSON.
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            gitSHA = try container.decodeNil(forKey: .gitSHA) ? nil : container.decode(String.self, forKey: .gitSHA)
        }
    }

    init(_ answer: ProbeAnswer) {
        // A header will do on an answer without a body (204), too; a body counts with 200 alone.
        guard answer.status == 200 || (200...299).contains(answer.status) && answer.headerSHA != nil else {
            outcome = .httpStatus
            let isRedirect = (300...399).contains(answer.status)
            trouble = "HTTP \(answer.status)" + (isRedirect ? ", a redirect, which is not followed" : "")
            return
        }
        outcome = .ok
        if answer.status == 200, let fields = Self.fields(answer.body) {
            let stated = Self.reported(fields.gitSHA)
            gitSHA = stated == .absent ? Self.reported(answer.headerSHA) : stated
        } else if let header = answer.headerSHA {
            gitSHA = Self.reported(header)
        } else {
            outcome = .notBuildinfo
            trouble = "neither a JSON object with git_sha nor a header \(Self.headers[0])"
        }
    }

    private static func fields(_ body: [UInt8]) -> Fields? {
        // What is wrong with it does not matter: it is something else than an answer.
        guard !body.isEmpty, let fields = try? JSONDecoder().decode(Fields.self, from: Data(body)) else { return nil }
        return fields
    }

    private static func reported(_ text: String?) -> Reported<GitSHA> {
        guard let text = text?.trimmed else { return .absent }
        return GitSHA(contractText: text).map(Reported.known) ?? .unusable(Sanitizer.singleLine(text, limit: textLimit))
    }
}
