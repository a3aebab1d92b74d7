import CollectorSupport
package import Shared

/// Why a registry did not tell, or what it told is of no use. One sentence each, with the remedy.
package enum RegistryError: ExitCoded, Hashable {
    /// The registry answered, as one that may be asked, that there is no such repository, tag or digest.
    case absent(String, Missing)
    /// The image is there, and is none that can be promoted or compared.
    case unusable(String, reason: String)
    /// What was asked for contradicts what the image is.
    case contradiction(String)
    /// A file of credentials cannot be used.
    case credentialFile(String, reason: String)
    /// A credential helper gave none.
    case helper(String, reason: String)
    /// Nobody answered usably, so that nothing is known.
    case unavailable(String, reason: String)
    /// The registry wants to know who asks, or does not let them.
    case denied(String, reason: String)
    /// What came is not what was asked for, so that nothing is known.
    case untrustworthy(String, reason: String)
    /// The registry did not take what was put.
    case refusedPut(String, reason: String)
    /// The registry keeps the tag at what it is, whoever asks.
    case immutable(String, status: Int)
    /// A tag was written, or was not: the answer was lost.
    case uncertainPut(String, reason: String)

    package enum Missing: String, Hashable, Sendable { case repository, tag, digest, blob }

    package var exitStatus: ExitStatus {
        switch self {
        case .absent, .unusable, .contradiction, .credentialFile, .immutable: .usage
        case .helper, .unavailable, .denied, .untrustworthy, .refusedPut, .uncertainPut: .unavailable
        }
    }

    package var description: String {
        switch self {
        case .absent(let name, .repository): "\(name) does not exist: the registry knows no such repository"
        case .absent(let name, .tag): "\(name) does not exist: the registry has no such tag in this repository"
        case .absent(let name, .digest): "\(name) does not exist: the registry has no such digest in this repository"
        case .absent(let name, .blob):
            "\(name) is not whole: the registry lacks the image's configuration, push the image again"
        case .unusable(let name, let reason), .untrustworthy(let name, let reason): "\(name) \(reason)"
        case .contradiction(let text): text
        case .credentialFile(let path, let reason):
            "credentials in '\(Sanitizer.singleLine(path, limit: 200))' cannot be used: \(reason)"
        case .helper(let name, let reason): "docker-credential-\(name) gave no credentials: \(reason)"
        case .unavailable(let name, let reason): "\(name) is not known: \(reason)"
        case .denied(let name, let reason): "\(name) is not known: \(reason)"
        case .immutable(let name, let status):
            "\(name) was not written: the registry keeps this tag immutable (\(status)): exempt the tag from the repository's "
                + "immutability rule or unlock it, or promote to a tag that the rule does not cover"
        case .refusedPut(let name, let reason): "\(name) was not written: \(reason)"
        case .uncertainPut(let name, let reason):
            "it is not known whether \(name) was written (\(reason)): read the tag before anything is written again"
        }
    }
}
