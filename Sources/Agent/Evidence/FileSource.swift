import FoundationEssentials
import Shared

/// What a service wrote about itself into a file: `{"git_sha": …, "digest": …, "state": …}`, or a bare SHA on one line.
///
/// For services that no engine runs. The file is always read whole, by its path; when, is the ``WatchedFileSource``'s affair.
struct FileSource: Sendable {
    static let sizeLimit = 64 * 1_024

    let service: String
    let path: String
    let host: HostIdentity

    /// The file's bytes; may hang where its file system does.
    func read() -> Result<[UInt8], SmallFile.Defect> { SmallFile.read(path, limit: Self.sizeLimit) }

    /// What was read says; whatever is wrong with it is in the content's reason.
    func content(_ read: Result<[UInt8], SmallFile.Defect>) -> DocumentContent {
        Self.content(service: service, path: path, host: host, read: read)
    }

    /// Pure: what the bytes of a file, or the failure to read them, mean.
    static func content(
        service: String, path: String, host: HostIdentity, read: Result<[UInt8], SmallFile.Defect>
    ) -> DocumentContent {
        let unknown = { (why: String) in
            DocumentContent(
                service: service, state: .unknown, reason: Sanitizer.singleLine("file '\(path)' \(why)"), host: host)
        }
        switch read {
        case .failure(let defect): return unknown(describe(defect))
        case .success(let bytes):
            switch FileStatement.parse(bytes) {
            case .failure(let defect): return unknown(defect.description)
            case .success(let statement): return content(service, path, host, bytes, statement)
            }
        }
    }

    private static func content(
        _ service: String, _ path: String, _ host: HostIdentity, _ bytes: [UInt8], _ statement: FileStatement
    ) -> DocumentContent {
        let digests = statement.digest.map { [DigestEvidence(digest: $0, kind: .indexOrManifest, source: .file)] } ?? []
        let image = ImageEvidence(
            reference: Sanitizer.singleLine("file:\(path)"), origin: digests.isEmpty ? .none : .registry,
            digests: digests,
            tagMoved: false)
        // Another content is another instance: that is how a collector sees that something was swapped in a soak.
        let id = "file-" + Hexadecimal.encode(SHA256.hash(Array(path.utf8) + [0] + bytes)).prefix(40)
        let name = Sanitizer.singleLine(path.split(separator: "/" as Character).last ?? "file", limit: 255)
        let instance = Instance(
            id: id, name: name, state: statement.state, restartCount: 0, gitSHA: Reported(statement.gitSHA),
            image: image)
        return DocumentContent(
            service: service, gitSHA: statement.gitSHA, digest: statement.digest, state: statement.state,
            reason: statement.remarks.isEmpty
                ? nil : Sanitizer.singleLine("file '\(path)': " + statement.remarks.joined(separator: "; ")),
            host: host, instances: [instance])
    }

    private static func describe(_ defect: SmallFile.Defect) -> String {
        switch defect {
        case .missing: "does not exist"
        case .denied: "may not be read by this agent: give it the permission"
        case .notRegular: "is no regular file"
        case .tooLarge: "is larger than \(sizeLimit / 1_024) KiB"
        case .hanging: "cannot be read: its file system does not answer"
        case .noThread: "cannot be read: no thread can be had; raise the service's limit of tasks"
        case .other(let code): "cannot be read (errno \(code))"
        }
    }
}
