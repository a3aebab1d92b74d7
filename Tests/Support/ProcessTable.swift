internal import Foundation

/// The machine's processes, as the kernel lists them now.
public enum ProcessTable {
    public struct Entry: Sendable {
        public let id: Int32
        /// The arguments, separated by blanks; empty for the kernel's own threads and for what has ended.
        public let commandLine: String
    }

    public static func all() -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            // What ended meanwhile is no process any more.
            guard let id = Int32(name), let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return nil
            }
            return Entry(id: id, commandLine: String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self))
        }
    }
}
