internal import Glibc

/// Starts a program in its own process group, with default signals and only the three standard streams open.
enum SpawnedProcess {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Files {
        var input: Int32
        var output: Int32
        var error: Int32
    }

    /// - Parameter executable: an absolute path.
    /// - Returns: the process id, which is also the id of its group.
    static func start(
        _ executable: String, _ arguments: [String], environment: [String: String], files: Files
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (number, descriptor) in [files.input, files.output, files.error].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        // Prevents the inheritance of descriptors that were opened without O_CLOEXEC. glibc ignores closed ones.
        for descriptor in Int32(3)..<4_096 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        // A thread of the test process may block or ignore signals that the program needs.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var argumentPointers = ([executable] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var id = pid_t()
        let code = posix_spawn(&id, executable, &actions, &attributes, &argumentPointers, &environmentPointers)
        guard code == 0 else {
            throw Failure(description: "\(executable) could not be started: \(String(cString: strerror(code)))")
        }
        return id
    }

    /// The exit code, or 128 plus the number of the signal that ended the process; nil while it runs.
    static func reap(_ id: pid_t) -> Int32? {
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}
