import FoundationEssentials
import Shared

/// Encodes lines as bytes and decodes them, without the hashes that ``HashChain`` adds.
struct EvidenceCoding: Sendable {
    private let encoder: JSONEncoder
    private let decoder = JSONDecoder()

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A host's answer is evidence, whether it is usable or not.
        if let key = CodingUserInfoKey.keepsUnusableText { encoder.userInfo[key] = true }
    }

    /// Appends the line as a JSON object, whose kind comes first, and a newline. Appends nothing if it throws.
    func append(_ line: EvidenceLine, to json: inout JSONLine) throws {
        let start = json.bytes.count
        do {
            if try !line.appendQuickly(to: &json) {
                json.bytes += "{\"kind\":\"\(line.kind.rawValue)\",".utf8
                json.bytes += try encoder.encode(line.payload).dropFirst()
            }
            json.bytes.append(UInt8(ascii: "\n"))
        } catch {
            json.bytes.removeSubrange(start...)
            throw error
        }
    }

    func decode(_ bytes: some Collection<UInt8>) throws -> EvidenceLine {
        try decoder.decode(EvidenceLine.self, from: Data(bytes))
    }
}

/// The hashes that link the lines of an evidence file.
///
/// Each line ends with `"previous"`, the hash of the previous line (64 zeros for the first), and `"hash"`, the SHA-256 of
/// the line's bytes up to the comma before that member. If a byte changes, or a line is removed, added or moved, the next
/// check shows where. Someone who rewrites the file can make a new chain; the hash of the whole file in the report and the
/// ledger reveals that.
struct HashChain: Sendable {
    /// The reason that a line is invalid at its position.
    enum Failure: Error, Hashable {
        /// The line was changed.
        case changed
        /// The line does not follow the line that it was written after.
        case misplaced
    }

    private var last = [UInt8](repeating: UInt8(ascii: "0"), count: 64)

    private static let previousStart = Array(#","previous":""#.utf8)
    private static let hashStart = Array(#"","hash":""#.utf8)
    private static let end = Array(#""}"#.utf8)
    private static let digits = 64

    /// The number of bytes that sealing adds before the newline, instead of the object's closing brace.
    static let sealLength = previousStart.count + digits + hashStart.count + digits + end.count

    /// Appends the sealed line with its newline.
    ///
    /// - Parameter object: a JSON object on one line, not empty, without a newline.
    mutating func seal(_ object: ArraySlice<UInt8>, onto bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += object.dropLast()
        bytes += Self.previousStart
        bytes += last
        bytes.append(UInt8(ascii: "\""))
        last = Self.hash(bytes[start...])
        bytes += Self.hashStart.dropFirst()
        bytes += last
        bytes += Self.end
        bytes.append(UInt8(ascii: "\n"))
    }

    /// - Parameter line: without its newline.
    mutating func check(_ line: ArraySlice<UInt8>) throws(Failure) {
        let tail = Self.hashStart.count - 1 + Self.digits + Self.end.count
        let previous = Self.sealLength - tail
        guard line.count > tail + previous else { throw .changed }
        let covered = line.dropLast(tail)
        let rest = line.suffix(tail)
        let hash = Self.hash(covered)
        guard rest.elementsEqual(Self.hashStart.dropFirst() + hash + Self.end) else { throw .changed }
        guard covered.suffix(previous).elementsEqual(Self.previousStart + last + [UInt8(ascii: "\"")]) else {
            throw .misplaced
        }
        last = hash
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(Hexadecimal.encode(SHA256.hash(bytes)).utf8)
    }
}
