/// Why a request got no HTTP answer: a closed set, each with one printable line from libcurl or the kernel.
///
/// ``refused(_:)`` is "somebody said no": a closed port, and also no route, host or network unreachable, because the
/// network answered at once and a longer timeout would not help. ``timeout(_:)`` is silence, in the name lookup too.
/// A connection that was accepted and then broken off (reset, closed early, no HTTP) is ``protocolError(_:)``: the host
/// answered something else, which is never the same as not answering.
package enum TransferFailure: Error, Hashable, Sendable {
    /// The name does not resolve.
    case dns(String)
    case refused(String)
    case timeout(String)
    /// The certificate is not trusted, expired or another host's; no common version; our own certificate is unusable.
    case tls(String)
    /// More bytes of body or headers than ``TransferLimits`` allow.
    case tooLarge(String)
    case protocolError(String)
    /// The collector could not ask: out of descriptors, ports or memory. Says nothing about the host.
    case local(String)
    /// By ``TransferClient/cancel(ids:)``, ``TransferClient/cancel(lane:)`` or ``TransferClient/shutdown()``.
    case cancelled

    /// One line, safe to print.
    package var detail: String {
        switch self {
        case .dns(let detail), .refused(let detail), .timeout(let detail), .tls(let detail), .tooLarge(let detail),
            .protocolError(let detail), .local(let detail):
            detail
        case .cancelled: "cancelled"
        }
    }
}
