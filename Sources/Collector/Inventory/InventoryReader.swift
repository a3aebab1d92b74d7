import CollectorSupport
import Glibc
import Shared

/// Reads a source's bytes, up to a limit, and checks that they are text.
struct InventoryReader: Sendable {
    /// 64 MiB: a million hosts, and a bound on memory.
    static let maximumBytes = 64 << 20

    /// The contents of a source when it was read.
    struct Content: Sendable {
        let text: String
        /// nil for a source that cannot be read again: standard input or a pipe.
        let version: SourceVersion?
    }

    /// The descriptor of standard input.
    var standardInput: Int32 = STDIN_FILENO

    func read(_ source: InventorySource) throws(InventoryError) -> Content {
        switch source.origin {
        case .standardInput:
            let bytes = try Self.readAll(standardInput, name: source.name)
            return Content(text: try Self.text(bytes, name: source.name), version: nil)
        case .http, .dns:
            throw .unreadable(source: source.name, reason: "it is not a file")
        case .file(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.unreadable(source.name) }
            defer { close(descriptor) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(source.name) }
            if status.st_mode & S_IFMT == S_IFDIR {
                throw .unreadable(source: source.name, reason: "it is a directory")
            }
            let stamp = status.st_mode & S_IFMT == S_IFREG ? FileStamp(status) : nil
            let bytes = try Self.readAll(descriptor, name: source.name)
            return Content(text: try Self.text(bytes, name: source.name), version: stamp.map { .file($0) })
        }
    }

    /// A list from a server, checked as the text of a file is.
    func read(_ list: InventoryServer.Response, name: String) throws(InventoryError) -> Content {
        Content(text: try Self.text(Array(list.text.utf8), name: name), version: list.version)
    }

    private static func unreadable(_ name: String) -> InventoryError {
        .unreadable(source: name, reason: String(cString: strerror(errno)))
    }

    private static func readAll(_ descriptor: Int32, name: String) throws(InventoryError) -> [UInt8] {
        do throws(BoundedFile.ReadError) {
            return try BoundedFile.read(descriptor: descriptor, limit: maximumBytes)
        } catch {
            if case .tooLarge = error { throw .tooLarge(source: name) }
            throw .unreadable(source: name, reason: error.reason)
        }
    }

    /// The bytes as text without a byte-order mark. Line feeds, carriage returns and tabs are the only control characters.
    private static func text(_ bytes: [UInt8], name: String) throws(InventoryError) -> String {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        if let bad = body.firstIndex(where: { ($0 < 0x20 && $0 != 9 && $0 != 10 && $0 != 13) || $0 == 0x7F }) {
            let place = SourceLocation(source: name, line: line(of: bad, in: bytes))
            throw .notText(place, problem: "control character 0x\(Hexadecimal.encode([bytes[bad]]))")
        }
        if let text = String(validating: body, as: UTF8.self) { return text }
        // Rare, so a second pass is affordable: find the first line that is not UTF-8.
        var number = 1
        for line in body.split(separator: 10, omittingEmptySubsequences: false) {
            if String(validating: line, as: UTF8.self) == nil { break }
            number += 1
        }
        throw .notText(SourceLocation(source: name, line: number), problem: "invalid UTF-8")
    }

    private static func line(of index: Int, in bytes: [UInt8]) -> Int {
        bytes[..<index].count { $0 == 10 } + 1
    }
}

/// Identifies the version of a source that was read.
enum SourceVersion: Hashable, Sendable {
    case file(FileStamp)
    /// The entity tag of a server's list, nil without one, and the SHA-256 of its text.
    case remote(tag: String?, hash: [UInt8])
}

/// Identifies a version of a file cheaply, without reading it.
struct FileStamp: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    /// The bytes of the modification time, which are only compared.
    private let modified: [UInt8]

    fileprivate init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = withUnsafeBytes(of: status.st_mtim) { Array($0) }
    }

    /// nil if the file does not exist.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
