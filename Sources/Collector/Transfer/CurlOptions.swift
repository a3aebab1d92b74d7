import CCurl
import Shared

/// Sets the options of an easy handle and keeps the first failure: without all of its options a request must not be sent.
struct CurlOptions {
    let easy: UnsafeMutableRawPointer
    private(set) var result = CURLE_OK

    init(easy: UnsafeMutableRawPointer) {
        self.easy = easy
    }

    mutating func set(_ option: CURLoption, _ value: Int) {
        note(buildinfo_curl_easy_set_long(easy, option, value))
    }

    mutating func set(_ option: CURLoption, _ value: String?) {
        note(buildinfo_curl_easy_set_string(easy, option, value))
    }

    mutating func setHeaders(_ list: UnsafeMutablePointer<curl_slist>?) {
        note(buildinfo_curl_easy_set_headers(easy, list))
    }

    /// Sets the options that all requests share.
    mutating func setFixed(limits: TransferLimits) {
        // No signals for time limits, and no sigaction calls around each transfer; the thread blocks SIGPIPE.
        set(CURLOPT_NOSIGNAL, 1)
        // In 7.88 every finished transfer walks the whole cache, and literal addresses are in it.
        set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        // A name lookup that hangs in the system's resolver is left to its thread. Without this option, cancelling one would
        // block every other transfer.
        set(CURLOPT_QUICK_EXIT, 1)
        // A proxy's answer proves nothing about the host, so the environment must not add one.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_HTTP09_ALLOWED, 0)
        set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
        set(CURLOPT_HTTP_CONTENT_DECODING, 0)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        // Kept connections save more than sessions would, which libcurl keeps for each handle, not for each host. And each
        // handshake checks the certificate.
        set(CURLOPT_SSL_SESSIONID_CACHE, 0)
        set(CURLOPT_TCP_NODELAY, 1)
        set(CURLOPT_BUFFERSIZE, limits.receiveBytes)
        set(CURLOPT_USERAGENT, "buildinfo-collector/\(BuildinfoVersion.current)")
        // Ends a transfer early if the peer announces the size; the write callback enforces the limit otherwise.
        note(buildinfo_curl_easy_set_offset(easy, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(limits.bodyBytes)))
    }

    mutating func setMethod(_ method: TransferRequest.Method) {
        switch method {
        case .get: break
        case .head: set(CURLOPT_NOBODY, 1)
        case .delete: set(CURLOPT_CUSTOMREQUEST, "DELETE")
        case .post(let body): setBody(body)
        case .put(let body):
            setBody(body)
            set(CURLOPT_CUSTOMREQUEST, "PUT")
            // On a kept connection that turns out to be dead, libcurl repeats the request by itself. A write might then happen
            // twice.
            setFresh()
        }
    }

    mutating func setFresh() {
        set(CURLOPT_FRESH_CONNECT, 1)
    }

    private mutating func setBody(_ body: TransferRequest.Body) {
        // The size must be set first: it determines how many bytes are copied.
        note(buildinfo_curl_easy_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.bytes.count)))
        note(body.bytes.withUnsafeBytes { buildinfo_curl_easy_copy_body(easy, $0.baseAddress) })
    }

    /// Sets one limit for the whole request, connecting (300 s by default) included.
    mutating func setTimeout(_ timeout: Duration) {
        let parts = timeout.components
        let seconds = min(max(0, parts.seconds), 86_400)
        let milliseconds = max(
            1, seconds * 1_000 + (max(0, parts.attoseconds) + 999_999_999_999_999) / 1_000_000_000_000_000)
        set(CURLOPT_TIMEOUT_MS, Int(milliseconds))
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(milliseconds))
    }

    mutating func setTrust(_ access: RequestCredentials, default trust: DefaultTrust) {
        if let bundle = access.certificateAuthorities ?? trust.bundle {
            set(CURLOPT_CAINFO, bundle)
            // Otherwise the built-in directory would stay trusted, and libcurl would parse the bundle for every connection
            // instead of once.
            set(CURLOPT_CAPATH, nil)
        }
        // libcurl's default of a day would hide a renewed bundle from a watch.
        set(CURLOPT_CA_CACHE_TIMEOUT, 300)
        if let certificate = access.clientCertificate { set(CURLOPT_SSLCERT, certificate) }
        if let key = access.clientKey { set(CURLOPT_SSLKEY, key) }
    }

    /// Must follow ``setFixed(limits:)``, which turns proxies off.
    mutating func setProxy(_ access: RequestCredentials) {
        if access.usesProxy { set(CURLOPT_PROXY, nil) }
    }

    /// The contexts are unretained: the loop keeps slots and poller until the last handle is freed.
    mutating func setContexts(
        slot: UnsafeMutableRawPointer,
        poller: UnsafeMutableRawPointer,
        errorText: UnsafeMutablePointer<CChar>
    ) {
        setPointer(CURLOPT_PRIVATE, slot)
        setPointer(CURLOPT_ERRORBUFFER, errorText)
        setPointer(CURLOPT_WRITEDATA, slot)
        note(
            buildinfo_curl_easy_set_write_function(easy) { bytes, size, count, context in
                guard let context else { return 0 }
                let slot = Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
                let length = size * count
                return slot.receiveBody(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : 0
            })
        setPointer(CURLOPT_HEADERDATA, slot)
        note(
            buildinfo_curl_easy_set_header_function(easy) { bytes, size, count, context in
                guard let context else { return 0 }
                let slot = Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
                let length = size * count
                return slot.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : 0
            })
        setPointer(CURLOPT_OPENSOCKETDATA, slot)
        note(
            buildinfo_curl_easy_set_open_function(easy) { context, _, address in
                guard let context, let address else { return -1 }
                return Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue().open(address.pointee)
            })
        // A connection outlives the request that opened it, so the poller, which outlives both, closes its socket.
        setPointer(CURLOPT_CLOSESOCKETDATA, poller)
        note(
            buildinfo_curl_easy_set_close_function(easy) { context, descriptor in
                guard let context else { return -1 }
                return Unmanaged<SocketPoller>.fromOpaque(context).takeUnretainedValue().closeSocket(descriptor)
            })
    }

    private mutating func setPointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer) {
        note(buildinfo_curl_easy_set_pointer(easy, option, value))
    }

    private mutating func note(_ code: CURLcode) {
        if result == CURLE_OK { result = code }
    }
}

/// The system's certificate authorities, in the place compiled into libcurl.
struct DefaultTrust {
    /// A PEM bundle; nil if libcurl has only a directory, or uses the TLS library's default.
    private(set) var bundle: String?

    init() {
        guard let easy = curl_easy_init() else { return }
        defer { curl_easy_cleanup(easy) }
        var path: UnsafePointer<CChar>?
        guard buildinfo_curl_easy_get_certificates(easy, &path) == CURLE_OK, let path else { return }
        bundle = String(cString: path)
    }
}
