/// A whole HTTP answer, whatever its status. Redirects are answers: they are not followed.
package struct TransferResponse: Sendable, Hashable {
    package var status: Int
    package var headers: TransferHeaders
    /// As sent: no content coding was asked for, and none is undone.
    package var body: [UInt8]
    /// When the peer's certificate ends, in libcurl's words; nil where that was not asked, or there was no handshake.
    package var certificateEnd: String?

    package init(status: Int, headers: TransferHeaders, body: [UInt8], certificateEnd: String? = nil) {
        self.status = status
        self.headers = headers
        self.body = body
        self.certificateEnd = certificateEnd
    }
}
