import CCurl
import Glibc
import Testing

@testable import Transfer

@Suite struct TransferFailureTests {
    @Test(
        "A connection that could not be made is in the kernel's words alone, without libcurl's address and times",
        arguments: [
            ("Connection refused", "connection refused"), ("Connection reset by peer", "it reset the connection"),
            ("No route to host", "no route to host"), ("Host is down", "no connection (host is down)"),
        ])
    func unconnected(_ kernel: String, _ expected: String) {
        let detail = "Failed to connect to 127.1.6.167 port 9480 after 118 ms: Couldn't connect to server: \(kernel)"
        #expect(TransferWords.detail(CURLE_COULDNT_CONNECT, detail, requestWasSent: false) == expected)
    }

    @Test(
        "libcurl's codes map to the closed set",
        arguments: [
            (CURLE_COULDNT_RESOLVE_HOST, 0, "dns"),
            (CURLE_COULDNT_CONNECT, ECONNREFUSED, "refused"),
            (CURLE_COULDNT_CONNECT, EHOSTUNREACH, "refused"),
            (CURLE_COULDNT_CONNECT, ENETUNREACH, "refused"),
            (CURLE_COULDNT_CONNECT, EMFILE, "local"),
            (CURLE_COULDNT_CONNECT, EADDRNOTAVAIL, "local"),
            (CURLE_OPERATION_TIMEDOUT, 0, "timeout"),
            (CURLE_PEER_FAILED_VERIFICATION, 0, "tls"),
            (CURLE_SSL_CONNECT_ERROR, 0, "tls"),
            (CURLE_SSL_CACERT_BADFILE, 0, "tls"),
            (CURLE_SSL_CERTPROBLEM, 0, "tls"),
            (CURLE_FILESIZE_EXCEEDED, 0, "tooLarge"),
            (CURLE_OUT_OF_MEMORY, 0, "tooLarge"),
            (CURLE_PARTIAL_FILE, 0, "protocolError"),
            (CURLE_GOT_NOTHING, 0, "protocolError"),
            (CURLE_RECV_ERROR, ECONNRESET, "protocolError"),
            (CURLE_HTTP2, 0, "protocolError"),
            (CURLE_UNSUPPORTED_PROTOCOL, 0, "protocolError"),
            (CURLE_URL_MALFORMAT, 0, "protocolError"),
        ] as [(CURLcode, Int32, String)])
    func table(_ code: CURLcode, _ systemError: Int32, _ expected: String) {
        let failure = TransferFailure(code: code, systemError: systemError, requestWasSent: true, detail: "why")
        #expect(Result<TransferResponse, _>.failure(failure).kind == expected)
    }

    @Test(
        "A connection that this machine had no resources for says what it lacked",
        arguments: [
            (EADDRNOTAVAIL, "local port"), (EMFILE, "file descriptor"), (ENFILE, "open file"), (ENOBUFS, "memory"),
            (ENOMEM, "memory"),
        ])
    func shortage(_ systemError: Int32, _ part: String) {
        let failure = TransferFailure(
            code: CURLE_COULDNT_CONNECT, systemError: systemError, requestWasSent: false, detail: "Failed to connect")
        #expect(failure.detail.hasPrefix("not queried: the collector has no free \(part)"), "\(failure.detail)")
    }

    @Test("An alert in place of a response is a TLS failure")
    func alert() {
        let detail = "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0"
        let failure = TransferFailure(code: CURLE_RECV_ERROR, systemError: 0, requestWasSent: true, detail: detail)
        #expect(failure == .tls("it requires a client certificate"))
    }

    @Test("Running out of memory before a connection is a local failure")
    func outOfMemory() {
        let failure = TransferFailure(code: CURLE_OUT_OF_MEMORY, systemError: 0, requestWasSent: false, detail: "why")
        #expect(failure == .local("why"))
    }
}
