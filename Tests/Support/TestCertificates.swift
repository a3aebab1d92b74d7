/// Authorities, certificates and keys that `openssl` makes for one test: `ca` and `other`, who know nothing of each other,
/// and what they are asked to sign.
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

    /// Makes `NAME.pem` and `NAME.key`.
    ///
    /// - Parameters:
    ///   - alternatives: as in `DNS:collector,IP:127.0.0.1`; nil for a certificate that has only its common name.
    ///   - authority: `ca` or `other`.
    public func issue(
        _ name: String, alternatives: String?, commonName: String? = nil, by authority: String = "ca"
    ) async throws {
        try folder.write(
            "\(name).ext", alternatives.map { "subjectAltName=\($0)\n" } ?? "basicConstraints=CA:FALSE\n")
        try await openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(commonName ?? name) "
                + "-keyout \(name).key -out \(name).csr")
        try await openssl(
            "x509 -req -days 2 -in \(name).csr -CA \(authority).pem -CAkey \(authority).key -CAcreateserial "
                + "-extfile \(name).ext -out \(name).pem")
    }

    /// Runs openssl in the folder, by a shell, which knows how to change it.
    public func openssl(_ arguments: String) async throws {
        try await Program.installed("sh", remedy: "apt-get install dash openssl")
            .succeed(["-c", "cd '\(folder.path)' && exec openssl \(arguments)"])
    }
}
