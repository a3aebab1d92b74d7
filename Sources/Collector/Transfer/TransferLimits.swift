import Glibc

/// The resources one ``TransferClient`` may use, whatever its peers do.
package struct TransferLimits: Sendable {
    /// The window: the most requests in progress at once, 1 or more.
    package var concurrency: Int
    /// libcurl's multi handles, 1 or more. In libcurl 7.88 every operation of a connection cache is linear in its
    /// connections, so many small caches beat a large one.
    package var multiHandles: Int
    /// Idle connections kept for the next sweep, over all multi handles. 0 closes each after its response, which is cheaper
    /// for a single sweep.
    package var keptConnections: Int
    /// The clients that share the lanes of one fleet, 1 or more, and the place of this one among them, from 0.
    package var clients = 1
    package var place = 0
    /// Bytes of one body. A larger one ends as ``TransferFailure/tooLarge(_:)``.
    var bodyBytes = 1 << 20
    /// Bytes of the status lines, headers and trailers of one response together.
    var headerBytes = 64 << 10
    /// Bytes of all bodies together, arriving or waiting to be taken. Above it no request starts, and a body larger than its
    /// share (`memoryBytes / concurrency`) is too large, so the total never exceeds twice this.
    var memoryBytes = 128 << 20
    /// Bytes of a transfer's receive buffer, 1,024 or more. Most responses of hosts fit into 4 KiB.
    var receiveBytes = 4 << 10
    /// Bytes of one header's value. A longer value counts as missing.
    var headerValueBytes = 1 << 10
    /// The response headers that are kept; names in lower case.
    var keptHeaders = [
        "age", "buildinfo-age", "buildinfo-end", "buildinfo-host", "buildinfo-nonce", "buildinfo-offset",
        "cache-control", "content-type", "date", "etag",
        "location", "preference-applied", "retry-after", "server", "via", "warning", "www-authenticate", "x-varnish",
    ]
    /// A word, in lower case, whose presence in a name keeps a header too: caches identify themselves by many names. Such a
    /// header may be repeated, and at most ``keptByWord`` are kept.
    var keptWord = "cache"
    var keptByWord = 16
    /// The kept headers that form one list if repeated (RFC 9110, section 5.3), and are joined with commas. Of the others
    /// the first value counts.
    var listedHeaders: Set<String> = ["warning", "www-authenticate", "x-varnish"]

    /// Descriptors reserved for everything else: ledger, reports, logs, the standard streams.
    package static let reservedDescriptors = 64
    /// Enough that a few hundred dead hosts, each waiting for its timeout, do not delay the others. More would cost memory,
    /// and sweeps measured with 200 already take no longer than with this.
    package static let defaultConcurrency = 1_000

    /// Limits that fit within a limit on open files.
    ///
    /// A transfer needs at most two descriptors (a socket pair during the name lookup, then two sockets while IPv6 and IPv4
    /// race), an idle connection one, a multi handle two.
    ///
    /// - Parameters:
    ///   - openFiles: the soft limit, see ``OpenFiles/raiseLimit()``.
    ///   - concurrency: the requested window, reduced to fit; ``defaultConcurrency`` by default.
    package init(openFiles: Int, concurrency: Int? = nil, multiHandles: Int = 32) {
        let usable = openFiles - Self.reservedDescriptors
        // A quarter for transfers, with two descriptors each; the rest for idle connections.
        let handles = max(1, min(multiHandles, usable / 16))
        let forConnections = max(4, usable - 2 * handles)
        self.multiHandles = handles
        self.concurrency = max(1, min(concurrency ?? Self.defaultConcurrency, forConnections / 4))
        self.keptConnections = max(handles, min(forConnections - 2 * self.concurrency, 1 << 16))
    }

    /// The multi handle that serves a lane, from 0.
    func multiHandle(lane: Int) -> Int {
        Int(lane.magnitude % UInt(multiHandles))
    }

    /// True if a lane is this client's. Neighbouring lanes fill the multi handles of one client before those of the next.
    func serves(lane: Int) -> Bool {
        lane.magnitude / UInt(multiHandles) % UInt(clients) == UInt(place)
    }

    /// True if a lane's connection stays open after a response.
    ///
    /// Only as many lanes keep theirs as connections fit. If all did, each sweep over more hosts than that would close every
    /// connection shortly before its next use.
    func keepsConnection(lane: Int) -> Bool {
        keptConnections > 0 && lane.magnitude / UInt(multiHandles * clients) < UInt(keptPerMulti)
    }

    private var keptPerMulti: Int { max(1, keptConnections / multiHandles) }

    /// The connections at which a multi handle closes its least recently used one. libcurl counts those in use, too: twice an
    /// even share of the window is left for them.
    var connectionsPerMulti: Int { keptPerMulti + 2 * (concurrency / multiHandles + 1) }

    /// Limits for a few services outside the fleet: registries and forges.
    ///
    /// A manifest has at most 5 MiB (OCI distribution specification: registries should take 4).
    static func forServices() -> TransferLimits {
        var limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: 16, multiHandles: 1)
        limits.keptConnections = min(limits.keptConnections, 16)
        limits.bodyBytes = 5 << 20
        limits.receiveBytes = 16 << 10
        limits.headerValueBytes = 8 << 10
        limits.keptHeaders += ["docker-content-digest", "docker-distribution-api-version", "link", "x-total-count"]
        return limits
    }
}

/// The bytes held for responses. Belongs to the transfer thread.
final class ConnectionBudget {
    let limits: TransferLimits
    /// Bytes of bodies that are still arriving.
    var arriving = 0
    /// Bytes of completions not yet taken, as of this turn.
    var waiting = 0

    init(limits: TransferLimits) {
        self.limits = limits
    }

    /// True if a new transfer may start.
    var hasRoom: Bool { arriving + waiting < limits.memoryBytes }

    /// The failure of a body that would grow to `size` by `addition` bytes; nil if it may.
    func failure(atSize size: Int, addition: Int) -> TransferFailure? {
        guard size <= limits.bodyBytes else { return .tooLarge("body over \(limits.bodyBytes) bytes") }
        let share = limits.memoryBytes / limits.concurrency
        guard arriving + waiting + addition <= limits.memoryBytes || size <= share else {
            return .tooLarge("body over \(share) bytes while all answers together pass \(limits.memoryBytes)")
        }
        return nil
    }
}

/// The process's limit on open descriptors.
package enum OpenFiles {
    /// The error of opening one more file: `EMFILE` or `ENFILE`; nil if that is possible.
    static var shortage: Int32? {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor < 0 else {
            close(descriptor)
            return nil
        }
        return [EMFILE, ENFILE].contains(errno) ? errno : nil
    }

    /// Raises the soft limit to the hard limit if the system allows it, and returns the resulting soft limit.
    ///
    /// Most systems set the soft limit to 1,024 for `select()`, which is not used here.
    @discardableResult
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
