import Support

@testable import Transfer

/// A client under test that is always shut down, with helpers for requests.
struct TransferFixture: Sendable {
    let engine: TransferClient

    static func run<Value: Sendable>(
        concurrency: Int = 64,
        adjust: (inout TransferLimits) -> Void = { _ in },
        _ body: (TransferFixture) async throws -> Value
    ) async throws -> Value {
        var limits = TransferLimits(openFiles: OpenFiles.raiseLimit(), concurrency: concurrency, multiHandles: 4)
        adjust(&limits)
        let engine = try TransferClient(limits: limits)
        do {
            let value = try await body(TransferFixture(engine: engine))
            await engine.shutdown()
            return value
        } catch {
            await engine.shutdown()
            throw error
        }
    }

    /// Submits requests and waits for their completions.
    func ask(_ requests: [TransferRequest]) async -> [TransferCompletion] {
        engine.submit(requests)
        return await take(requests.count)
    }

    func ask(
        _ url: String,
        headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(20),
        access: RequestCredentials = RequestCredentials()
    ) async -> Result<TransferResponse, TransferFailure> {
        let request = TransferRequest(id: 1, lane: 0, url: url, headers: headers, timeout: timeout, access: access)
        return await ask([request]).first?.outcome ?? .failure(.cancelled)
    }

    func take(_ count: Int) async -> [TransferCompletion] {
        var completions: [TransferCompletion] = []
        guard count > 0 else { return [] }
        for await batch in engine.completions {
            completions += batch
            if completions.count >= count { break }
        }
        return completions
    }
}

extension Result where Success == TransferResponse, Failure == TransferFailure {
    /// The failure's case or the response's status, as a word for comparisons.
    var kind: String {
        switch self {
        case .success(let response): "\(response.status)"
        case .failure(.dns): "dns"
        case .failure(.refused): "refused"
        case .failure(.timeout): "timeout"
        case .failure(.tls): "tls"
        case .failure(.tooLarge): "tooLarge"
        case .failure(.protocolError): "protocolError"
        case .failure(.local): "local"
        case .failure(.cancelled): "cancelled"
        }
    }
}
