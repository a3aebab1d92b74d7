package import Evidence

/// The replay of evidence with the reader of documents that verifications use.
package enum EvidenceReplay {
    /// Replays a file; see ``Replay/run(_:documents:progress:)``.
    package static func run(_ path: String, progress: (Int) -> Void = { _ in }) throws(EvidenceError) -> Replay.Outcome
    {
        let documents = DocumentReader()
        return try Replay.run(path, documents: { documents.read($0)?.document }, progress: progress)
    }
}
