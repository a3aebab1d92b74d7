import CollectorSupport
import Shared

/// A source of a kill switch's value.
package enum KillSwitchSource: Hashable, Sendable {
    case environment(name: String)
    case file(path: String)
    /// An `https` URL, or `http` on loopback.
    case url(String)
    /// An Actions variable.
    case variable(name: String, owner: VariableOwner, of: ForgeKind)

    /// The default source.
    package static let standard = KillSwitchSource.environment(name: "PROD_AUTO_DEPLOY_DISABLED")

    /// The default sources of a promotion to an environment: the default source, which blocks all of them, and the
    /// environment's own, for example `STAGING_AUTO_DEPLOY_DISABLED`.
    package static func standard(environment: String) -> [KillSwitchSource] {
        let name = environment.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        return [.standard, .environment(name: String(name) + "_AUTO_DEPLOY_DISABLED")]
    }

    /// - Throws: ``ParseError``, the second half of a sentence about the text.
    package init(parsing text: String) throws(ParseError) {
        if text.lowercased().hasPrefix("https://") || text.lowercased().hasPrefix("http://") {
            self = .url(try Self.url(text))
            return
        }
        guard let colon = text.firstIndex(of: ":") else { throw .unknownForm }
        let rest = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "env":
            guard !rest.isEmpty, !rest.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }) else {
                throw .noName
            }
            self = .environment(name: rest)
        case "file":
            guard !rest.isEmpty, !rest.utf8.contains(0) else { throw .noName }
            self = .file(path: rest)
        case "gitea-variable": self = .variable(name: try Self.name(rest), owner: .repository, of: .gitea)
        case "github-variable": self = .variable(name: try Self.name(rest), owner: .repository, of: .github)
        case "gitea-org-variable": self = .variable(name: try Self.name(rest), owner: .organisation, of: .gitea)
        case "github-org-variable": self = .variable(name: try Self.name(rest), owner: .organisation, of: .github)
        default: throw .unknownForm
        }
    }

    private static func url(_ text: String) throws(ParseError) -> String {
        guard let scheme = text.firstRange(of: "://") else { throw .unknownForm }
        do throws(HostAddress.ParseError) {
            _ = try HTTPAddress(parsing: text, scheme: scheme)
        } catch {
            throw error == .hasUser ? .hasUser : .badURL
        }
        guard !HostAddress.isInTheClear(text) else { throw .inTheClear }
        return text
    }

    private static func name(_ text: String) throws(ParseError) -> String {
        let bytes = text.utf8
        guard let first = bytes.first, !first.isASCIIDigit, bytes.count <= 255,
            bytes.allSatisfy({ HostAddress.isNameByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") })
        else { throw .noName }
        return text
    }

    /// The reason that a text is not a source.
    package enum ParseError: Error, Hashable, CustomStringConvertible {
        case unknownForm, noName, badURL, hasUser, inTheClear

        package var description: String {
            switch self {
            case .unknownForm:
                "is not a kill switch: expected env:NAME, file:PATH, https://…, gitea-variable:NAME or github-variable:NAME"
            case .noName: "has no valid name after the colon"
            case .badURL: "is not a valid URL"
            case .hasUser: "the URL of a kill switch contains a user or password (not shown here): remove it"
            case .inTheClear: "is plain http to another machine, which could be intercepted: use https"
            }
        }
    }
}

extension KillSwitchSource: CustomStringConvertible {
    /// The source for messages, without a URL's query, which may hold a secret.
    package var description: String {
        switch self {
        case .environment(let name): "env:\(Sanitizer.singleLine(name, limit: 80))"
        case .file(let path): "file:\(Sanitizer.singleLine(path, limit: 200))"
        case .url(let url): Sanitizer.singleLine(SafeLink.shown(url), limit: 200)
        case .variable(let name, let owner, let kind):
            "\(kind.rawValue)-\(owner == .repository ? "" : "org-")variable:\(name)"
        }
    }
}
