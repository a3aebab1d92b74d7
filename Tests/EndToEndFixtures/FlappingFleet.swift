import Support
import Synchronization

/// Hosts whose answers differ each time, so that their statuses change with almost every answer.
struct FlappingFleet {
    let host: ScriptedHost
    static let hosts = 6

    static func start() async throws -> FlappingFleet {
        let count = Mutex(0)
        let host = try await ScriptedHost.start { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            // One never converges, so that no verification ends before its deadline.
            if request.localAddress == ScriptedHost.address(host: 0) { return .json(#"{"git_sha":"\#(Commit.old)"}"#) }
            return switch number % 5 {
            case 0: .status(503)
            case 1, 2: .json(#"{"git_sha":"\#(Commit.new)"}"#)
            case 3: .json(#"{"git_sha":"\#(Commit.old)"}"#)
            default: .status(200, "<html></html>")
            }
        }
        return FlappingFleet(host: host)
    }

    /// A verification of these hosts that takes about as long as its timeout.
    func verify(service: String, store: String, timeout: String) throws -> RunningProgram {
        let hosts = (0..<Self.hosts).flatMap { ["--host", host.url(host: $0)] }
        return try Program.collector().start(
            ["verify", "--sha", Commit.new, "--service", service, "--store", store, "--progress", "none"]
                + ["--timeout", timeout, "--soak", "100ms", "--interval", "10ms"] + hosts)
    }
}
