import NIOCore
import NIOHTTP1

/// An engine's answer, whole and within its limit.
struct EngineResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer
}
