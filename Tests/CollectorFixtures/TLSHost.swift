import Support

/// `openssl s_server` with a certificate of a test authority. Answers `GET /` with a status page.
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
        try await certificates.issue("expired", alternatives: "IP:127.0.0.1", days: -1)
        try await certificates.issue("stranger", alternatives: "IP:127.0.0.1", by: "other")
        try await certificates.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=alone "
                + "-addext subjectAltName=IP:127.0.0.1 -keyout alone.key -out alone.pem")
    }

    /// A host with another certificate of the same folder.
    init(sharing other: TLSHost) {
        certificates = other.certificates
    }

    func path(_ name: String) -> String { certificates.path(name) }

    /// Serves on a free port of 127.0.0.1.
    func serve(_ options: String = "", certificate: String = "server") async throws {
        let program = try start(
            "s_server -accept 127.0.0.1:0 -www -cert \(certificate).pem -key \(certificate).key \(options)")
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

    /// Uses a shell, to change the folder.
    private func start(_ arguments: String) throws -> RunningProgram {
        let shell = try Program.installed("sh", remedy: "apt-get install dash openssl")
        return try shell.start(["-c", "cd '\(certificates.folder.path)' && exec openssl \(arguments)"])
    }
}
