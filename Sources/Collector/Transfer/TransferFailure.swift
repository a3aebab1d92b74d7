import CCurl
import Glibc

/// The reason that a request got no HTTP response, with one printable line from libcurl or the kernel.
///
/// ``refused(_:)`` is an immediate rejection: a closed port, no route, or an unreachable host or network; a longer timeout
/// would not help. ``timeout(_:)`` is silence, during the name lookup too. A connection that was accepted and then broken
/// off (reset, closed early, no HTTP) is ``protocolError(_:)``: the host did answer.
package enum TransferFailure: Error, Hashable, Sendable {
    /// The name does not resolve.
    case dns(String)
    case refused(String)
    case timeout(String)
    /// The certificate is not trusted, expired or issued for another host; the TLS versions do not overlap; or the client's
    /// own certificate cannot be used.
    case tls(String)
    /// The body or the headers exceed ``TransferLimits``.
    case tooLarge(String)
    case protocolError(String)
    /// The collector could not send the request: it is out of descriptors, ports or memory. Not evidence about the host.
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

extension TransferFailure {
    /// Classifies the end of a transfer.
    ///
    /// - Parameters:
    ///   - code: libcurl's result, other than `CURLE_OK`.
    ///   - systemError: `CURLINFO_OS_ERRNO`, the errno of the last failed connect or socket.
    ///   - requestWasSent: true if a connection was made, so that the response failed.
    ///   - detail: libcurl's text, on one printable line. People get other words: see ``TransferWords``.
    init(code: CURLcode, systemError: Int32, requestWasSent: Bool, detail: String) {
        let words = TransferWords.detail(code, detail, requestWasSent: requestWasSent)
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self = .dns(words)
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
            self = TransferWords.shortage(systemError).map(TransferFailure.local) ?? .refused(words)
        case CURLE_OPERATION_TIMEDOUT:
            self = .timeout(words)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            self = .tls(words)
        case CURLE_RECV_ERROR where detail.contains("alert"), CURLE_SEND_ERROR where detail.contains("alert"):
            // In TLS 1.3 a server may reject a client's certificate, or a missing one, after the client has finished its
            // handshake (RFC 8446, section 4.4.2.4): the alert arrives in place of the response. Only TLS has alerts.
            self = .tls(words)
        case CURLE_FILESIZE_EXCEEDED:
            self = .tooLarge(detail)
        case CURLE_OUT_OF_MEMORY:
            // libcurl also reports this when a single header line exceeds its own limit of 100 KiB (dynbuf.h, headers.c).
            // After a connection it means that: Linux kills a process that is out of memory instead of reporting it.
            self = requestWasSent ? .tooLarge("header line over 100 KiB") : .local(detail)
        case CURLE_FAILED_INIT, CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION, CURLE_BAD_FUNCTION_ARGUMENT:
            self = .local(detail)
        default:
            // An invalid URL, a reset, an empty reply, an early end, a broken chunk, HTTP/0.9, HTTP/2 errors, and all codes
            // of protocols that are not allowed here.
            self = .protocolError(words)
        }
    }
}
