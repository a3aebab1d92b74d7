/// Names and limits of the HTTP interface between the programs.
public enum BuildinfoProtocol {
    /// The default port of agents.
    public static let defaultPort = 9480
    /// The query item whose value the agent echoes.
    public static let nonceQueryItem = "nonce"
    /// The maximum length of a nonce in characters (printable ASCII).
    public static let maximumNonceLength = 128
    /// The maximum time to hold a request in seconds (RFC 7240, `Prefer: wait`).
    public static let maximumWait = 55

    /// Headers of responses with a document, and of 304.
    public enum Header {
        public static let nonce = "Buildinfo-Nonce"
        public static let host = "Buildinfo-Host"
        public static let age = "Buildinfo-Age"
    }

    /// The image label that holds the commit. Source: OCI image specification, "Pre-Defined Annotation Keys".
    public static let revisionLabel = "org.opencontainers.image.revision"
}

/// The version of both programs.
public enum BuildinfoVersion {
    public static let current = "0.1.0"
}
