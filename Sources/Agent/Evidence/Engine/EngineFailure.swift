import NIOSSL
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

    init(_ reason: Reason, _ description: String, limit: Int = 300) {
        self.reason = reason
        self.description = Sanitizer.singleLine(description, limit: limit)
    }

    /// For a status that is no answer to the request.
    static func status(_ request: EngineRequest, _ status: Int, socketPath: String) -> EngineFailure {
        switch status {
        case 401, 403:
            EngineFailure(
                .denied,
                "the engine at \(socketPath) denied \(request.name) (\(status)): permit it "
                    + "(docker-socket-proxy: \(request.permission)=1)")
        // Docker's TLS port says so to whoever speaks plain HTTP there.
        case 400 where socketPath.hasPrefix("tcp://"):
            EngineFailure(
                .httpStatus,
                "the engine at \(socketPath) answered \(request.name) with 400: if it wants TLS, set DOCKER_TLS_VERIFY=1 "
                    + "and DOCKER_CERT_PATH")
        default: EngineFailure(.httpStatus, "the engine at \(socketPath) answered \(request.name) with \(status)")
        }
    }

    /// Whether TLS failed, and not what was sent through it.
    static func isSecurity(_ error: any Error) -> Bool {
        error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
    }

    /// For what went wrong below an answer: TLS, or bytes that are no HTTP.
    ///
    /// - Parameter what: was being done, as in "asking the engine at X".
    static func transport(_ error: any Error, _ what: String) -> EngineFailure {
        switch error {
        case let failure as EngineFailure: return failure
        case _ where isSecurity(error):
            // What follows is where the library's source was when it was built.
            let text = "\(error)"
            let cause = text.firstRange(of: " at /").map { text[..<$0.lowerBound] } ?? text[...]
            let remedy =
                if text.contains("CERTIFICATE_VERIFY_FAILED") {
                    "the engine's certificate is not trusted: check ca.pem in DOCKER_CERT_PATH, and its dates"
                } else if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
                    "it speaks no TLS there: check the port, or unset DOCKER_TLS_VERIFY"
                } else if text.contains("unableToValidateCertificate") {
                    "the engine's certificate is for another name or address"
                } else if text.contains("ALERT") {
                    "the engine refused the agent's certificate: check cert.pem and key.pem in DOCKER_CERT_PATH"
                } else {
                    "check the certificates in DOCKER_CERT_PATH"
                }
            return EngineFailure(
                .unreachable, "\(what) failed in TLS: \(remedy) (\(Sanitizer.singleLine(cause, limit: 80)))")
        default: return EngineFailure(.unreachable, "\(what) failed: \(error)")
        }
    }
}

extension EngineRequest {
    /// The section of the API that a socket proxy permits it by. Source: Tecnativa/docker-socket-proxy, README.
    fileprivate var permission: String {
        switch self {
        case .ping: "PING"
        case .info: "INFO"
        case .containers, .container: "CONTAINERS"
        case .image, .platformImage, .taggedImage: "IMAGES"
        case .libpodContainer: "LIBPOD"
        case .events: "EVENTS"
        }
    }
}
