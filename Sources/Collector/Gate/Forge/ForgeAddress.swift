import CollectorSupport
import Shared

/// The address of a forge's API, the only one that its token is sent to.
package struct ForgeAddress: Hashable, Sendable {
    package let kind: ForgeKind
    /// The API's base URL without a trailing slash, for example `https://git.example/api/v1`.
    package let api: String
    /// The address for people, for example `https://git.example`. Base of relative links in answers.
    package let web: String
    /// Host and port of ``api``, in lower case.
    package let authority: String

    /// - Parameter text: the address of the forge or its API: an `https` URL, `http` only on loopback, or a host name.
    package init(_ kind: ForgeKind, parsing text: String) throws(ParseError) {
        let typed = text.trimmingSlashes
        let url = typed.contains("://") ? typed : "https://" + typed
        guard let scheme = url.firstRange(of: "://") else { throw .malformed("is not a valid URL") }
        let parts: HTTPAddress
        do throws(HostAddress.ParseError) {
            parts = try HTTPAddress(parsing: url, scheme: scheme)
        } catch {
            throw .malformed(error.description)
        }
        guard !parts.path.contains("?") else { throw .malformed("has a query: remove '?' and the rest") }
        let base = url[..<scheme.upperBound].lowercased() + parts.authority.lowercased()
        guard !HostAddress.isInTheClear(base) else { throw .inTheClear }
        self.kind = kind
        (api, web) = Self.places(kind, base: base, host: parts.authority.lowercased(), path: parts.path)
        authority = String(api[(api.firstRange(of: "://")?.upperBound ?? api.startIndex)...].prefix { $0 != "/" })
    }

    private static func places(
        _ kind: ForgeKind, base: String, host: String, path: String
    ) -> (api: String, web: String) {
        switch kind {
        case .gitea:
            let root = base + path.removing(suffix: "/api/v1")
            return (root + "/api/v1", root)
        case .github:
            // The API of github.com has its own host (docs.github.com, "About the REST API").
            if host == "github.com" || host == "api.github.com" {
                return ("https://api.github.com", "https://github.com")
            }
            if host.hasSuffix(".ghe.com") {
                let tenant = host.hasPrefix("api.") ? String(host.dropFirst(4)) : host
                return ("https://api.\(tenant)", "https://\(tenant)")
            }
            let root = base + path.removing(suffix: "/api/v3")
            return (root + "/api/v3", root)
        }
    }

    /// True without TLS, which is allowed only on loopback.
    var isPlain: Bool { api.hasPrefix("http://") }

    /// The reason that a text is not a forge's address. The description follows the option's name in a sentence.
    package enum ParseError: Error, Hashable, CustomStringConvertible {
        case malformed(String)
        case inTheClear

        package var description: String {
            switch self {
            case .malformed(let reason): reason
            case .inTheClear: "is plain http to another machine, which would expose the token: use https"
            }
        }
    }
}

extension String {
    fileprivate var trimmingSlashes: String {
        var rest = self[...]
        while rest.last == "/" { rest.removeLast() }
        return String(rest)
    }

    fileprivate func removing(suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}

/// The kind of a forge, by its REST API.
package enum ForgeKind: String, CaseIterable, Sendable {
    /// Gitea, and Forgejo, which kept its API.
    case gitea
    /// GitHub and GitHub Enterprise Server.
    case github

    /// The name for people.
    package var name: String {
        switch self {
        case .gitea: "Gitea"
        case .github: "GitHub"
        }
    }
}

/// A repository on a forge, `owner/name`. Limited to the characters that forges allow, so that it is safe in a URL.
package struct ForgeRepository: Hashable, Sendable, CustomStringConvertible {
    let owner: String
    package let name: String

    /// nil for text other than `owner/name`.
    package init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy(Self.isName) else { return nil }
        (owner, name) = (parts[0], parts[1])
    }

    package var description: String { "\(owner)/\(name)" }

    private static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy(HostAddress.isNameByte)
    }
}
