internal import Glibc
internal import Synchronization

/// Ends everything that the tests started, even if the test process crashes or is killed.
///
/// A shell waits for the end of a pipe that only the test process holds open. Then it runs the commands that are still
/// registered, the latest first.
public final class Reaper: Sendable {
    public static let shared = Reaper()

    private struct State {
        var pipe: Int32?
        var last = 0
    }

    private let state = Mutex(State())

    private static let script = """
        trap '' INT TERM HUP
        declare -A work
        while IFS= read -r line; do
            key=${line%% *}
            case $key in
                +*) work[${key#+}]=${line#* } ;;
                -*) unset "work[${key#-}]" ;;
            esac
        done
        for key in $(printf '%s\\n' "${!work[@]}" | sort -rn); do eval "${work[$key]}"; done
        """

    private init() {}

    /// Registers a shell command of one line, and returns its key.
    public func register(_ command: String) throws -> Int {
        try state.withLock { state in
            let pipe = try state.pipe ?? Self.startShell()
            state.pipe = pipe
            state.last += 1
            Self.write("+\(state.last) \(command)\n", to: pipe)
            return state.last
        }
    }

    /// Removes a command that is not needed any longer.
    public func unregister(_ key: Int) {
        state.withLock { state in
            if let pipe = state.pipe { Self.write("-\(key)\n", to: pipe) }
        }
    }

    private static func startShell() throws -> Int32 {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw SpawnedProcess.Failure(description: "no pipe: \(String(cString: strerror(errno)))")
        }
        _ = ends.map { fcntl($0, F_SETFD, FD_CLOEXEC) }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            close(ends[0])
            close(null)
        }
        _ = try SpawnedProcess.start(
            "/bin/bash", ["-c", script], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            files: .init(input: ends[0], output: null, error: null))
        return ends[1]
    }

    /// Lines must be at most 4,096 bytes, so that a write to the pipe is atomic.
    private static func write(_ line: String, to pipe: Int32) {
        let bytes = Array(line.utf8)
        precondition(bytes.count < 4_096, "a command of the reaper is too long")
        _ = bytes.withUnsafeBytes { Glibc.write(pipe, $0.baseAddress, $0.count) }
    }
}
