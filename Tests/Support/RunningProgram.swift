internal import Foundation
internal import Glibc
internal import Synchronization

/// A started program, with its output so far and its exit code.
///
/// Its process group is killed with the last reference, or when the test process ends.
public final class RunningProgram: Sendable {
    /// The exit code and the output of a program.
    public struct Outcome: Sendable {
        /// The exit code, or 128 plus the number of the signal that ended the program.
        public let exitCode: Int32
        public let output: String
        public let error: String
    }

    public let processID: Int32
    private let name: String
    private let folder: TemporaryFolder
    private let reaping: Int
    private let ended = Mutex<Int32?>(nil)

    init(_ executable: String, _ arguments: [String], environment: [String: String], input: String) throws {
        folder = try TemporaryFolder()
        name = executable.split(separator: "/").last.map(String.init) ?? executable
        let files = SpawnedProcess.Files(
            input: open(try folder.write("stdin", input), O_RDONLY | O_CLOEXEC),
            output: open(folder.path("stdout"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
            error: open(folder.path("stderr"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
        defer { for descriptor in [files.input, files.output, files.error] { close(descriptor) } }
        processID = try SpawnedProcess.start(executable, arguments, environment: environment, files: files)
        reaping = try Reaper.shared.register("kill -KILL -- -\(processID)")
    }

    deinit {
        kill()
    }

    public var output: String { (try? folder.read("stdout")) ?? "" }
    public var error: String { (try? folder.read("stderr")) ?? "" }

    /// The exit code; nil while the program runs.
    public var exitCode: Int32? {
        ended.withLock { ended in
            if ended == nil {
                ended = SpawnedProcess.reap(processID)
                if ended != nil { Reaper.shared.unregister(reaping) }
            }
            return ended
        }
    }

    /// Sends a signal to the program alone, or to its group, as a terminal does for Ctrl-C.
    public func signal(_ number: Int32, group: Bool = false) {
        guard exitCode == nil else { return }
        Glibc.kill(group ? -processID : processID, number)
    }

    /// Waits for the program's end.
    @discardableResult
    public func wait(within limit: Duration = .seconds(120)) async throws -> Outcome {
        var code: Int32?
        try await eventually("\(name) ends", within: limit, detail: { "\n\(output)\n\(error)" }) {
            code = exitCode
            return code != nil
        }
        return Outcome(exitCode: code ?? -1, output: output, error: error)
    }

    /// Kills the program's process group.
    public func kill() {
        guard exitCode == nil else { return }
        Glibc.kill(-processID, SIGKILL)
        while exitCode == nil { usleep(1_000) }
    }
}
