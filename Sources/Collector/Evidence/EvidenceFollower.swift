import Shared
package import Verdict

/// Replays evidence that another process is still writing, as its bytes arrive.
///
/// Whatever an observer is shown follows from the evidence by the state machine of this process, and each status and the
/// verdict must be those that the writer recorded.
package struct EvidenceFollower {
    private let name: String
    private let documents: EvidenceReader.DocumentReading
    private var beginning: [UInt8] = []
    private var replay: Replay?

    /// - Parameters:
    ///   - name: the evidence's, for errors.
    ///   - documents: as for ``Replay/run(_:documents:progress:)``.
    package init(named name: String, documents: @escaping EvidenceReader.DocumentReading) {
        self.name = name
        self.documents = documents
    }

    /// The first line; nil before it arrived.
    package var start: EvidenceStart? { replay?.start }
    /// The verification after its last input; nil before the first one.
    package var verification: Verification? { replay?.verification }
    /// The time of the last input, since the verification's start.
    package var latest: Duration { replay?.latest ?? .zero }
    /// True once the verdict arrived.
    package var hasVerdict: Bool { replay?.ending != nil }

    /// Takes the next bytes, and replays their whole lines.
    package mutating func take(_ bytes: [UInt8], observe: Replay.Observing) throws(EvidenceError) {
        guard replay == nil else {
            try replay?.append(bytes, observe: observe)
            return
        }
        beginning += bytes
        guard beginning.contains(UInt8(ascii: "\n")) else { return }
        replay = try Replay(EvidenceReader(growing: beginning, named: name, documents: documents))
        beginning = []
        try replay?.advance(progress: { _ in }, observe: observe)
    }

    /// Ends the evidence.
    ///
    /// - Returns: the verification and its verdict; `interrupted` if the evidence has none.
    /// - Throws: also if the evidence is empty.
    package mutating func conclude() throws(EvidenceError) -> Replay.Ended {
        guard let ended = try replay?.conclude() else { throw .empty(name) }
        return ended
    }
}
