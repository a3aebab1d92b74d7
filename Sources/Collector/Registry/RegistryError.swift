import CollectorSupport
package import Shared

/// The reason that a request to a registry failed, or that its response cannot be used. One sentence with the remedy.
package enum RegistryError: ExitCoded, Hashable {
    /// The registry reported that the repository, tag or digest does not exist.
    case absent(String, Missing)
    /// The image exists and cannot be promoted or compared.
    case unusable(String, reason: String)
    /// The request contradicts the image.
    case contradiction(String)
    /// A file of credentials cannot be used.
    case credentialFile(String, reason: String)
    /// A credential helper failed.
    case helper(String, reason: String)
    /// There was no usable response, so nothing is known.
    case unavailable(String, reason: String)
    /// The registry requires credentials, or rejects the given ones.
    case denied(String, reason: String)
    /// The response does not belong to the request, so nothing is known.
    case untrustworthy(String, reason: String)
    /// The registry rejected a write.
    case refusedPut(String, reason: String)
    /// The registry does not allow the tag to be moved.
    case immutable(String, status: Int)
    /// The response to a write was lost, so the tag may or may not have moved.
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
        case .absent(let name, .repository): "\(name) does not exist: the registry does not have this repository"
        case .absent(let name, .tag): "\(name) does not exist: the repository does not have this tag"
        case .absent(let name, .digest): "\(name) does not exist: the repository does not have this digest"
        case .absent(let name, .blob):
            "\(name) is incomplete: the registry lacks the image's configuration; push the image again"
        case .unusable(let name, let reason), .untrustworthy(let name, let reason): "\(name) \(reason)"
        case .contradiction(let text): text
        case .credentialFile(let path, let reason):
            "cannot use the credentials in '\(Sanitizer.singleLine(path, limit: 200))': \(reason)"
        case .helper(let name, let reason): "no credentials from docker-credential-\(name): \(reason)"
        case .unavailable(let name, let reason): "could not read \(name): \(reason)"
        case .denied(let name, let reason): "no access to \(name): \(reason)"
        case .immutable(let name, let status):
            "could not write \(name): the tag is immutable (\(status)); exempt it from the repository's immutability rule, "
                + "unlock it, or promote to a tag that the rule does not cover"
        case .refusedPut(let name, let reason): "could not write \(name): \(reason)"
        case .uncertainPut(let name, let reason):
            "\(name) may or may not have been written (\(reason)): read the tag before writing again"
        }
    }
}
