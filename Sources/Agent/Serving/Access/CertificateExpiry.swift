import FoundationEssentials
import NIOSSL

/// When certificates stop being valid.
struct CertificateExpiry: Hashable, Sendable {
    /// Whose, as in metrics.
    enum Owner: String, Sendable {
        case server
        case clientAuthorities = "client_ca"

        var name: String {
            switch self {
            case .server: "the server's certificate"
            case .clientAuthorities: "the client CA"
            }
        }
    }

    /// How long before the end somebody is to be told.
    static let notice = Duration.seconds(14 * 86_400)

    var owner: Owner
    /// Seconds since 1970 of the first of the certificates to expire.
    var seconds: Int64

    /// nil for no certificates.
    init?(_ owner: Owner, _ certificates: [NIOSSLCertificate]) {
        guard let first = certificates.map(\.notValidAfter).min() else { return nil }
        self.owner = owner
        seconds = Int64(first)
    }

    /// - Parameter now: milliseconds since 1970.
    func isExpired(_ now: Int64) -> Bool { seconds * 1_000 <= now }

    /// What is to be said of it; nil while it is valid for longer than ``notice``.
    func warning(_ now: Int64) -> String? {
        if isExpired(now) { return "\(owner.name) expired on \(date): renew it" }
        let left = seconds - now / 1_000
        guard left <= Self.notice.components.seconds else { return nil }
        let days = left / 86_400
        return "\(owner.name) expires on \(date), in \(days) \(days == 1 ? "day" : "days"): renew it"
    }

    /// For people, in UTC.
    var date: String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601.year().month().day())
    }
}
