import AgentCore
import Glibc

/// Gives back the pages of code that only the start needed.
///
/// When a page of a file mapping is first touched, the kernel maps its neighbours too (`fault_around_bytes`, 64 KiB), so
/// starting makes most of a 17 MB binary resident although little of it is used again. Dropping the clean pages costs a
/// few soft faults later, from the page cache. Measured by `bench/agent-footprint.sh`.
enum StartupPages {
    /// Drops them, and returns how many bytes of mappings were named to the kernel.
    ///
    /// Sound because only mappings are named that are private, backed by a file, never writable, and of which the kernel
    /// says that no page was ever changed (`Anonymous: 0 kB`; the loader's relocated read-only pages are not such): their
    /// content is in the file, and it comes back when it is touched. Source: `madvise(2)`, `MADV_DONTNEED`; `proc(5)`, `smaps`.
    @discardableResult
    static func release() -> Int {
        guard case .success(let bytes) = SmallFile.read("/proc/self/smaps", limit: 4 << 20) else { return 0 }
        return unchangedMappings(String(decoding: bytes, as: UTF8.self)).reduce(0) { sum, range in
            // From the kernel's own table, in which ranges are whole pages.
            guard let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound) else { return sum }
            return madvise(start, range.count, MADV_DONTNEED) == 0 ? sum + range.count : sum
        }
    }

    /// Pure: the address ranges in a `smaps` text that may be dropped.
    static func unchangedMappings(_ smaps: String) -> [Range<UInt>] {
        var ranges: [Range<UInt>] = []
        var candidate: Range<UInt>?
        for line in smaps.split(separator: "\n" as Character) {
            let words = line.split(separator: " " as Character, omittingEmptySubsequences: true)
            if let header = words.first, !header.hasSuffix(":") {
                candidate =
                    words.count >= 6 && words[5].hasPrefix("/") && ["r--p", "r-xp"].contains(words[1])
                    ? range(header) : nil
            } else if words.first == "Anonymous:", words.count == 3, words[1] == "0", let found = candidate {
                ranges.append(found)
                candidate = nil
            }
        }
        return ranges
    }

    private static func range(_ text: Substring) -> Range<UInt>? {
        let ends = text.split(separator: "-" as Character).map { UInt($0, radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        return start..<end
    }
}

/// The limit of open files.
enum OpenFiles {
    /// Raises the soft limit to the hard one, at most to `wanted`, and returns what it is then.
    static func raise(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        let target = min(limit.rlim_max, rlim_t(wanted))
        if limit.rlim_cur < target {
            limit.rlim_cur = target
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        }
        return Int(min(limit.rlim_cur, rlim_t(wanted)))
    }
}
