import CCurl
package import Shared
import Synchronization

/// An HTTP client for thousands of concurrent requests: libcurl with one thread and one epoll instance.
///
/// Requests wait in a first-in, first-out queue for room in the window (``TransferLimits/concurrency``), and their timeout
/// starts when they leave it. A slow host does not delay the others. Every request ends in exactly one
/// ``TransferCompletion``.
///
/// ```swift
/// let client = try TransferClient(limits: TransferLimits(openFiles: OpenFiles.raiseLimit()))
/// client.submit([TransferRequest(id: 1, lane: 0, url: "http://127.0.0.1:9480/buildinfo")])
/// for await batch in client.completions { … }
/// await client.shutdown()
/// ```
///
/// A client shuts itself down with its last reference.
package final class TransferClient: Sendable {
    /// Batches of finished requests, for one reader. Ends after ``shutdown()``, or at once if the reader's task is
    /// cancelled.
    package let completions: AsyncStream<[TransferCompletion]>
    /// The most requests in progress at once.
    package var concurrency: Int { limits.concurrency }
    private let limits: TransferLimits
    private let commands: CommandQueue
    private let thread: TransferThread

    private static let libcurl = buildinfo_curl_global_init()

    package init(limits: TransferLimits) throws(TransferClientError) {
        guard Self.libcurl == CURLE_OK else {
            throw .libcurl(call: "curl_global_init", reason: String(cString: curl_easy_strerror(Self.libcurl)))
        }
        let wakeup = try WakeupDescriptor()
        let commands = CommandQueue(wakeup: wakeup)
        let completionQueue = CompletionQueue(wakeup: wakeup)
        let loop = try TransferLoop(limits: limits, commands: commands, completions: completionQueue, wakeup: wakeup)
        thread = try TransferThread(running: loop)
        completions = AsyncStream { await completionQueue.next() }
        self.commands = commands
        self.limits = limits
    }

    deinit {
        commands.post(.stop)
        thread.detach()
    }

    /// True if the requests of a lane are for this client, see ``TransferLimits/clients``.
    package func serves(lane: Int) -> Bool {
        limits.serves(lane: lane)
    }

    /// Appends requests to the queue. Does nothing after ``shutdown()``.
    package func submit(_ requests: [TransferRequest]) {
        guard !requests.isEmpty else { return }
        commands.post(.submit(requests))
    }

    /// Ends the requests with these ids, in progress or queued, as ``TransferFailure/cancelled``.
    package func cancel(ids: Set<UInt64>) {
        commands.post(.cancelIDs(ids))
    }

    /// Ends all requests submitted so far on a lane as ``TransferFailure/cancelled``.
    package func cancel(lane: Int) {
        commands.post(.cancelLane(lane))
    }

    /// Begins what ``shutdown()`` does, and does not wait for it.
    package func stop() { commands.post(.stop) }

    /// Ends ``completions`` and closes nothing. What is left takes memory and descriptors until the process ends.
    package func abandon() {
        commands.isAbandoned.store(true, ordering: .relaxed)
        stop()
    }

    /// Ends all requests as ``TransferFailure/cancelled``, ends ``completions``, closes all connections, and returns when
    /// the thread has ended. Further calls have no effect.
    package func shutdown() async {
        stop()
        await thread.join()
    }
}

/// The reason that a client could not be started.
package enum TransferClientError: ExitCoded, Hashable {
    /// A libcurl call failed; `reason` is libcurl's.
    case libcurl(call: String, reason: String)
    /// A system call failed; `reason` is the text of its errno.
    case system(call: String, reason: String)

    package var exitStatus: ExitStatus { .unavailable }

    package var description: String {
        switch self {
        case .libcurl(let call, let reason):
            "libcurl refused \(call) (\(reason)): the collector needs libcurl 7.87 or newer, with TLS"
        case .system(let call, let reason):
            "\(call) failed (\(reason)): raise the limits on open files and threads of this process"
        }
    }
}

/// The outcome of one request. Every submitted request gets exactly one, unless the client was already shut down.
package struct TransferCompletion: Sendable {
    package var id: UInt64
    package var lane: Int
    /// The time the request left the queue, or was cancelled in it.
    package var startedAt: ContinuousClock.Instant
    /// The time the client noticed the end, up to one turn (some milliseconds) after the last byte arrived. A bound on an
    /// answer's age must count from ``startedAt``.
    package var finishedAt: ContinuousClock.Instant
    package var outcome: Result<TransferResponse, TransferFailure>
}
