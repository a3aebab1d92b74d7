internal import Foundation
internal import Glibc

/// A new folder, removed with the last reference to it, or when the test process ends.
public final class TemporaryFolder: Sendable {
    public let path: String
    private let reaping: Int

    public init() throws {
        var template = Array("/tmp/buildinfo-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw SpawnedProcess.Failure(description: "no temporary folder: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        reaping = try Reaper.shared.register("rm -rf -- '\(path)'")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        Reaper.shared.unregister(reaping)
    }

    /// The path of a file or folder in this folder.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file atomically, by renaming.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)), options: .atomic)
        return path(name)
    }

    public func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
    }

    public func contains(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    /// The names of the folder's entries, in alphabetical order.
    public func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    public func makeFolder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        return path(name)
    }
}
