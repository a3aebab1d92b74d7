import CCurl
import Glibc

extension TransferFailure {
    /// What a transfer's end means.
    ///
    /// - Parameters:
    ///   - code: libcurl's verdict, not `CURLE_OK`.
    ///   - systemError: `CURLINFO_OS_ERRNO`, the errno of the last failed connect or socket.
    ///   - requestWasSent: whether a connection was made, so that what failed is the answer.
    ///   - detail: one printable line.
    init(code: CURLcode, systemError: Int32, requestWasSent: Bool, detail: String) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self = .dns(detail)
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
            self = Self.isLocal(systemError) ? .local(detail) : .refused(detail)
        case CURLE_OPERATION_TIMEDOUT:
            self = .timeout(detail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            self = .tls(detail)
        case CURLE_RECV_ERROR where detail.contains("alert"), CURLE_SEND_ERROR where detail.contains("alert"):
            // TLS 1.3 lets a server refuse a client's certificate, or its absence, after the client's handshake is over
            // (RFC 8446, section 4.4.2.4); the alert comes where the answer should. Only TLS has alerts.
            self = .tls(detail)
        case CURLE_FILESIZE_EXCEEDED:
            self = .tooLarge(detail)
        case CURLE_OUT_OF_MEMORY:
            // libcurl says so, too, when a single header line passes its own 100 KiB (dynbuf.h, headers.c). Once there
            // is a connection, that is what it means: memory that ran out on Linux kills, and reports nothing.
            self = requestWasSent ? .tooLarge("header line over 100 KiB") : .local(detail)
        case CURLE_FAILED_INIT, CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION, CURLE_BAD_FUNCTION_ARGUMENT:
            self = .local(detail)
        default:
            // Malformed or foreign URL, reset, empty reply, early end, broken chunk, HTTP/0.9, HTTP/2 errors, and
            // every code of protocols that are not allowed here.
            self = .protocolError(detail)
        }
    }

    /// Whether this machine ran out of something, so that the host was never asked.
    private static func isLocal(_ systemError: Int32) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(systemError)
    }
}
