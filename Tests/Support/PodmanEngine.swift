internal import Foundation
internal import Glibc
internal import Synchronization

/// A real Podman service for tests on a unix socket (`podman system service`), on scratch paths.
///
/// Like ``DockerEngine``, it has its own process and mount namespaces: when their first process ends, so does every
/// container.
public final class PodmanEngine: Sendable {
    public let folder: TemporaryFolder
    /// The runtime folder, with the socket at the same place as in a user's runtime folder.
    public var runtimeFolder: String { folder.path("run") }
    /// The socket's path.
    public var socket: String { "\(runtimeFolder)/podman/podman.sock" }
    /// The address for `--engine`.
    public var address: String { "unix://\(socket)" }

    private let program: Program
    private let isRootless: Bool
    private let session: Mutex<RunningProgram?>

    /// The user id of rootless Podman. It needs no account.
    public static let user = 4_242

    private static let remedy = "apt-get install podman runc"

    /// Starts it and waits until it answers.
    ///
    /// - Parameter rootless: true to run as ``user``, which maps to a single id in containers.
    public static func start(rootless: Bool = false) async throws -> PodmanEngine {
        guard geteuid() == 0 else {
            throw MissingPart("the right to start a Podman of its own", remedy: "run the tests as root")
        }
        let engine = try PodmanEngine(rootless: rootless)
        try await engine.start()
        return engine
    }

    private init(rootless: Bool) throws {
        isRootless = rootless
        folder = try TemporaryFolder()
        program = try Program.installed("podman", remedy: Self.remedy)
        session = Mutex(nil)
    }

    deinit {
        session.withLock { $0 = nil }
        // Remaining mounts would prevent the removal of the folder.
        let cleaner = try? Program(path: "/bin/sh").start(
            ["-c", "grep -o ' \(folder.path)[^ ]*' /proc/mounts | sort -r | xargs -r umount -l"])
        while let cleaner, cleaner.exitCode == nil { usleep(1_000) }
    }

    // MARK: - The service

    /// Starts the service, on the state of its previous run if it has one.
    public func start() async throws {
        _ = try Program.installed("runc", remedy: Self.remedy)
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        unlink(socket)
        _ = try folder.makeFolder("run/podman")
        var (privileges, storage) = ([String](), [String]())
        if isRootless {
            _ = try folder.makeFolder("home/.config/containers")
            try folder.write(
                "home/.config/containers/storage.conf",
                "[storage]\ndriver = \"vfs\"\n[storage.options.vfs]\nignore_chown_errors = \"true\"\n")
            chmod(folder.path, 0o711)
            try await Program.installed("chown", remedy: "apt-get install coreutils")
                .succeed(["-R", "\(Self.user):\(Self.user)", folder.path("home"), runtimeFolder])
            chmod(runtimeFolder, 0o700)
            privileges = [
                try Program.installed("setpriv", remedy: "apt-get install util-linux").path, "--reuid", "\(Self.user)",
                "--regid", "\(Self.user)", "--clear-groups",
            ]
        } else {
            storage = [
                "--root", folder.path("root"), "--runroot", folder.path("runroot"), "--tmpdir", folder.path("tmp"),
                "--storage-driver=vfs",
            ]
        }
        let running = try unshare.start(
            ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"] + privileges + [program.path] + storage + [
                "--cgroup-manager=cgroupfs", "--runtime", "runc", "--events-backend", "file", "system", "service",
                "--time", "0", address,
            ], environment: isRootless ? ["HOME": folder.path("home"), "XDG_RUNTIME_DIR": runtimeFolder] : environment)
        session.withLock { $0 = running }
        try await eventually("Podman answers", detail: { "\n\(running.error.suffix(4_000))" }) {
            if let code = running.exitCode {
                throw MissingPart(
                    "a Podman that starts (it ended with \(code): \(running.error.suffix(2_000)))",
                    remedy: Self.remedy)
            }
            return try await program.run(["--remote", "--url", address, "version"], environment: environment)
                .exitCode == 0
        }
    }

    /// Stops the service and its containers.
    public func stop() {
        session.withLock { $0 = nil }
    }

    // MARK: - Operators' actions

    private var environment: [String: String] { ["HOME": folder.path] }

    /// Runs the ordinary client against the service.
    ///
    /// - Returns: its standard output.
    @discardableResult
    public func podman(_ arguments: String...) async throws -> String {
        try await podman(arguments)
    }

    @discardableResult
    public func podman(_ arguments: [String]) async throws -> String {
        try await program.succeed(["--remote", "--url", address] + arguments, environment: environment)
    }

    /// Creates and starts a container with the host's network, and with limits that any machine permits.
    ///
    /// - Returns: its id.
    @discardableResult
    public func run(_ name: String, _ reference: String, _ options: [String] = []) async throws -> String {
        try await podman(
            ["run", "--detach", "--name", name, "--network=host", "--ulimit", "nofile=1024:1024"]
                + ["--ulimit", "nproc=1000:1000"] + options + [reference])
    }

    /// Creates an image from one static program, with a revision label.
    public func makeImage(
        _ reference: String, revision: String?, command: [String] = []
    ) async throws {
        let words = (["/service"] + command).map { "\"\($0)\"" }.joined(separator: ", ")
        var changes = ["CMD [\(words)]"]
        if let revision { changes.append("LABEL org.opencontainers.image.revision=\(revision)") }
        try await podman(
            ["import"] + changes.flatMap { ["--change", $0] }
                + [try await ServiceArchive.path(in: folder), reference])
    }

    /// Removes a container, whatever its state.
    public func remove(_ name: String) async throws {
        try await podman("rm", "--force", "--time", "0", name)
    }
}
