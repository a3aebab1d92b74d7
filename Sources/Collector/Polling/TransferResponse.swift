/// A whole HTTP answer, whatever its status. Redirects are answers: they are not followed.
struct TransferResponse: Sendable, Hashable {
    var status: Int
    var headers: TransferHeaders
    /// As sent: no content coding was asked for, and none is undone.
    var body: [UInt8]
    /// When the peer's certificate ends, in libcurl's words; nil where that was not asked, or there was no handshake.
    var certificateEnd: String?
}
