import Foundation

/// `openssl s_server` with a certificate of an authority made for the occasion; answers `GET /` with a status page.
final class TLSHost {
    let folder: URL
    private(set) var port = 0
    private var server: Process?

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["ca", "other"] {
            try openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name) "
                    + "-keyout \(name).key -out \(name).pem")
        }
        for (name, subject) in [("server", "IP:127.0.0.1"), ("client", "DNS:collector")] {
            try "subjectAltName=\(subject)\n".write(
                to: folder.appending(path: "\(name).ext"), atomically: true, encoding: .utf8)
            try openssl(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) "
                    + "-keyout \(name).key -out \(name).csr")
            try openssl(
                "x509 -req -days 2 -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                    + "-extfile \(name).ext -out \(name).pem")
        }
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Serves on a free port of 127.0.0.1.
    ///
    /// Through a file and not a pipe: reading a pipe blocks one of the few threads that all tests share.
    func serve(_ options: String = "") async throws {
        let log = folder.appending(path: "server.log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let process = prepare("s_server -accept 127.0.0.1:0 -www -cert server.pem -key server.key \(options)")
        process.standardOutput = try FileHandle(forWritingTo: log)
        try process.run()
        server = process
        while port == 0 {
            let lines = try String(contentsOf: log, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            if let line = lines.dropLast().first(where: { $0.hasPrefix("ACCEPT") }) {
                port = line.split(separator: ":").last.flatMap { Int($0) } ?? 0
            }
            guard process.isRunning else { throw Failure(description: "openssl s_server \(options) ended: \(lines)") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func stop() {
        // Not `terminate()`: the child inherits a signal mask of a dispatch thread's, in which SIGTERM is blocked.
        if let server { kill(server.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
    }

    private func openssl(_ arguments: String) throws {
        let process = prepare(arguments)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "openssl \(arguments) failed") }
    }

    private func prepare(_ arguments: String) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }
}
