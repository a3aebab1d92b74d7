/// Names on the wire that both programs use.
public enum BuildinfoProtocol {
    /// The port that agents listen on when nothing else is said.
    public static let defaultPort = 9480
    /// The query item whose value the agent echoes.
    public static let nonceQueryItem = "nonce"
    /// Characters of printable ASCII at most.
    public static let maximumNonceLength = 128

    /// Seconds that an answer is held at most (RFC 7240, `Prefer: wait`).
    public static let maximumWait = 55

    /// Response headers, on every answer, 304 too.
    public enum Header {
        public static let nonce = "Buildinfo-Nonce"
        public static let host = "Buildinfo-Host"
        public static let age = "Buildinfo-Age"
    }

    /// The label of an image that names its commit. Source: OCI image specification, "Pre-Defined Annotation Keys".
    public static let revisionLabel = "org.opencontainers.image.revision"
}

/// The version that both programs report.
public enum BuildinfoVersion {
    public static let current = "0.1.0"
}
