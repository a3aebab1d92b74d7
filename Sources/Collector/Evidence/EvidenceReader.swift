import Glibc
package import Shared

/// Reads an evidence file line by line, and checks that each line is unchanged and in its original position.
package struct EvidenceReader {
    package let path: String
    private let descriptor: Int32
    private let coding = EvidenceCoding()
    private let documents: DocumentReading
    private var chain = HashChain()
    private var whole = SHA256()
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// True if bytes can still be appended.
    private var isGrowing = false
    /// The number of the last line that was read, from 1.
    package private(set) var line = 0
    /// True if the file ends in the middle of the line after ``line``.
    private(set) var endsInside = false

    /// Twice the maximum size of an escaped answer.
    private static let longestLine = 16 << 20

    /// Reads a document of JSON; nil if `JSONDecoder` has to.
    package typealias DocumentReading = ([UInt8]) -> Document?

    init(opening path: String, documents: @escaping DocumentReading) throws(EvidenceError) {
        self.path = path
        self.documents = documents
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path, reason: String(cString: strerror(errno))) }
    }

    /// Reads bytes in memory.
    init(_ bytes: [UInt8], named path: String, documents: @escaping DocumentReading = { _ in nil }) {
        self.path = path
        self.documents = documents
        descriptor = -1
        buffer = bytes
        whole.update(bytes)
        isAtEnd = true
    }

    /// Reads bytes that are still arriving: at their end there is no line yet.
    init(growing bytes: [UInt8], named path: String, documents: @escaping DocumentReading) {
        self.init(bytes, named: path, documents: documents)
        isGrowing = true
    }

    /// Appends bytes of evidence that is still arriving.
    mutating func append(_ bytes: [UInt8]) {
        buffer.removeFirst(start)
        start = 0
        whole.update(bytes)
        buffer += bytes
    }

    /// Ends evidence that was arriving: a line that is not whole now ends inside.
    mutating func end() { isGrowing = false }

    package func close() {
        if descriptor > STDIN_FILENO { Glibc.close(descriptor) }
    }

    /// `sha256:<64 hex>` of the whole file, once it was read to the end.
    package var hash: String {
        let whole = whole
        return "sha256:" + Hexadecimal.encode(whole.finalize())
    }

    /// The next line; nil at the end.
    package mutating func next() throws(EvidenceError) -> EvidenceLine? {
        guard let bytes = try nextBytes() else { return nil }
        let isLast = isAtEnd && start >= buffer.count
        do throws(HashChain.Failure) {
            try chain.check(bytes.line)
        } catch {
            if line == 1 { try recognise(bytes.line) }
            guard bytes.isWhole else {
                // A line without a newline is incomplete: the writer was interrupted.
                endsInside = isLast
                line -= 1
                return nil
            }
            throw error == .changed ? .changed(path, line: line) : .misplaced(path, line: line)
        }
        if let line = LineScanner.read(bytes.line.dropLast(HashChain.sealLength), documents: documents) { return line }
        do {
            return try coding.decode(bytes.line)
        } catch {
            throw .misread(path, line: line, reason: "is unknown to this collector")
        }
    }

    /// Reports a file that never was evidence as such, not as changed evidence.
    private func recognise(_ line: ArraySlice<UInt8>) throws(EvidenceError) {
        guard line.starts(with: Array(#"{"kind":"start","#.utf8)) else { throw .notEvidence(path) }
    }

    private mutating func nextBytes() throws(EvidenceError) -> (line: ArraySlice<UInt8>, isWhole: Bool)? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                line += 1
                return (buffer[start..<end], true)
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count else { return nil }
                guard !isGrowing else {
                    guard buffer.count - start <= Self.longestLine else { throw .changed(path, line: line + 1) }
                    return nil
                }
                defer { start = buffer.count }
                line += 1
                return (buffer[start...], false)
            }
            guard buffer.count - start <= Self.longestLine else { throw .changed(path, line: line + 1) }
            searched -= start
            buffer.removeFirst(start)
            start = 0
            try fill()
        }
    }

    private mutating func fill() throws(EvidenceError) {
        let portion = 256 << 10
        let descriptor = descriptor
        var count = 0
        let added = [UInt8](unsafeUninitializedCapacity: portion) { target, size in
            repeat { count = read(descriptor, target.baseAddress, portion) } while count < 0 && errno == EINTR
            size = max(0, count)
        }
        guard count >= 0 else { throw .unreadable(path, reason: String(cString: strerror(errno))) }
        isAtEnd = count == 0
        whole.update(added)
        buffer += added
    }
}
