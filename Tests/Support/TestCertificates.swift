/// Authorities, certificates and keys that `openssl` creates for one test: two independent authorities, `ca` and
/// `other`, and the certificates that they sign.
public struct TestCertificates: Sendable {
    public let folder: TemporaryFolder

    public init() async throws {
        folder = try TemporaryFolder()
        for name in ["ca", "other"] {
            try await openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name) "
                    + "-keyout \(name).key -out \(name).pem")
        }
    }

    public func path(_ name: String) -> String { folder.path(name) }

    /// Creates `NAME.pem` and `NAME.key`.
    ///
    /// - Parameters:
    ///   - alternatives: alternative names such as `DNS:collector,IP:127.0.0.1`; nil for only a common name.
    ///   - authority: `ca` or `other`.
    ///   - days: the time from now to its end; negative if it has expired.
    public func issue(
        _ name: String, alternatives: String?, commonName: String? = nil, by authority: String = "ca",
        days: Int = 2
    ) async throws {
        try folder.write(
            "\(name).ext", alternatives.map { "subjectAltName=\($0)\n" } ?? "basicConstraints=CA:FALSE\n")
        try await openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(commonName ?? name) "
                + "-keyout \(name).key -out \(name).csr")
        try await openssl(
            "x509 -req -days \(days) -in \(name).csr -CA \(authority).pem -CAkey \(authority).key -CAcreateserial "
                + "-extfile \(name).ext -out \(name).pem")
    }

    /// Runs openssl in the folder, through a shell that changes the working directory.
    public func openssl(_ arguments: String) async throws {
        try await Program.installed("sh", remedy: "apt-get install dash openssl")
            .succeed(["-c", "cd '\(folder.path)' && exec openssl \(arguments)"])
    }
}
