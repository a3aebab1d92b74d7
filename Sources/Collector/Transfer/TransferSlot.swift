import CCurl
import Glibc
import Shared

/// One easy handle and what its transfer has received; used again and again, wiped in between.
///
/// Belongs to the engine's thread.
final class TransferSlot {
    let easy: UnsafeMutableRawPointer
    let poller: SocketPoller
    private let budget: ConnectionBudget
    private let errorText: UnsafeMutablePointer<CChar>
    private var requestHeaders: UnsafeMutablePointer<curl_slist>?
    private var answer = TransferAnswer()
    private var openError: Int32 = 0

    private(set) var id: UInt64 = 0
    private(set) var lane = 0
    private(set) var startedAt = ContinuousClock.now
    /// Where the loop keeps it among the transfers under way.
    var position = 0

    init?(poller: SocketPoller, budget: ConnectionBudget) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.poller = poller
        self.budget = budget
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    /// Frees the handle, which must be in no multi handle. Nothing may be called after.
    func close() {
        curl_easy_cleanup(easy)
        curl_slist_free_all(requestHeaders)
        errorText.deallocate()
    }

    /// Makes the handle ready for a request; what stands in the way otherwise.
    func prepare(_ request: TransferRequest, trust: DefaultTrust) -> TransferFailure? {
        id = request.id
        lane = request.lane
        startedAt = .now
        guard let lines = Self.headerLines(of: request) else {
            return .protocolError(
                "a request header holds a control character: check the token file and the header's name")
        }
        for line in lines {
            guard let longer = curl_slist_append(requestHeaders, line) else { return .local("out of memory") }
            requestHeaders = longer
        }
        var options = CurlOptions(easy: easy)
        options.setFixed(limits: budget.limits)
        options.set(CURLOPT_URL, request.url)
        options.setMethod(request.method)
        if request.isFresh { options.setFresh() }
        options.setTimeout(request.timeout)
        options.setTrust(request.access, default: trust)
        options.setProxy(request.access)
        options.setContexts(
            slot: Unmanaged.passUnretained(self).toOpaque(),
            poller: Unmanaged.passUnretained(poller).toOpaque(),
            errorText: errorText
        )
        options.setHeaders(requestHeaders)
        if request.asksCertificate { options.set(CURLOPT_CERTINFO, 1) }
        guard options.result != CURLE_OK else { return nil }
        return failure(options.result)
    }

    /// How the transfer ended, by libcurl's verdict.
    func outcome(_ code: CURLcode) -> Result<TransferResponse, TransferFailure> {
        if let objection = answer.objection { return .failure(objection) }
        guard code == CURLE_OK else { return .failure(failure(code)) }
        guard answer.isHeadComplete else { return .failure(.protocolError("the answer ends within its headers")) }
        var status = 0
        buildinfo_curl_easy_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return .success(
            TransferResponse(
                status: status, headers: answer.headers, body: answer.body, certificateEnd: certificateEnd))
    }

    /// Of the peer's own certificate, which is the first of its chain.
    private var certificateEnd: String? {
        var chain: UnsafeMutablePointer<curl_certinfo>?
        guard buildinfo_curl_easy_get_peer_certificates(easy, &chain) == CURLE_OK, let chain,
            chain.pointee.num_of_certs > 0
        else { return nil }
        var line = chain.pointee.certinfo?[0]
        // Certificates that were asked for are a few lines; a peer that sends thousands is not read to its end.
        for _ in 0..<64 {
            guard let entry = line else { return nil }
            if let data = entry.pointee.data {
                let text = String(cString: data)
                if text.hasPrefix("Expire date:") { return Sanitizer.singleLine(String(text.dropFirst(12)), limit: 64) }
            }
            line = entry.pointee.next
        }
        return nil
    }

    /// Forgets the request and its answer, the token before all.
    func wipe() {
        budget.arriving -= answer.body.count
        answer = TransferAnswer()
        curl_easy_reset(easy)
        curl_slist_free_all(requestHeaders)
        requestHeaders = nil
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
        answer.receiveHeader(line, limits: budget.limits)
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

    private func failure(_ code: CURLcode) -> TransferFailure {
        var systemError = 0
        var connected: curl_off_t = 0
        buildinfo_curl_easy_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
        buildinfo_curl_easy_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &connected)
        if openError != 0 { systemError = Int(openError) }
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

    /// `Name: value` lines, or nil where one would not stay on its line.
    private static func headerLines(of request: TransferRequest) -> [String]? {
        var lines: [String] = []
        lines.reserveCapacity(request.headers.count + 3)
        for (name, value) in request.headers {
            // A name with nothing after the colon would make libcurl leave the header out; `;` sends it empty.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if let token = request.access.bearerToken { lines.append("Authorization: Bearer \(token)") }
        switch request.method {
        case .get, .head: break
        case .post(let body), .put(let body):
            // Without the second, a large body waits a second for a "100 Continue" that many servers never send.
            lines += ["Content-Type: \(body.mediaType)", "Expect:"]
        }
        let isPlain = lines.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        return isPlain ? lines : nil
    }
}
