import Support

/// `openssl s_server` with a certificate of an authority made for the occasion; answers `GET /` with a status page.
final class TLSHost {
    private let certificates: TestCertificates
    private(set) var port = 0
    private var server: RunningProgram?

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init() async throws {
        certificates = try await TestCertificates()
        try await certificates.issue("server", alternatives: "IP:127.0.0.1")
        try await certificates.issue("client", alternatives: "DNS:collector")
    }

    func path(_ name: String) -> String { certificates.path(name) }

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
    }

    /// By a shell, which knows how to change the folder.
    private func start(_ arguments: String) throws -> RunningProgram {
        let shell = try Program.installed("sh", remedy: "apt-get install dash openssl")
        return try shell.start(["-c", "cd '\(certificates.folder.path)' && exec openssl \(arguments)"])
    }
}
