import FoundationEssentials
package import Shared

/// The reason why a file cannot be read.
package enum FileReadFailure: Error, Hashable, Sendable {
    case missing
    case denied
    case notRegular
    case tooLarge
    /// The file system does not respond.
    case hanging
    /// The kernel provides no thread for the read.
    case noThread
    case other(errno: Int32)
}

/// The statement of a `file:` source, without its unusable parts.
struct FileStatement: Hashable {
    private(set) var gitSHA: GitSHA?
    private(set) var digest: Digest?
    private(set) var state: ServiceState
    /// The unusable parts, one clause each.
    private(set) var remarks: [String]

    /// The reason why a file's content is not a statement, as a predicate.
    enum ParseError: Error, Hashable, CustomStringConvertible {
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
            case .notJSON: "is not a JSON object with the strings git_sha, digest and state"
            case .notOneLine: "is neither a JSON object nor one line with a commit id"
            // The content is not shown: a wrong path can lead to a secret.
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

    /// Parses `{"git_sha": …, "digest": …, "state": …}`, or a bare commit id on one line.
    init(parsing bytes: [UInt8]) throws(ParseError) {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
        // Some editors write a byte order mark.
        let trimmed = (text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text).trimmed
        guard let first = trimmed.first else { throw .empty }
        guard first == "{" else {
            guard !trimmed.contains(where: \.isNewline) else { throw .notOneLine }
            // A shortened or dirty commit id is unusable, but still a commit id. Other text is refused.
            guard GitSHA.problem(with: trimmed) != .notHexadecimal else { throw .notCommit }
            self.init(Fields(gitSHA: trimmed))
            return
        }
        // Decoders disagree about which of two keys counts. A quoted name is never a valid value, so each one is a key.
        for name in ["git_sha", "digest", "state"] where trimmed.ranges(of: "\"\(name)\"").count > 1 {
            throw .twice(name)
        }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(trimmed.utf8))
        } catch {
            // The decoder's own message would not help an operator.
            throw .notJSON
        }
        guard fields.gitSHA != nil || fields.digest != nil || fields.state != nil else { throw .nothing }
        self.init(fields)
    }

    private init(_ fields: Fields) {
        remarks = []
        state = .serving
        if let text = fields.state {
            if let known = ServiceState(rawValue: text) {
                state = known
            } else {
                state = .unknown
                let states = ServiceState.allCases.map(\.rawValue).joined(separator: ", ")
                remarks.append("state '\(Sanitizer.singleLine(text, limit: 40))' is unknown: expected one of \(states)")
            }
        }
        do {
            gitSHA = try fields.gitSHA.map { text throws(GitSHA.ParseError) in try GitSHA(parsing: text) }
            if gitSHA == nil { remarks.append("git_sha is missing") }
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

extension DocumentContent {
    /// The maximum size of a `file:` source in bytes.
    package static let fileSizeLimit = 64 * 1_024

    /// The content for a service that describes itself in a file, from the file's bytes or the failure to read them.
    package init(service: String, path: String, host: HostIdentity, read: Result<[UInt8], FileReadFailure>) {
        self.init(service: service, state: .unknown, host: host)
        do {
            let bytes = try read.get()
            take(try FileStatement(parsing: bytes), path: path, bytes: bytes)
        } catch {
            let problem = (error as? FileReadFailure).map(Self.describe) ?? "\(error)"
            reason = Sanitizer.singleLine("file '\(path)' \(problem)")
        }
    }

    private mutating func take(_ statement: FileStatement, path: String, bytes: [UInt8]) {
        let digests = statement.digest.map { [DigestEvidence(digest: $0, kind: .indexOrManifest, source: .file)] } ?? []
        let image = ImageEvidence(
            reference: Sanitizer.singleLine("file:\(path)"), origin: digests.isEmpty ? .none : .registry,
            digests: digests, tagMoved: false)
        // The id depends on the content, so that a collector notices a file that is replaced during a soak.
        let id = "file-" + Hexadecimal.encode(SHA256.hash(Array(path.utf8) + [0] + bytes)).prefix(40)
        let name = Sanitizer.singleLine(path.split(separator: "/" as Character).last ?? "file", limit: 255)
        gitSHA = statement.gitSHA
        digest = statement.digest
        state = statement.state
        if !statement.remarks.isEmpty {
            reason = Sanitizer.singleLine("file '\(path)': " + statement.remarks.joined(separator: "; "))
        }
        instances = [
            Instance(
                id: id, name: name, state: state, restartCount: 0, gitSHA: Reported(gitSHA), image: image)
        ]
    }

    private static func describe(_ failure: FileReadFailure) -> String {
        switch failure {
        case .missing: "does not exist"
        case .denied: "cannot be read: permission denied; let the agent's user read it"
        case .notRegular: "is not a regular file"
        case .tooLarge: "is larger than \(fileSizeLimit / 1_024) KiB"
        case .hanging: "cannot be read: its file system does not answer"
        case .noThread: "cannot be read: no thread available; raise TasksMax of the agent's unit"
        case .other(let code): "cannot be read (errno \(code))"
        }
    }
}
