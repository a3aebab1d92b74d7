/// Bytes on their way to a file or a stream: collected, and passed on in large pieces.
///
/// A report is written through one, so that its size in memory does not depend on the number of hosts.
package struct ByteStream {
    private var bytes: [UInt8] = []
    private let take: ([UInt8]) throws -> Void

    /// The size of a piece in bytes, or a little more.
    private static let piece = 256 << 10

    /// - Parameter take: receives the pieces in order.
    package init(_ take: @escaping ([UInt8]) throws -> Void) {
        self.take = take
        bytes.reserveCapacity(Self.piece + (16 << 10))
    }

    /// Appends what a closure adds to the bytes.
    package mutating func write(_ add: (inout [UInt8]) throws -> Void) throws {
        try add(&bytes)
        guard bytes.count >= Self.piece else { return }
        try finish()
    }

    package mutating func write(_ text: String) throws { try write { $0 += text.utf8 } }

    /// Passes on the rest.
    package mutating func finish() throws {
        guard !bytes.isEmpty else { return }
        try take(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    /// All bytes that a closure writes.
    package static func collect(_ produce: (inout ByteStream) throws -> Void) throws -> [UInt8] {
        final class Collection { var bytes: [UInt8] = [] }
        let all = Collection()
        var stream = ByteStream { all.bytes += $0 }
        try produce(&stream)
        try stream.finish()
        return all.bytes
    }
}
