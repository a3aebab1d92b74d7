import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /api/v1/events`: server-sent events.
struct EventRoutes {
    let hub: EventHub

    /// The bytes that the kernel may hold for a client that does not read.
    private static let kernelBuffer: ChannelOptions.Types.SocketOption.Value = 64 << 10

    func stream(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let query = try Query(request, ["last_event_id"])
        let number = try Self.lastNumber(
            try query.one("last_event_id"), request.headers[named: "Last-Event-ID"])
        guard await hub.hasRoom else { throw Self.full }
        let body = ResponseBody { [hub, channel = context.channel] writer in
            // The kernel would otherwise hold megabytes.
            _ = channel.setOption(.socketOption(.so_sndbuf), value: Self.kernelBuffer)
            let client = await hub.add(after: number) { channel.close(promise: nil) }
            guard let client else { return try await writer.finish(nil) }
            defer { client.leave() }
            try await request.body.consumeWithCancellationOnInboundClose { _ in
                try await client.write(to: &writer)
            }
            try await writer.finish(nil)
        }
        var response = Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
        response.headers[.cacheControl] = "no-store, no-transform"
        // The stream's end is the connection's end.
        response.headers[.connection] = "close"
        response.headers[named: "X-Accel-Buffering"] = "no"
        return response
    }

    private static var full: Problem {
        Problem(
            .serviceUnavailable, "too many clients follow the events, or the service is stopping",
            remedy: "try again later",
            headers: [.retryAfter: "10"])
    }

    /// The number after which the stream goes on. A browser that reconnects repeats its address, so the header counts.
    private static func lastNumber(_ parameter: String?, _ header: String?) throws(Problem) -> UInt64? {
        guard let text = header.flatMap({ $0.isEmpty ? nil : $0 }) ?? parameter else { return nil }
        guard (1...19).contains(text.utf8.count), let number = UInt64(text) else {
            throw .invalid("Last-Event-ID", text, expected: "the id of an event, unchanged")
        }
        return number
    }
}
