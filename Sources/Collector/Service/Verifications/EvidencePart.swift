import CollectorSupport
import Foundation
import Shared

/// The part of an evidence file that begins at an offset, of limited size.
///
/// Evidence is only ever appended to, so what is read stays valid while the verification goes on.
struct EvidencePart {
    private let path: String
    private let offset: Int
    /// The size of the whole file, in bytes.
    let size: Int

    /// The most bytes of one part.
    private static let limit = 4 << 20

    /// - Throws: ``Problem`` if there is no such file, or it is shorter.
    init(_ path: String, from offset: Int) throws(Problem) {
        guard let size = FilePresence.size(path) else { throw Self.missing }
        (self.path, self.offset, self.size) = (path, offset, size)
        guard offset <= size else {
            throw .invalid("offset", "\(offset)", expected: "at most the evidence's size, \(size) bytes")
        }
    }

    var isEmpty: Bool { offset == size }

    /// The bytes that were there when the size was read.
    func bytes() throws -> [UInt8] {
        guard !isEmpty else { return [] }
        guard let file = FileHandle(forReadingAtPath: path) else { throw Self.missing }
        defer { file.closeFile() }
        try file.seek(toOffset: UInt64(offset))
        return Array(try file.read(upToCount: min(size - offset, Self.limit)) ?? Data())
    }

    static var missing: Problem {
        .notFound(
            "this service has no evidence of the verification",
            remedy: "if 'verify' ran it, look in the file of its --report evidence=FILE")
    }
}
