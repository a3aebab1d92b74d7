internal import Foundation
internal import Glibc
internal import Synchronization

/// A real Docker engine for tests, on scratch paths, independent of any other engine on the machine.
///
/// It has its own process and mount namespaces: when their first process ends, the kernel ends the daemon,
/// its containerd, every container and every mount. So nothing is left, however the tests end.
public final class DockerEngine: Sendable {
    public let folder: TemporaryFolder
    /// The socket's path.
    public var socket: String { folder.path("docker.sock") }
    /// The address for `--engine`.
    public var address: String { "unix://\(socket)" }

    private let client: Program
    private let control: String
    private let arguments: [String]
    private let session: Mutex<RunningProgram?>
    private let reaping: Int

    private static let remedy = "apt-get install docker.io"

    /// Starts it and waits until it answers.
    ///
    /// - Parameter arguments: additional flags of the daemon, such as another address.
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
        // The parent cgroup of all containers, named after the unique folder.
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

    /// Thaws paused containers, because frozen processes cannot be killed under cgroup v1, and removes the cgroups,
    /// which outlive their processes.
    private static func cleaning(_ control: String) -> String {
        let find = "find /sys/fs/cgroup -depth -path '*/\(control)/*'"
        return "for s in $(\(find) -name freezer.state); do echo THAWED > $s; done 2>/dev/null; sleep 0.2; "
            + "find /sys/fs/cgroup -depth -type d -path '*/\(control)*' -exec rmdir {} + 2>/dev/null"
    }

    // MARK: - The daemon

    /// Starts the daemon, on the state of its previous run if it has one.
    public func start() async throws {
        _ = try Program.installed("dockerd", remedy: Self.remedy)
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        // In its own process namespace every daemon has process id 1, and takes a stale file for a running daemon's.
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

    /// Stops the daemon with SIGSTOP: its socket exists, but does not answer. Containers continue to run.
    public func suspend() throws { kill(try daemonID(), SIGSTOP) }
    public func resume() throws { kill(try daemonID(), SIGCONT) }

    /// The daemon's process id outside its namespace: the only child of the process that created the namespaces.
    private func daemonID() throws -> pid_t {
        guard let parent = session.withLock({ $0?.processID }) else { throw NotInTime(description: "no daemon runs") }
        let children = try String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        guard let id = pid_t(children.trimmingCharacters(in: .whitespaces)) else {
            throw NotInTime(description: "cannot identify the daemon among '\(children)'")
        }
        return id
    }

    // MARK: - Operators' actions

    /// The client's environment: this engine, and none of the user's settings.
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

    /// Creates an image from one static program, with a revision label. Every call creates other digests.
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
