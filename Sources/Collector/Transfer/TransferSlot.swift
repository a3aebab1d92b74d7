import CCurl
import Glibc
import Shared

/// One easy handle and the response it is receiving. Reused: its options stay where the next request has the same, the rest
/// is wiped.
///
/// Belongs to the transfer thread.
final class TransferSlot {
    let easy: UnsafeMutableRawPointer
    let poller: SocketPoller
    private let budget: ConnectionBudget
    private let errorText: UnsafeMutablePointer<CChar>
    private var requestHeaders = RequestHeaders()
    /// The options that the handle has now; nil if it has none, or those of a request that changes others.
    private var settings: HandleSettings?
    private var answer = TransferAnswer()
    private var openError: Int32 = 0
    private var asksCertificate = false
    private var certificateEnd: String?

    private(set) var id: UInt64 = 0
    private(set) var lane = 0
    private(set) var startedAt = ContinuousClock.now
    /// The index among the loop's transfers in progress.
    var position = 0

    init?(poller: SocketPoller, budget: ConnectionBudget) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.poller = poller
        self.budget = budget
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    /// Frees the handle, which must not be in a multi handle. Must be the last call.
    func close() {
        curl_easy_cleanup(easy)
        requestHeaders.free()
        errorText.deallocate()
    }

    /// Prepares the handle for a request. Returns a failure if that is not possible.
    ///
    /// - Parameter keepsConnection: false to close the connection after the response.
    func prepare(_ request: TransferRequest, keepsConnection: Bool, trust: DefaultTrust) -> TransferFailure? {
        id = request.id
        lane = request.lane
        startedAt = .now
        asksCertificate = request.asksCertificate
        certificateEnd = nil
        if let failure = requestHeaders.replace(with: request) { return failure }
        var options = CurlOptions(easy: easy)
        let wanted = HandleSettings(request, forbidsReuse: !keepsConnection)
        if settings != wanted { apply(wanted, of: request, trust: trust, to: &options) }
        options.set(CURLOPT_URL, request.url)
        options.setTimeout(request.timeout)
        options.setHeaders(requestHeaders.list)
        guard options.result != CURLE_OK else {
            // The handle of another method is reset after its request.
            settings = request.method == .get ? wanted : nil
            return nil
        }
        settings = nil
        return failure(options.result)
    }

    /// Sets all options but the address, the time limit and the headers.
    private func apply(
        _ wanted: HandleSettings, of request: TransferRequest, trust: DefaultTrust, to options: inout CurlOptions
    ) {
        curl_easy_reset(easy)
        options.setFixed(limits: budget.limits)
        options.setMethod(request.method)
        if request.isFresh { options.setFresh() }
        if wanted.forbidsReuse { options.set(CURLOPT_FORBID_REUSE, 1) }
        options.setTrust(request.access, default: trust)
        options.setProxy(request.access)
        options.setContexts(
            slot: Unmanaged.passUnretained(self).toOpaque(),
            poller: Unmanaged.passUnretained(poller).toOpaque(),
            errorText: errorText
        )
    }

    /// The outcome of the transfer for libcurl's result.
    func outcome(_ code: CURLcode) -> Result<TransferResponse, TransferFailure> {
        if let failure = answer.failure { return .failure(failure) }
        guard code == CURLE_OK else { return .failure(failure(code)) }
        guard answer.isHeadComplete else { return .failure(.protocolError("the response ends within its headers")) }
        var status = 0
        buildinfo_curl_easy_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return .success(
            TransferResponse(
                status: status, headers: answer.headers, body: answer.body, certificateEnd: certificateEnd))
    }

    /// Erases the response, and the request's options and headers unless the next request may have the same.
    ///
    /// - Parameter isReusable: true if the next request may keep this one's options. A failed transfer leaves state behind,
    ///   such as the errno of its connection.
    func wipe(isReusable: Bool) {
        budget.arriving -= answer.body.count
        answer = TransferAnswer()
        if !isReusable || settings == nil {
            curl_easy_reset(easy)
            settings = nil
            requestHeaders.free()
        }
        errorText[0] = 0
        openError = 0
    }

