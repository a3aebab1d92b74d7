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
    func serve(_ options: String = "") throws {
        let output = Pipe()
        let process = prepare("s_server -accept 127.0.0.1:0 -www -cert server.pem -key server.key \(options)")
        process.standardOutput = output
        try process.run()
        server = process
        var text = ""
        while true {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { throw Failure(description: "openssl s_server ended: \(text)") }
            text += String(decoding: piece, as: UTF8.self)
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT") }), text.contains("\n")
            else { continue }
            guard let found = line.split(separator: ":").last.flatMap({ Int($0) }) else { continue }
            port = found
            return
        }
    }

    func stop() {
        server?.terminate()
        server?.waitUntilExit()
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
