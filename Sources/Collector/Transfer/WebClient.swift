import Synchronization

/// An HTTP client for services outside the fleet: registries and forges.
///
/// ```swift
/// let response = try await WebClient.with { client in
///     try await client.send(WebRequest(url: "https://registry.example/v2/", within: .seconds(10)))
/// }
/// ```
///
/// Redirects are returned, not followed: only the caller knows who may see its credentials.
package final class WebClient: Sendable {
    private let client: TransferClient
    private let pending: PendingResponses
    private let reader: Task<Void, Never>

    /// Runs `body` with a client that is closed afterwards.
    ///
    /// - Parameter bodyBytes: the limit of a response's body, if it is not the usual one.
    package static func with<Value>(
        bodyBytes: Int? = nil, _ body: (WebClient) async throws -> Value
    ) async throws -> Value {
        var limits = TransferLimits.forServices()
        if let bodyBytes {
            limits.bodyBytes = bodyBytes
            limits.memoryBytes = max(limits.memoryBytes, limits.concurrency * bodyBytes)
        }
        let client = try WebClient(limits: limits)
        do {
            let value = try await body(client)
            await client.close()
            return value
        } catch {
            await client.close()
            throw error
        }
    }

    init(limits: TransferLimits = .forServices()) throws(TransferClientError) {
        let client = try TransferClient(limits: limits)
        let pending = PendingResponses()
        let completions = client.completions
        self.client = client
        self.pending = pending
        reader = Task {
            for await batch in completions {
                for completion in batch { pending.resume(completion.id, with: completion.outcome) }
            }
            pending.close()
        }
    }

    /// Sends a request and awaits its response. Cancelling the task cancels the request.
    ///
    /// - Throws: ``TransferFailure``; after ``close()`` it is ``TransferFailure/cancelled``.
    package func send(_ request: WebRequest) async throws(TransferFailure) -> TransferResponse {
        let id = pending.reserve()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                pending.wait(id, continuation)
                client.submit([
                    TransferRequest(
                        id: id, lane: 0, method: request.method, url: request.url, headers: request.headers,
                        timeout: request.within, access: request.access, isFresh: request.isFresh)
                ])
                // If the task was cancelled before this, the handler below had nothing to cancel.
                if Task.isCancelled { client.cancel(ids: [id]) }
            }
        } onCancel: {
            client.cancel(ids: [id])
        }
        return try outcome.get()
    }

    /// Ends all requests as ``TransferFailure/cancelled`` and closes all connections.
    package func close() async {
        await client.shutdown()
        await reader.value
    }
}

/// A request to a registry or a forge.
package struct WebRequest: Sendable {
    package var method: TransferRequest.Method
    /// An `http` or `https` URL.
    package var url: String
    /// The headers, sent unchanged. A name or value with a line break fails the request.
    package var headers: [(name: String, value: String)]
    /// The time limit for the whole request, connecting included.
    package var within: Duration
    package var access: RequestCredentials
    /// True to open a new connection.
    package var isFresh = false

    /// - Parameter access: by default a proxy named in the environment is used.
    package init(
        _ method: TransferRequest.Method = .get, url: String, headers: [(name: String, value: String)] = [],
        within: Duration, access: RequestCredentials = RequestCredentials(usesProxy: true)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.within = within
        self.access = access
    }
}

/// The callers that await a response, by the number of their request.
final class PendingResponses: Sendable {
    typealias Outcome = Result<TransferResponse, TransferFailure>

    private struct State {
        var last: UInt64 = 0
        var isClosed = false
        var waiting: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    }

    private let state = Mutex(State())

    /// A new request number.
    func reserve() -> UInt64 {
        state.withLock {
            $0.last += 1
            return $0.last
        }
    }

    /// Registers a caller. After ``close()`` it is resumed at once.
    func wait(_ id: UInt64, _ continuation: CheckedContinuation<Outcome, Never>) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.waiting[id] = continuation }
            return state.isClosed
        }
        if isClosed { continuation.resume(returning: .failure(.cancelled)) }
    }

    func resume(_ id: UInt64, with outcome: Outcome) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: outcome)
    }

    /// Resumes all callers with ``TransferFailure/cancelled``, now and in future.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in left { continuation.resume(returning: .failure(.cancelled)) }
    }
}
