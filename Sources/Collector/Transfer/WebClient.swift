/// Makes single requests to services beside the fleet (registries, forges), and awaits the answer of each.
///
/// ```swift
/// let answer = try await WebClient.with { client in
///     try await client.send(WebRequest(url: "https://registry.example/v2/", within: .seconds(10)))
/// }
/// ```
///
/// Every status is an answer, redirects too: none is followed here, because only the caller knows whom its credentials
/// are for.
package final class WebClient: Sendable {
    private let engine: TransferClient
    private let waiting: PendingResponses
    private let reader: Task<Void, Never>

    /// Hands on a client that is closed when `body` ends, however it does.
    package static func with<Value>(_ body: (WebClient) async throws -> Value) async throws -> Value {
        let client = try WebClient()
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
        let engine = try TransferClient(limits: limits)
        let waiting = PendingResponses()
        let completions = engine.completions
        self.engine = engine
        self.waiting = waiting
        reader = Task {
            for await batch in completions {
                for completion in batch { waiting.fill(completion.id, completion.outcome) }
            }
            waiting.close()
        }
    }

    /// Makes the request; a caller that is cancelled takes it back.
    ///
    /// - Throws: why there is no whole answer. A client that is closed answers ``TransferFailure/cancelled``.
    package func send(_ request: WebRequest) async throws(TransferFailure) -> TransferResponse {
        let id = waiting.reserve()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiting.wait(id, continuation)
                engine.submit([
                    TransferRequest(
                        id: id, lane: 0, method: request.method, url: request.url, headers: request.headers,
                        timeout: request.within, access: request.access, isFresh: request.isFresh)
                ])
                // Cancelled before it was submitted: the handler below found nothing to cancel.
                if Task.isCancelled { engine.cancel(ids: [id]) }
            }
        } onCancel: {
            engine.cancel(ids: [id])
        }
        return try outcome.get()
    }

    /// Ends what is under way as ``TransferFailure/cancelled``, and closes every connection.
    package func close() async {
        await engine.shutdown()
        await reader.value
    }
}
