import Shared

/// Why an engine's state is not known. A host whose engine fails is data: this ends up in a document, not in a crash.
struct EngineFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// A closed set: only these go into metric labels.
    enum Reason: String, CaseIterable, Sendable {
        case unreachable, denied, timeout, garbage, vanishing
        case httpStatus = "http_status"
        case tooLarge = "too_large"
    }

    var reason: Reason
    /// One sentence that names the request or the socket.
    var description: String

    init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = Hygiene.line(description, limit: 300)
    }

    /// For a status that is no answer to the request.
    static func status(_ request: EngineRequest, _ status: Int, socketPath: String) -> EngineFailure {
        status == 401 || status == 403
            ? EngineFailure(.denied, "the engine at \(socketPath) denied \(request.name) (\(status)): permit it")
            : EngineFailure(.httpStatus, "the engine at \(socketPath) answered \(request.name) with \(status)")
    }
}
