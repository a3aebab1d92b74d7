/// What one ``TransferClient`` may use, whatever its peers do.
package struct TransferLimits: Sendable {
    /// Requests under way at once, 1 or more: the window.
    package var concurrency: Int
    /// libcurl's multi handles, 1 or more. In libcurl 7.88 everything a connection cache does is linear in its
    /// connections, so many small ones beat one that is large.
    package var multiHandles: Int
    /// Idle connections kept for the next sweep, over all multi handles. 0 closes each with its answer, which is cheaper
    /// for who asks only once.
    package var keptConnections: Int
    /// Bytes of one body; one more is ``TransferFailure/tooLarge(_:)``.
    var bodyBytes = 1 << 20
    /// Bytes of one answer's status lines, headers and trailers together.
    var headerBytes = 64 << 10
    /// Bytes of all bodies together, under way or waiting to be taken. Past it, nothing new starts, and a body of more
    /// than its share (`memoryBytes / concurrency`) is too large: twice this is never exceeded.
    var memoryBytes = 128 << 20
    /// Bytes of one header's value; a longer one counts as absent.
    var headerValueBytes = 1 << 10
    /// Names, in lower case, of the response headers that are kept.
    var keptHeaders = [
        "age", "buildinfo-age", "buildinfo-host", "buildinfo-nonce", "cache-control", "content-type", "date", "etag",
        "location", "preference-applied", "retry-after", "server", "via", "warning", "www-authenticate", "x-varnish",
    ]
    /// Headers with this in their names are kept, too, and may come more than once: what caches say of themselves has many
    /// names. In lower case; at most ``keptByWord`` of them.
    var keptWord = "cache"
    var keptByWord = 16
    /// Those of them that may come more than once and mean one list (RFC 9110, section 5.3): joined with commas. Of the
    /// others, the first counts.
    var listedHeaders: Set<String> = ["warning", "www-authenticate", "x-varnish"]

    /// Left alone for everything that is not a transfer: ledger, reports, logs, the standard streams.
    package static let reservedDescriptors = 64
    /// Enough that some hundred dead hosts, each waiting for its timeout, hold up nobody; more costs memory, and no
    /// difference in a sweep's time could be measured between 200 and this.
    static let defaultConcurrency = 1_000

    /// Limits whose descriptors fit below a limit on open files.
    ///
    /// A transfer under way has at most two (a socket pair while its name is looked up, then two sockets while IPv6 and
    /// IPv4 race), an idle connection one, a multi handle two.
    ///
    /// - Parameters:
    ///   - openFiles: The soft limit, see ``OpenFiles/raiseLimit()``.
    ///   - concurrency: The wish; without one, ``defaultConcurrency``. It is cut to what the descriptors allow.
    package init(openFiles: Int, concurrency: Int? = nil, multiHandles: Int = 32) {
        let usable = openFiles - Self.reservedDescriptors
        // A quarter for what is under way, twice; the rest keeps connections.
        let handles = max(1, min(multiHandles, usable / 16))
        let forConnections = max(4, usable - 2 * handles)
        self.multiHandles = handles
        self.concurrency = max(1, min(concurrency ?? Self.defaultConcurrency, forConnections / 4))
        self.keptConnections = max(handles, min(forConnections - 2 * self.concurrency, 1 << 16))
    }

    /// Limits for talking to a few services beside the fleet: registries and forges.
    ///
    /// A manifest has at most 5 MiB (OCI distribution specification: registries should take 4).
    static func forServices() -> TransferLimits {
        var limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 16, multiHandles: 1)
        limits.keptConnections = min(limits.keptConnections, 16)
        limits.bodyBytes = 5 << 20
        limits.headerValueBytes = 8 << 10
        limits.keptHeaders += ["docker-content-digest", "docker-distribution-api-version", "link", "x-total-count"]
        return limits
    }
}
