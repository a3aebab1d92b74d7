import CCurl

/// Makes HTTP requests to very many hosts at once: one thread, one epoll, libcurl.
///
/// Requests wait in a queue, first in, first out, until the window (``TransferLimits/concurrency``) has room; their
/// timeout counts from then on. One slow host delays no other. Every request ends in exactly one ``TransferCompletion``.
///
/// ```swift
/// let engine = try TransferClient(limits: TransferLimits(openFiles: OpenFiles.raiseLimit()))
/// engine.submit([TransferRequest(id: 1, lane: 0, url: "http://127.0.0.1:9480/buildinfo")])
/// for await batch in engine.completions { … }
/// await engine.shutdown()
/// ```
///
/// An engine that nobody holds any more shuts itself down.
package final class TransferClient: Sendable {
    /// What has finished since the last batch was taken, for one reader. Ends after ``shutdown()``, and, for a reader
    /// whose task is cancelled, at once.
    package let completions: AsyncStream<[TransferCompletion]>
    /// Requests under way at once.
    package let concurrency: Int
    private let inbox: CommandQueue
    private let thread: TransferThread

    private static let libcurl = buildinfo_curl_global_init()

    package init(limits: TransferLimits) throws(TransferClientError) {
        guard Self.libcurl == CURLE_OK else {
            throw .libcurl(call: "curl_global_init", reason: String(cString: curl_easy_strerror(Self.libcurl)))
        }
        let wakeup = try WakeupDescriptor()
        let inbox = CommandQueue(wakeup: wakeup)
        let outbox = CompletionQueue(wakeup: wakeup)
        let loop = try TransferLoop(limits: limits, inbox: inbox, outbox: outbox, wakeup: wakeup)
        thread = try TransferThread(running: loop)
        completions = AsyncStream { await outbox.next() }
        self.inbox = inbox
        concurrency = limits.concurrency
    }

    deinit {
        inbox.post(.stop)
        thread.detach()
    }

    /// Appends to the queue. After ``shutdown()`` it does nothing.
    package func submit(_ requests: [TransferRequest]) {
        guard !requests.isEmpty else { return }
        inbox.post(.submit(requests))
    }

    /// Ends the requests with these ids, under way or queued, as ``TransferFailure/cancelled``.
    package func cancel(ids: Set<UInt64>) {
        inbox.post(.cancelIDs(ids))
    }

    /// Ends all requests of a lane that were submitted so far, as ``TransferFailure/cancelled``.
    package func cancel(lane: Int) {
        inbox.post(.cancelLane(lane))
    }

    /// Ends everything as ``TransferFailure/cancelled``, ends ``completions``, closes every connection, and returns when
    /// the thread is gone. Calling it again does no harm.
    package func shutdown() async {
        inbox.post(.stop)
        await thread.join()
    }
}