    /// The slot that owns an easy handle.
    static func owner(of easy: UnsafeMutableRawPointer) -> TransferSlot? {
        var context: UnsafeMutableRawPointer?
        guard buildinfo_curl_easy_get_private(easy, &context) == CURLE_OK, let context else { return nil }
        return Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: From libcurl's callbacks

    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        if asksCertificate {
            asksCertificate = false
            readCertificate()
        }
        return answer.receiveHeader(line, limits: budget.limits)
    }

    /// libcurl gives access to the TLS session only during the transfer.
    private func readCertificate() {
        certificateEnd = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            guard let start = text.baseAddress,
                buildinfo_curl_easy_get_certificate_end(easy, start, text.count) != 0
            else { return nil }
            return String(cString: start)
        }
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        answer.receiveBody(bytes, budget: budget)
    }

    func open(_ address: curl_sockaddr) -> Int32 {
        let descriptor = poller.open(family: address.family, type: address.socktype, protocol: address.protocol)
        if descriptor < 0 { openError = errno }
        return descriptor
    }

    // MARK: -

    /// True for a failure that a lack of descriptors can cause, although it reads as if a name or a file were wrong.
    private static func needsFiles(_ code: CURLcode) -> Bool {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_OUT_OF_MEMORY,
            CURLE_FAILED_INIT:
            true
        default: false
        }
    }

    private func failure(_ code: CURLcode) -> TransferFailure {
        var systemError = 0
        var connected: curl_off_t = 0
        buildinfo_curl_easy_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
        buildinfo_curl_easy_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &connected)
        if openError != 0 { systemError = Int(openError) }
        if connected == 0, Self.needsFiles(code), let words = OpenFiles.shortage.flatMap(TransferWords.shortage) {
            return .local(words)
        }
        var detail = errorText[0] == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
        if code == CURLE_COULDNT_CONNECT, systemError != 0, let reason = strerror(Int32(clamping: systemError)) {
            detail += ": " + String(cString: reason)
        }
        return TransferFailure(
            code: code,
            systemError: Int32(clamping: systemError),
            requestWasSent: connected > 0,
            detail: Sanitizer.singleLine(detail, limit: 240)
        )
    }
}

/// The header lines of a handle's request. Kept while the next request has the same.
private struct RequestHeaders {
    private(set) var list: UnsafeMutablePointer<curl_slist>?
    private var headers: [(name: String, value: String)] = []
    private var token: String?

    /// Replaces the lines with those of a request, unless they are the same. Returns a failure if that is not possible.
    mutating func replace(with request: TransferRequest) -> TransferFailure? {
        if case .get = request.method, list != nil, token == request.access.bearerToken,
            headers.elementsEqual(request.headers, by: ==)
        {
            return nil
        }
        free()
        guard let lines = Self.lines(of: request) else {
            return .protocolError(
                "a request header contains a control character: check the token file and the header's name")
        }
        for line in lines {
            guard let longer = curl_slist_append(list, line) else { return .local("out of memory") }
            list = longer
        }
        headers = request.headers
        token = request.access.bearerToken
        return nil
    }

    /// Frees the lines, which no handle may use any more.
    mutating func free() {
        curl_slist_free_all(list)
        self = RequestHeaders()
    }

    /// The `Name: value` lines; nil if one would span several lines.
    private static func lines(of request: TransferRequest) -> [String]? {
        var lines: [String] = []
        lines.reserveCapacity(request.headers.count + 3)
        for (name, value) in request.headers {
            // libcurl omits a header with nothing after the colon; `;` sends it empty.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if let token = request.access.bearerToken { lines.append("Authorization: Bearer \(token)") }
        switch request.method {
        case .get, .head, .delete: break
        case .post(let body), .put(let body):
            // Without the second, a large body waits a second for a "100 Continue", which many servers never send.
            lines += ["Content-Type: \(body.mediaType)", "Expect:"]
        }
        let isPlain = lines.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        return isPlain ? lines : nil
    }
}

/// The options that requests of one kind share. Compared instead of set: setting all of them copies a dozen strings.
private struct HandleSettings: Equatable {
    /// Without the token, which is a header.
    private let access: RequestCredentials
    private let isGet: Bool
    private let isFresh: Bool
    let forbidsReuse: Bool

