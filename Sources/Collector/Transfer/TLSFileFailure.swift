import CCurl
import Glibc

/// The reason that libcurl cannot use a file of certificates or keys.
///
/// libcurl reads such files only when it connects. So it is given a listening socket of this process on loopback, and the
/// connection is closed once the files are loaded: nothing is sent.
package enum TLSFileFailure: Hashable, Sendable {
    /// The bundle of authorities cannot be read.
    case authorities
    /// The client's certificate or key cannot be read, or they do not belong together; with libcurl's reason.
    case clientCertificate(reason: String)

    /// nil if libcurl can load every file of the credentials, or could not try.
    package init?(loading credentials: RequestCredentials) {
        guard let listener = LoopbackListener(), let easy = curl_easy_init() else { return nil }
        defer { curl_easy_cleanup(easy) }
        var descriptor = listener.descriptor
        let (result, reason) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CURL_ERROR_SIZE)) { text in
            text.initialize(repeating: 0)
            return withUnsafeMutablePointer(to: &descriptor) { context in
                var options = CurlOptions(easy: easy)
                options.set(CURLOPT_NOSIGNAL, 1)
                options.set(CURLOPT_PROXY, "")
                options.set(CURLOPT_URL, "https://127.0.0.1:\(listener.port)/")
                options.set(CURLOPT_TIMEOUT_MS, 5_000)
                options.setTrust(credentials, default: DefaultTrust())
                // Called once certificate and key are loaded.
                let hangUp: buildinfo_curl_tls_function = { _, _, context in
                    guard let context else { return CURLE_ABORTED_BY_CALLBACK }
                    let accepted = accept(context.assumingMemoryBound(to: Int32.self).pointee, nil, nil)
                    if accepted >= 0 { close(accepted) }
                    return CURLE_OK
                }
                guard options.result == CURLE_OK,
                    buildinfo_curl_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, text.baseAddress) == CURLE_OK,
                    buildinfo_curl_easy_set_tls_function(easy, hangUp) == CURLE_OK,
                    buildinfo_curl_easy_set_pointer(easy, CURLOPT_SSL_CTX_DATA, context) == CURLE_OK
                else { return (CURLE_OK, "") }
                let result = curl_easy_perform(easy)
                return (result, text.baseAddress.map { String(cString: $0) } ?? "")
            }
        }
        // The connection fails in any case; only these two codes are about files.
        switch result {
        case CURLE_SSL_CACERT_BADFILE: self = .authorities
        case CURLE_SSL_CERTPROBLEM: self = .clientCertificate(reason: reason)
        default: return nil
        }
    }
}

/// A listening TCP socket on loopback, closed with its owner.
private final class LoopbackListener {
    let descriptor: Int32
    let port: UInt16

    init?() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                bind(descriptor, plain, length) == 0 && listen(descriptor, 4) == 0
                    && getsockname(descriptor, plain, &length) == 0
            }
        }
        guard isListening else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
