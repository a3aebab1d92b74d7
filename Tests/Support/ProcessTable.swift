internal import Foundation

/// The machine's processes, as the kernel lists them.
public enum ProcessTable {
    public struct Entry: Sendable {
        public let id: Int32
        /// The arguments, separated by spaces; empty for kernel threads and ended processes.
        public let commandLine: String
    }

    public static func all() -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            // Skips processes that have ended since the listing.
            guard let id = Int32(name), let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return nil
            }
            return Entry(id: id, commandLine: String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self))
        }
    }
}
