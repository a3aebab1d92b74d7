import Foundation
import Glibc
import Synchronization

/// A standard stream that the collector writes to directly.
package struct Terminal: Sendable {
    package let descriptor: Int32
    /// nil for UTF-8 and the size that the terminal reports.
    private let settings: TerminalSettings?

    /// - Parameter environment: the variables that decide about encoding and width; nil for UTF-8 and the terminal's width.
    package init(descriptor: Int32, environment: [String: String]? = nil) {
        self.descriptor = descriptor
        settings = environment.map(TerminalSettings.init)
    }

    package static let standardOutput = Terminal(
        descriptor: STDOUT_FILENO, environment: ProcessEnvironment.current)
    package static let standardError = Terminal(descriptor: STDERR_FILENO, environment: ProcessEnvironment.current)

    private static let failure = Mutex<String?>(nil)

    /// The reason that output was lost on standard output; nil if all of it was written or its reader closed the pipe.
    package static var outputFailure: String? { failure.withLock(\.self) }

    package var isTerminal: Bool { isatty(descriptor) == 1 }

    /// False for a descriptor that is open for reading only: one that ``StandardStreams`` holds in place of a closed one.
    package var isWritable: Bool { fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY }

    /// True for a terminal that can move its cursor.
    package func isInteractive(environment: [String: String]) -> Bool {
        isTerminal && TerminalSettings(environment: environment).movesCursor
    }

    /// True if text here may be coloured.
    package func usesColor(environment: [String: String]) -> Bool {
        TerminalSettings(environment: environment).usesColor(isTerminal: isTerminal)
    }

    /// Columns and rows; 80 by 24 if the terminal does not report them. `COLUMNS` can only make it narrower, because a
    /// display that is redrawn must fit on the screen.
    package var size: (columns: Int, rows: Int) {
        let reported = reportedSize
        let columns = reported.map { min($0.columns, settings?.columns ?? $0.columns) } ?? settings?.columns ?? 80
        return (columns, reported?.rows ?? 24)
    }

    /// The layout of text: fitted to a terminal, whose width `COLUMNS` can set; not fitted to a file or pipe.
    package var layout: TextLayout {
        guard isTerminal else { return .file }
        return TextLayout(columns: settings?.columns ?? reportedSize?.columns ?? 80, isASCII: settings?.isUTF8 == false)
    }

    private var reportedSize: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes everything, or returns false with `errno` set. A closed pipe is a normal end.
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

    /// Writes text. On a terminal, it replaces the lines of ``RedrawnLines``, and is in ASCII if the locale asks for it.
    @discardableResult
    package func write(_ text: String) -> Bool {
        guard isTerminal else { return write(text.utf8) }
        return RedrawnLines.withoutFrame(on: self) { write(layout.encoded(text).utf8) }
    }
}

/// The descriptors 0, 1 and 2, which the parent process might have closed (`2>&-`, some schedulers).
package enum StandardStreams {
    /// Occupies the closed descriptors, so that no file or socket opened later gets one of them and receives progress or a
    /// report.
    ///
    /// Reading and writing them fails, as it does with a closed descriptor. Call this before anything is opened.
    package static func reserve() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            // The kernel assigns the lowest free number: this one, because those below are open.
            _ = open("/dev/null", (descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
        }
    }
}

/// The process's environment variables.
package enum ProcessEnvironment {
    package static var current: [String: String] { ProcessInfo.processInfo.environment }
}
