import Hummingbird
import NIOCore

/// What a request has besides its head and body.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The scopes of the request's token, or those without one. Set by ``AccessMiddleware``.
    var scopes: Set<ServiceConfiguration.Scope> = []

    /// Bodies are small: a verification's request has a few hundred bytes.
    var maxUploadSize: Int { 64 << 10 }

    /// The connection.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        coreContext = CoreRequestContextStorage(source: source)
    }
}
