import CollectorSupport
import Shared

/// Where a forge's API is: the one place that its token is sent to.
package struct ForgeAddress: Hashable, Sendable {
    package let kind: ForgeKind
    /// Without a slash at its end, for example `https://git.example/api/v1`.
    package let api: String
    /// Where people look, for example `https://git.example`. Relative links in answers are relative to it.
    package let web: String
    /// Host and port of ``api``, in lower case.
    package let authority: String

    /// - Parameter text: the forge's address, or its API's: an `https` URL, `http` only on loopback, or a bare host name.
    package init(_ kind: ForgeKind, parsing text: String) throws(Defect) {
        let typed = text.trimmingSlashes
        let url = typed.contains("://") ? typed : "https://" + typed
        guard let scheme = url.firstRange(of: "://") else { throw .malformed("is no URL") }
        let parts: HTTPAddress
        do throws(HostAddress.ParseError) {
            parts = try HTTPAddress(parsing: url, scheme: scheme)
        } catch {
            throw .malformed(error.description)
        }
        guard !parts.path.contains("?") else { throw .malformed("has a query: take '?' and what follows out") }
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
            // Where GitHub is the service, its API has a host of its own (docs.github.com, "About the REST API").
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

    /// Whether it is asked without TLS; then on this machine.
    var isPlain: Bool { api.hasPrefix("http://") }

    /// Why a text is no forge's address; what follows its name in a sentence.
    package enum Defect: Error, Hashable, CustomStringConvertible {
        case malformed(String)
        case inTheClear

        package var description: String {
            switch self {
            case .malformed(let why): why
            case .inTheClear: "is plain http to another machine, which would show the token: use https"
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

/// Whose REST API is spoken.
package enum ForgeKind: String, CaseIterable, Sendable {
    /// Gitea, and Forgejo, which kept its API.
    case gitea
    /// GitHub and GitHub Enterprise Server.
    case github

    /// For people.
    package var name: String {
        switch self {
        case .gitea: "Gitea"
        case .github: "GitHub"
        }
    }
}

/// A repository on a forge: `owner/name`, held to what forges allow, so that nothing in it becomes another part of a URL.
package struct ForgeRepository: Hashable, Sendable, CustomStringConvertible {
    let owner: String
    package let name: String

    /// nil for what is no `owner/name`.
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
