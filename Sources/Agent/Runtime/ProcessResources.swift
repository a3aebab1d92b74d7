import AgentCore
import Glibc

/// Releases the code pages that only the start needed.
///
/// When a page of a file mapping is first touched, the kernel also maps its neighbours (`fault_around_bytes`, 64 KiB). So
/// the start makes most of a 17 MB binary resident, of which little is used again. Dropping the clean pages costs a few soft
/// faults later, from the page cache. Measured by `bench/agent-footprint.sh`.
enum StartupPages {
    /// Releases the pages, and returns the size of the released mappings in bytes.
    ///
    /// Sound because it affects only private, file-backed mappings that were never writable and of which no page ever changed
    /// (`Anonymous: 0 kB`, unlike the loader's relocated read-only pages). Their content is in the file and comes back when it
    /// is touched. Source: `madvise(2)`, `MADV_DONTNEED`; `proc(5)`, `smaps`.
    @discardableResult
    static func release() -> Int {
        guard case .success(let bytes) = SmallFile.read("/proc/self/smaps", limit: 4 << 20) else { return 0 }
        return unchangedMappings(String(decoding: bytes, as: UTF8.self)).reduce(0) { sum, range in
            // The kernel's table lists whole pages.
            guard let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound) else { return sum }
            return madvise(start, range.count, MADV_DONTNEED) == 0 ? sum + range.count : sum
        }
    }

    /// The address ranges in a `smaps` text that can be released.
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

/// The limit on open file descriptors.
enum OpenFiles {
    /// Raises the soft limit to `wanted`, as far as the hard limit permits, and returns the new limit.
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
