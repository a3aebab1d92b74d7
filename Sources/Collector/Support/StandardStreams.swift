import Glibc

/// The descriptors 0, 1 and 2, which a caller may have closed (`2>&-`, some schedulers).
package enum StandardStreams {
    /// Takes the closed ones, so that no file or socket that is opened later becomes one of them, and progress or a report
    /// is written into a ledger or to a host.
    ///
    /// Reading and writing them fails as it does with a closed one. To be called before anything is opened.
    package static func reserve() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free number is taken: this one, since those below are open.
            _ = open("/dev/null", (descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
        }
    }
}
