import Foundation
import Glibc
import Synchronization

/// A standard stream that the collector writes to directly.
package struct Terminal: Sendable {
    package let descriptor: Int32
    /// nil for UTF-8 and the size that the terminal reports.
    private let settings: TerminalSettings?
    /// The writer of a standard stream; nil for any other descriptor.
    private var writer: StreamWriter?

    /// - Parameter environment: the variables that decide about encoding and width; nil for UTF-8 and the terminal's width.
    package init(descriptor: Int32, environment: [String: String]? = nil) {
        self.descriptor = descriptor
        settings = environment.map(TerminalSettings.init)
    }

    package static let standardOutput = standard(STDOUT_FILENO)
    package static let standardError = standard(STDERR_FILENO)

    private static func standard(_ descriptor: Int32) -> Terminal {
        var terminal = Terminal(descriptor: descriptor, environment: ProcessEnvironment.current)
        terminal.writer = StreamWriter(descriptor: descriptor)
        return terminal
    }

    private static let failure = Mutex<String?>(nil)

    // MARK: - Readers that stop

    private static let isLimited = Atomic<Bool>(false)

    /// The time for which a result waits for a reader that takes nothing.
    private static let patience = Duration.seconds(5)
    /// The same for progress and logs, while the work goes on and at its end.
    private static let progressPatience = Duration.milliseconds(200)
    private static let lastPatience = Duration.seconds(2)

    /// From now on, a reader that stops holds up nothing for longer than a few seconds. For commands with a deadline; others
    /// wait for a reader, for example a pager, as long as it takes.
    package static func limitWaiting() { isLimited.store(true, ordering: .relaxed) }

    /// Waits a limited time for the reader of progress and logs. Results were waited for when they were written.
    package static func flush() {
        if isLimited.load(ordering: .relaxed) { standardError.writer?.flush(patience: lastPatience) }
    }

    /// True if the stream's reader stopped, so that what is written now is only of use if it is worth keeping.
    var isStopped: Bool { writer?.isStopped ?? false }

    /// The reason that a write failed with this `errno`.
    package static func reason(_ error: Int32) -> String {
        error == ETIMEDOUT ? "its reader stopped reading" : String(cString: strerror(error))
    }

    // MARK: - Writing

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
        let isLimited = Self.isLimited.load(ordering: .relaxed)
        let error: Int32
        if isLimited, let writer {
            let isResult = descriptor == STDOUT_FILENO
            error = writer.write(
                Array(bytes), patience: isResult ? Self.patience : Self.progressPatience, insists: isResult)
        } else {
            error = writeDirectly(Array(bytes), patience: isLimited ? Self.patience : nil)
        }
        guard error != 0 else { return true }
        if descriptor == STDOUT_FILENO, error != EPIPE { Self.failure.withLock { $0 = $0 ?? Self.reason(error) } }
        errno = error
        return false
    }

    /// - Parameter patience: how long a descriptor that does not block may take nothing; nil for any time.
    /// - Returns: 0 or an `errno`.
    private func writeDirectly(_ bytes: [UInt8], patience: Duration?) -> Int32 {
        var rest = bytes[...]
        var since = ContinuousClock.now
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
                since = .now
            } else if errno == EAGAIN {
                if let patience, ContinuousClock.now - since > patience { return ETIMEDOUT }
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, 1_000)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Opens a device or a pipe for writing, and waits a limited time for a pipe's reader.
    ///
    /// - Returns: -1, with `errno` set, on failure.
    package static func open(device path: String) -> Int32 {
        guard isLimited.load(ordering: .relaxed) else { return Glibc.open(path, O_WRONLY | O_CLOEXEC) }
        let start = ContinuousClock.now
        while true {
            let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor < 0, errno == ENXIO else { return descriptor }
            guard ContinuousClock.now - start < patience else {
                errno = ETIMEDOUT
                return -1
            }
            usleep(20_000)
        }
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
