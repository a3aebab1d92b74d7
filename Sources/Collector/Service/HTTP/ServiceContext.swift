import Hummingbird
import NIOCore

/// What a request has besides its head and body.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by ``AccessMiddleware``.
    var caller = Caller()
    /// The other end of the connection; nil for a unix socket.
    let peer: SocketAddress?

    /// Bodies are small: a verification's request has a few hundred bytes.
    var maxUploadSize: Int { 64 << 10 }

    /// The connection.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }
}
