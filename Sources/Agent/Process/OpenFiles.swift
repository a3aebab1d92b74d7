import Glibc

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
