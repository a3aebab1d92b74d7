internal import Foundation
internal import Glibc
internal import Synchronization

/// A real Docker engine of the test's own, on scratch paths, beside any other that the machine runs.
///
/// It lives in process and mount namespaces of its own: when their first process ends, the kernel ends the daemon, its
/// containerd, every container and every mount. So nothing is left, however the tests end.
public final class DockerEngine: Sendable {
    public let folder: TemporaryFolder
    /// The socket's path.
    public var socket: String { folder.path("docker.sock") }
    /// For `--engine`.
    public var address: String { "unix://\(socket)" }

    private let client: Program
    private let control: String
    private let arguments: [String]
    private let session: Mutex<RunningProgram?>
    private let reaping: Int

    private static let remedy = "apt-get install docker.io"

    /// Starts it and waits until it answers.
    ///
    /// - Parameter arguments: more of the daemon's flags, such as another address.
    public static func start(arguments: [String] = []) async throws -> DockerEngine {
        guard geteuid() == 0 else {
            throw MissingPart("the right to start a Docker engine", remedy: "run the tests as root")
        }
        let engine = try DockerEngine(arguments)
        try await engine.start()
        return engine
    }

    private init(_ arguments: [String]) throws {
        self.arguments = arguments
        folder = try TemporaryFolder()
        client = try Program.installed("docker", remedy: Self.remedy)
        session = Mutex(nil)
        // The group of control groups that all containers live in, told apart by the folder's unique name.
        let name = folder.path.split(separator: "/").last.map(String.init) ?? "buildinfo-test"
        control = name
        reaping = try Reaper.shared.register(Self.cleaning(name))
    }

    deinit {
        session.withLock { $0 = nil }
        let cleaner = try? Program(path: "/bin/bash").start(["-c", Self.cleaning(control)])
        while let cleaner, cleaner.exitCode == nil { usleep(1_000) }
        Reaper.shared.unregister(reaping)
    }

    /// Thaws what is paused, because the frozen cannot be killed under the first version of control groups, and removes the
    /// control groups, which outlive their processes.
    private static func cleaning(_ control: String) -> String {
        let find = "find /sys/fs/cgroup -depth -path '*/\(control)/*'"
        return "for s in $(\(find) -name freezer.state); do echo THAWED > $s; done 2>/dev/null; sleep 0.2; "
            + "find /sys/fs/cgroup -depth -type d -path '*/\(control)*' -exec rmdir {} + 2>/dev/null"
    }

    // MARK: - The daemon

    /// Starts the daemon on what it left behind, if it ran before.
    public func start() async throws {
        _ = try Program.installed("dockerd", remedy: Self.remedy)
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        // In a process namespace every daemon is number 1, and would take the last one's file for that of a living one.
        unlink(folder.path("docker.pid"))
        let running = try unshare.start(
            ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "dockerd"] + [
                "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
                "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", control, "--data-root",
                folder.path("data"), "--exec-root", folder.path("exec"),
                "--pidfile", folder.path("docker.pid"), "--host", address, "--shutdown-timeout", "5",
            ] + arguments)
        session.withLock { $0 = running }
        try await eventually("the Docker engine answers", detail: { "\n\(running.error.suffix(4_000))" }) {
            if let code = running.exitCode {
                throw MissingPart(
                    "a Docker engine that starts (it ended with \(code): \(running.error.suffix(2_000)))",
                    remedy: Self.remedy)
            }
            return try await client.run(["version"], environment: environment).exitCode == 0
        }
    }

    /// Stops the daemon as a service manager does, and with it its containers.
    public func stop() async throws {
        guard let running = session.withLock({ $0 }) else { return }
        kill(try daemonID(), SIGTERM)
        try await running.wait()
        session.withLock { $0 = nil }
    }

    /// Holds the daemon still: its socket is there, and nothing answers. Containers run on.
    public func suspend() throws { kill(try daemonID(), SIGSTOP) }
    public func resume() throws { kill(try daemonID(), SIGCONT) }

    /// The daemon's id as this process sees it: the one child of the process that made the namespaces.
    private func daemonID() throws -> pid_t {
        guard let parent = session.withLock({ $0?.processID }) else { throw NotInTime(description: "no daemon runs") }
        let children = try String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        guard let id = pid_t(children.trimmingCharacters(in: .whitespaces)) else {
            throw NotInTime(description: "the daemon cannot be told among '\(children)'")
        }
        return id
    }

    // MARK: - What operators do

    /// The client's environment: this engine, and no settings of the tester's.
    private var environment: [String: String] {
        ["DOCKER_HOST": address, "DOCKER_CONFIG": folder.path("client"), "HOME": folder.path]
    }

    /// Runs the ordinary client.
    ///
    /// - Returns: its standard output.
    @discardableResult
    public func docker(_ arguments: String...) async throws -> String {
        try await docker(arguments)
    }

    @discardableResult
    public func docker(_ arguments: [String]) async throws -> String {
        try await client.succeed(arguments, environment: environment)
    }

    /// Makes an image from one static program, with a revision label. Made twice, it differs in its digests.
    public func makeImage(
        _ reference: String, revision: String?, command: [String] = [], healthCheck: [String]? = nil
    ) async throws {
        func list(_ arguments: [String]) -> String {
            "[\((["/service"] + arguments).map { "\"\($0)\"" }.joined(separator: ", "))]"
        }
        var changes = ["CMD \(list(command))"]
        if let revision { changes.append("LABEL org.opencontainers.image.revision=\(revision)") }
        if let healthCheck { changes.append("HEALTHCHECK --interval=500ms --retries=1 CMD \(list(healthCheck))") }
        try await client.succeed(
            ["import"] + changes.flatMap { ["--change", $0] } + [try await ServiceArchive.path(in: folder), reference],
            environment: environment)
    }

    /// Removes a container, whatever its state.
    public func remove(_ name: String) async throws {
        try await docker("rm", "--force", "--volumes", name)
    }
}
