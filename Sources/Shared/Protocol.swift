internal import CBuildStamp

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

/// The body of an agent's 404: the services that it does have. It is the same for every path.
public struct NotFoundBody: Codable, Hashable, Sendable {
    /// The maximum number of services that are listed.
    public static let serviceLimit = 64

    /// One line with the paths that the agent answers.
    public var error: String
    /// The names of the agent's services, in their order; at most ``serviceLimit``. The first one answers `/buildinfo`.
    public var services: [String]
    /// The number of further services; nil if all are listed.
    public var moreServices: Int?

    public init(services: [String]) {
        error = "not found: this agent answers /buildinfo, /buildinfo/SERVICE, /healthz and /metrics"
        self.services = Array(services.prefix(Self.serviceLimit))
        moreServices = services.count > Self.serviceLimit ? services.count - Self.serviceLimit : nil
    }

    private enum CodingKeys: String, CodingKey {
        case error, services
        case moreServices = "more_services"
    }
}

/// The version of both programs.
public enum BuildinfoVersion {
    public static let current = "0.2.0"

    /// The commit that a release was built from; nil in programs that were built in another way.
    public static var commit: GitSHA? {
        let text = String(decoding: (0..<40).map { buildinfo_commit_character($0) }, as: UTF8.self)
        // Without a commit, all characters are 0, which is no GitSHA.
        return try? GitSHA(parsing: text)
    }

    /// The version as `--version` prints it: `0.1.0 (3f2a90be11d2)`, or `0.1.0` without a commit.
    public static var description: String {
        commit.map { "\(current) (\($0.short))" } ?? current
    }
}
