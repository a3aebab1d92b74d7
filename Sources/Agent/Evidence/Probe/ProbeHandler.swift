import NIOCore
import NIOHTTP1
import Shared

/// Gathers the answer to a probe, and keeps it below its limits.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<ProbeAnswer>
    private var answer: ProbeAnswer?

    init(promise: EventLoopPromise<ProbeAnswer>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let headerSHA = ProbeStatement.headers.lazy.compactMap { head.headers[$0].first }.first
            let answer = ProbeAnswer(status: Int(head.status.code), headerSHA: headerSHA)
            self.answer = answer
            // The body of anything but a success says nothing.
            if !(200...299).contains(answer.status) { promise.succeed(answer) }
        case .body(let part):
            let size = (answer?.body.count ?? 0) + part.readableBytes
            guard size <= ProbeClient.bodyLimit else {
                return promise.fail(
                    ProbeFailure(outcome: .tooLarge, why: "more than \(ProbeClient.bodyLimit / 1_024) KiB"))
            }
            answer?.body += part.readableBytesView
        case .end:
            guard let answer else { return }
            promise.succeed(answer)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Without effect where the answer was complete.
        promise.fail(ProbeFailure(outcome: .other, why: "it closed the connection before it had answered"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(ProbeClient.failure(error))
    }
}
