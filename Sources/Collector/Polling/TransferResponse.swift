/// A whole HTTP answer, whatever its status. Redirects are answers: they are not followed.
struct TransferResponse: Sendable, Hashable {
    var status: Int
    var headers: TransferHeaders
    /// As sent: no content coding was asked for, and none is undone.
    var body: [UInt8]
}
