import Shared

/// What is wrong with the agent's tokens, certificates and keys: one line that names the file and the remedy, and never
/// what the file holds.
enum AccessError: Error, Hashable, CustomStringConvertible {
    case halfPair(missing: String)
    case authoritiesWithoutCertificate
    case namesWithoutAuthorities
    case clientName(String)
    /// Others than its owner can read it.
    case exposed(AccessFile)
    case unreadable(AccessFile, why: String)
    case unusable(AccessFile, why: String)

    /// The configuration's key that it is about, and of its texts the one; nil where any is.
    var subject: (key: String, text: String?) {
        switch self {
        case .halfPair(let missing):
            (missing == "--tls-key" ? "access.tls.certificate" : "access.tls.key", nil)
        case .authoritiesWithoutCertificate: ("access.tls.client_ca", nil)
        case .namesWithoutAuthorities: ("access.tls.client_names", nil)
        case .clientName(let name): ("access.tls.client_names", name)
        case .exposed(let file), .unreadable(let file, _), .unusable(let file, _): (file.kind.key, file.path)
        }
    }

    var description: String {
        switch self {
        case .halfPair(let missing): "a TLS certificate goes with its key: add \(missing)"
        case .authoritiesWithoutCertificate:
            "client certificates need TLS: add --tls-certificate and --tls-key to --tls-client-ca"
        case .namesWithoutAuthorities:
            "--tls-client-name needs an authority that vouches for names: add --tls-client-ca"
        case .clientName(let name):
            "--tls-client-name '\(Sanitizer.singleLine(name, limit: 80))' is no DNS name: write for example collector.internal"
        case .exposed(let file):
            "the \(file.kind.rawValue) '\(file.shown)' can be read by \(file.kind == .key ? "others" : "its group or others"): "
                + "chmod 600 it"
        case .unreadable(let file, let why):
            "the \(file.kind.rawValue) '\(file.shown)' cannot be read (\(why)): check the path and its permissions"
        case .unusable(let file, let why): "the \(file.kind.rawValue) '\(file.shown)' \(why)"
        }
    }
}
