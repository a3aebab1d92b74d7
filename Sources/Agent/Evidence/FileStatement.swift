import FoundationEssentials
import Shared

/// What a `file:` source states, after all that is unusable was set aside.
struct FileStatement: Hashable {
    var gitSHA: GitSHA?
    var digest: Digest?
    var state: ServiceState
    /// What was set aside, one clause each.
    var remarks: [String]

    /// Why the file states nothing at all.
    enum Defect: Error, Hashable, CustomStringConvertible {
        case empty
        case notText
        case notJSON
        case notOneLine
        case notCommit
        case nothing
        case twice(String)

        var description: String {
            switch self {
            case .empty: "is empty"
            case .notText: "is not UTF-8 text"
            case .notJSON: "is no JSON object with the strings git_sha, digest and state"
            case .notOneLine: "is neither a JSON object nor one line with a commit id"
            // What it holds instead is not shown: a wrong path may lead to a secret.
            case .notCommit: "holds one line that is not a commit id: write the full commit id, or a JSON object"
            case .nothing: "states neither git_sha, digest nor state"
            case .twice(let name): "states \(name) twice"
            }
        }
    }

    private struct Fields: Decodable {
        var gitSHA: String?
        var digest: String?
        var state: String?

        private enum CodingKeys: String, CodingKey {
            case digest, state
            case gitSHA = "git_sha"
        }
    }

    static func parse(_ bytes: [UInt8]) -> Result<FileStatement, Defect> {
        guard let text = String(validating: bytes, as: UTF8.self) else { return .failure(.notText) }
        // Some editors write a byte order mark.
        let trimmed = (text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text).trimmed
        guard let first = trimmed.first else { return .failure(.empty) }
        guard first == "{" else {
            guard !trimmed.contains(where: \.isNewline) else { return .failure(.notOneLine) }
            // A shortened or dirty commit is still a commit, if an unusable one. This text is not a commit at all.
            guard GitSHA.problem(with: trimmed) != .notHexadecimal else { return .failure(.notCommit) }
            return .success(FileStatement(Fields(gitSHA: trimmed)))
        }
        // Decoders disagree about which of two counts. As a value, the quoted word makes no sense.
        for name in ["git_sha", "digest", "state"] where trimmed.ranges(of: "\"\(name)\"").count > 1 {
            return .failure(.twice(name))
        }
        do {
            let fields = try JSONDecoder().decode(Fields.self, from: Data(trimmed.utf8))
            guard fields.gitSHA != nil || fields.digest != nil || fields.state != nil else { return .failure(.nothing) }
            return .success(FileStatement(fields))
        } catch {
            // Which byte is wrong does not help the one who sees the host's state; that it is the file's fault does.
            return .failure(.notJSON)
        }
    }

    private init(_ fields: Fields) {
        remarks = []
        state = .serving
        if let text = fields.state {
            if let known = ServiceState(rawValue: text) {
                state = known
            } else {
                state = .unknown
                remarks.append("state '\(Sanitizer.singleLine(text, limit: 40))' is none that is known")
            }
        }
        do {
            gitSHA = try fields.gitSHA.map { text throws(GitSHA.ParseError) in try GitSHA(parsing: text) }
            if gitSHA == nil { remarks.append("no git_sha is stated") }
        } catch {
            remarks.append("git_sha '\(Sanitizer.singleLine(fields.gitSHA ?? "", limit: 72))' \(error)")
        }
        do {
            digest = try fields.digest.map { text throws(Digest.ParseError) in try Digest(parsing: text) }
        } catch {
            remarks.append("digest '\(Sanitizer.singleLine(fields.digest ?? "", limit: 80))' \(error)")
        }
    }
}
