import HTTPTypes
import Hummingbird

/// A cookie of this service. Scripts cannot read it, and browsers send it for requests of this site's own pages alone.
enum SessionCookie {
    /// The session of a browser that signed in.
    case session
    /// The random number that the form of a browser that signs in belongs to.
    case form

    /// - Parameter isSecure: true beyond loopback. The prefix keeps pages of neighbouring domains from setting it.
    func name(_ isSecure: Bool) -> String {
        (isSecure ? "__Host-" : "") + (self == .session ? "buildinfo_session" : "buildinfo_login")
    }

    /// - Parameter seconds: its life; nil for the browser's session, 0 to remove it.
    func header(_ value: String, isSecure: Bool, seconds: Int64? = nil) -> String {
        let age = seconds.map { "; Max-Age=\($0)" } ?? ""
        return "\(name(isSecure))=\(value); Path=/\(age); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }
}

extension AccessGate {
    /// Sets the cookie of a session.
    func set(_ session: Session, _ request: Request, _ listener: ListenerAccess, _ response: inout Response) {
        let left = min(Session.idle, session.begun + Session.longest - session.seen)
        response.headers.append(
            .init(
                name: .setCookie,
                value: SessionCookie.session.header(
                    sessions.cookie(session), isSecure: listener.isSecure(host: request.head.authority), seconds: left))
        )
    }

    /// Sets the cookie again if it is some time old, so that a session in use does not end as an idle one.
    func renew(_ session: Session, _ request: Request, _ listener: ListenerAccess, _ response: inout Response) {
        let now = Self.now
        guard now - session.seen >= Session.renewal else { return }
        var renewed = session
        renewed.seen = now
        set(renewed, request, listener, &response)
    }
}
