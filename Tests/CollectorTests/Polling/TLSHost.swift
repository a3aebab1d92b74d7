import Foundation
import Support

/// `openssl s_server` with a certificate of an authority made for the occasion; answers `GET /` with a status page.
final class TLSHost {
    let folder: URL
    private(set) var port = 0
    private var server: RunningProgram?

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["ca", "other"] {
            try await openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name) "
                    + "-keyout \(name).key -out \(name).pem")
        }
        for (name, subject) in [("server", "IP:127.0.0.1"), ("client", "DNS:collector")] {
            try "subjectAltName=\(subject)\n".write(
                to: folder.appending(path: "\(name).ext"), atomically: true, encoding: .utf8)
            try await openssl(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) "
                    + "-keyout \(name).key -out \(name).csr")
            try await openssl(
                "x509 -req -days 2 -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                    + "-extfile \(name).ext -out \(name).pem")
        }
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Serves on a free port of 127.0.0.1.
    func serve(_ options: String = "") async throws {
        let program = try start("s_server -accept 127.0.0.1:0 -www -cert server.pem -key server.key \(options)")
        server = program
        while port == 0 {
            let lines = program.output.split(separator: "\n", omittingEmptySubsequences: false)
            if let line = lines.dropLast().first(where: { $0.hasPrefix("ACCEPT") }) {
                port = line.split(separator: ":").last.flatMap { Int($0) } ?? 0
            }
            guard program.exitCode == nil else {
                throw Failure(description: "openssl s_server \(options) ended: \(program.output)\(program.error)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func stop() {
        server?.kill()
        try? FileManager.default.removeItem(at: folder)
    }

    private func openssl(_ arguments: String) async throws {
        let outcome = try await start(arguments).wait()
        guard outcome.exitCode == 0 else { throw Failure(description: "openssl \(arguments): \(outcome.error)") }
    }

    /// By a shell, which knows how to change the folder.
    private func start(_ arguments: String) throws -> RunningProgram {
        let shell = try Program.installed("sh", remedy: "apt-get install dash openssl")
        return try shell.start(["-c", "cd '\(folder.path)' && exec openssl \(arguments)"])
    }
}
