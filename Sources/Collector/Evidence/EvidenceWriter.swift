import Shared

/// Turns lines into the bytes of an evidence file: encoded, chained, and hashed as a whole.
struct EvidenceWriter {
    private let file: EvidenceFile
    private let coding = EvidenceCoding()
    private var chain = HashChain()
    private var whole = SHA256()
    private var isFirst = true

    /// Bytes that are written at once, about.
    private static let portion = 256 << 10

    init(_ file: EvidenceFile) {
        self.file = file
    }

    mutating func write(_ lines: [EvidenceLine]) async throws(EvidenceError) {
        var bytes: [UInt8] = []
        for line in lines {
            do {
                bytes += chain.seal(try coding.encode(line))
            } catch {
                throw .unwritable(file.path, reason: "\(error)")
            }
            if bytes.count >= Self.portion { try await flush(&bytes) }
        }
        try await flush(&bytes)
    }

    private mutating func flush(_ bytes: inout [UInt8]) async throws(EvidenceError) {
        guard !bytes.isEmpty else { return }
        whole.update(bytes)
        try await file.write(bytes, isFirst: isFirst)
        isFirst = false
        bytes.removeAll(keepingCapacity: true)
    }

    /// - Returns: `sha256:<64 hex>` of the whole file.
    consuming func finish() async throws(EvidenceError) -> String {
        try await file.close()
        return "sha256:" + Hexadecimal.encode(whole.finalize())
    }
}
