import Shared

/// The reason why an engine's state is unknown. A failing engine is a result and not an error of the agent: documents report
/// it.
package struct EngineFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. The set is closed, because its values identify time series in the metrics.
    package enum Reason: String, CaseIterable, Sendable {
        case unreachable, denied, timeout, garbage, vanishing
        case httpStatus = "http_status"
        case tooLarge = "too_large"
    }

    package let reason: Reason
    /// The failure in one sentence that names the request or the socket.
    package var description: String

    package init(_ reason: Reason, _ description: String, limit: Int = 300) {
        self.reason = reason
        self.description = Sanitizer.singleLine(description, limit: limit)
    }

    /// The failure for an unexpected HTTP status.
    package static func status(_ request: EngineRequest, _ status: Int, address: String) -> EngineFailure {
        switch status {
        case 401, 403:
            EngineFailure(
                .denied,
                "the engine at \(address) denied \(request.name) (\(status)): permit it "
                    + "(docker-socket-proxy: \(request.proxyPermission)=1)")
        // Docker's TLS port answers plain HTTP with 400.
        case 400 where address.hasPrefix("tcp://"):
            EngineFailure(
                .httpStatus,
                "the engine at \(address) answered \(request.name) with 400: if it requires TLS, set DOCKER_TLS_VERIFY=1 "
                    + "and DOCKER_CERT_PATH")
        default: EngineFailure(.httpStatus, "the engine at \(address) answered \(request.name) with \(status)")
        }
    }

    /// The failure for a response that cannot be used.
    package static func garbage(_ request: EngineRequest, _ why: String) -> EngineFailure {
        EngineFailure(.garbage, "the engine's answer to \(request.name) is not usable: \(why)")
    }
}
