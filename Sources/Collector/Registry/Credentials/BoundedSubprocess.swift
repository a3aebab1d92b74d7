import CCurl
import Glibc

// Signal sets are declared by both: the compiler takes them from whichever it comes upon first.

/// Runs a program to its end, or to the end of our patience. Blocks its thread.
enum BoundedSubprocess {
    enum Outcome: Hashable, Sendable {
        /// Its exit code, or 128 and the signal's number, and what it wrote to standard output.
        case ended(Int32, [UInt8])
        case tooMuchOutput
        case tooLate
        case notStarted(String)
    }

    /// - Parameters:
    ///   - input: less than a pipe holds (4 KiB are safe).
    ///   - limit: after it, the program and what it started are killed.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String], input: [UInt8], outputLimit: Int,
        within limit: Duration
    ) -> Outcome {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        guard let incoming = Pipe(), let outgoing = Pipe() else { return .notStarted(String(cString: strerror(errno))) }
        // Fits into the pipe, whose reading end is ours too: this neither blocks nor raises a signal.
        _ = input.withUnsafeBytes { write(incoming.writing, $0.baseAddress, $0.count) }
        incoming.closeWriting()
        let process: pid_t
        switch start(path, arguments, environment, input: incoming.reading, output: outgoing.writing) {
        case .failure(let failure): return .notStarted(failure.reason)
        case .success(let id): process = id
        }
        outgoing.closeWriting()
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let rest = (deadline - clock.now).components
            let milliseconds = rest.seconds * 1_000 + rest.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else { return kill(process, .tooLate) }
            var ready = pollfd(fd: outgoing.reading, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, Int32(clamping: milliseconds)) > 0 else { continue }
            let count = read(outgoing.reading, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            output += buffer[..<count]
            guard output.count <= outputLimit else { return kill(process, .tooMuchOutput) }
        }
        return wait(process, output, until: deadline)
    }

    private static func wait(
        _ process: pid_t, _ output: [UInt8], until deadline: ContinuousClock.Instant
    ) -> Outcome {
        // It has closed its output; its end is a matter of moments.
        while ContinuousClock.now < deadline {
            var status: Int32 = 0
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process {
                let signal = status & 0x7F
                return .ended(signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output)
            }
            if ended < 0, errno != EINTR { return .notStarted(String(cString: strerror(errno))) }
            usleep(1_000)
        }
        return kill(process, .tooLate)
    }

    /// The whole group: what a helper started holds the pipe, too.
    private static func kill(_ process: pid_t, _ outcome: Outcome) -> Outcome {
        Glibc.kill(-process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return outcome
    }

    private struct Failure: Error {
        var reason: String
    }

    private static func start(
        _ path: String, _ arguments: [String], _ environment: [String: String], input: Int32, output: Int32
    ) -> Result<pid_t, Failure> {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        // What it says there may hold anything, and is in nobody's hands but ours.
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // What the collector opens itself is closed by that anyway; closing what is not open is no error to glibc.
        for descriptor in Int32(3)..<256 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var argumentPointers = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var id = pid_t()
        var code = posix_spawn(&id, path, &actions, &attributes, &argumentPointers, &environmentPointers)
        // Somebody has it open for writing: one that is just being installed, or a process between its fork and its exec.
        for _ in 0..<100 where code == ETXTBSY {
            usleep(10_000)
            code = posix_spawn(&id, path, &actions, &attributes, &argumentPointers, &environmentPointers)
        }
        return code == 0 ? .success(id) : .failure(Failure(reason: String(cString: strerror(code))))
    }

    /// A pipe that no other program inherits.
    private final class Pipe {
        let reading: Int32
        private(set) var writing: Int32

        init?() {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { return nil }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            reading = ends[0]
            writing = ends[1]
        }

        func closeWriting() {
            if writing >= 0 { close(writing) }
            writing = -1
        }

        deinit {
            closeWriting()
            close(reading)
        }
    }
}