    init(_ request: TransferRequest, forbidsReuse: Bool) {
        var access = request.access
        access.bearerToken = nil
        self.access = access
        isGet = request.method == .get
        isFresh = request.isFresh
        self.forbidsReuse = forbidsReuse
    }
}

/// The received part of one response, within limits.
struct TransferAnswer {
    private(set) var headers = TransferHeaders()
    private(set) var body: [UInt8] = []
    /// The reason that the transfer was aborted.
    private(set) var failure: TransferFailure?
    /// True after the blank line that ends the headers. libcurl accepts truncated headers as complete.
    private(set) var isHeadComplete = false
    private var headerBytes = 0
    private var keptByWord = 0

    /// Takes one status line, header or trailer. Returns false to abort the transfer.
    mutating func receiveHeader(_ line: UnsafeRawBufferPointer, limits: TransferLimits) -> Bool {
        headerBytes += line.count
        guard headerBytes <= limits.headerBytes else {
            failure = .tooLarge("headers over \(limits.headerBytes) bytes")
            return false
        }
        if line.starts(with: "HTTP/".utf8) {
            // The status line of an interim (1xx) or the final response: earlier headers belong to another response.
            headers.removeAll()
            keptByWord = 0
            isHeadComplete = false
            return true
        }
        if line.count <= 2 {
            isHeadComplete = true
            return true
        }
        // Trailers are ignored.
        guard !isHeadComplete else { return true }
        guard let colon = line.firstIndex(of: 0x3A) else { return true }
        let name = line[..<colon]
        let known = limits.keptHeaders.first { Self.isSame(name, lowercased: $0) }
        guard let kept = known ?? byWord(name, limits: limits) else { return true }
        let value = Self.trimmed(line[(colon + 1)...])
        guard value.count <= limits.headerValueBytes else { return true }
        let text = String(decoding: value, as: UTF8.self)
        if known == nil || limits.listedHeaders.contains(kept) {
            headers.append(text, named: kept)
        } else {
            headers.keepFirst(text, named: kept)
        }
        return true
    }

    /// Takes a piece of the body. Returns false to abort the transfer.
    mutating func receiveBody(_ bytes: UnsafeRawBufferPointer, budget: ConnectionBudget) -> Bool {
        failure = budget.failure(atSize: body.count + bytes.count, addition: bytes.count)
        guard failure == nil else { return false }
        body.append(contentsOf: bytes)
        budget.arriving += bytes.count
        return true
    }

    /// The name in lower case if it contains the kept word; nil otherwise, and above the limit for such headers.
    private mutating func byWord(_ name: Slice<UnsafeRawBufferPointer>, limits: TransferLimits) -> String? {
        let length = limits.keptWord.utf8.count
        guard name.count >= length, name.count <= 64, keptByWord < limits.keptByWord else { return nil }
        // Most names have no place where the word could be, and become no text.
        let isKept = (name.startIndex...name.endIndex - length).contains {
            Self.isSame(name[$0..<$0 + length], lowercased: limits.keptWord)
        }
        guard isKept else { return nil }
        keptByWord += 1
        return String(decoding: name, as: UTF8.self).lowercased()
    }

    private static func isSame(_ name: Slice<UnsafeRawBufferPointer>, lowercased: String) -> Bool {
        let other = lowercased.utf8
        guard name.count == other.count else { return false }
        return zip(name, other).allSatisfy { byte, expected in
            (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == expected
        }
    }

    private static func trimmed(_ value: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        guard let first = value.firstIndex(where: { !isSpace($0) }), let last = value.lastIndex(where: { !isSpace($0) })
        else { return value[value.endIndex...] }
        return value[first...last]
    }
}
