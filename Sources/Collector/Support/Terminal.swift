import Glibc
import Synchronization

/// The standard streams, as far as the collector writes to them by hand.
package struct Terminal: Sendable {
    package let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    package static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    package static let standardError = Terminal(descriptor: STDERR_FILENO)

    private static let failure = Mutex<String?>(nil)

    /// Why something that was written to standard output did not get there; nil where all did, or its reader went away.
    package static var outputFailure: String? { failure.withLock(\.self) }

    /// Whether a person looks at it, at a terminal that can move its cursor.
    package func isInteractive(environment: [String: String]) -> Bool {
        isatty(descriptor) == 1 && !["dumb", ""].contains(environment["TERM"] ?? "")
    }

    /// Columns and rows; 80 by 24 where the terminal does not say.
    package var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes all of it; false where the reader is gone or the device is full. A closed pipe is a normal end.
    @discardableResult
    package func write(_ bytes: some Collection<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, 1_000)
            } else if errno != EINTR {
                let error = errno
                if descriptor == STDOUT_FILENO, error != EPIPE {
                    Self.failure.withLock { $0 = $0 ?? String(cString: strerror(error)) }
                }
                errno = error
                return false
            }
        }
        return true
    }

    @discardableResult
    package func write(_ text: String) -> Bool { write(text.utf8) }
}
