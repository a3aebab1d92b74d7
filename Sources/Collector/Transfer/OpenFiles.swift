import Glibc

/// The process's limit on open descriptors.
package enum OpenFiles {
    /// Raises the soft limit to the hard one, as far as the system lets it, and returns the soft limit that then holds.
    ///
    /// The soft limit is 1,024 on most systems for the sake of `select()`, which nothing here calls.
    @discardableResult
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
