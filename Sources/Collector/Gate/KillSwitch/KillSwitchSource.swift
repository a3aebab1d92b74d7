import CollectorSupport
import Shared

/// Where a kill switch stands.
package enum KillSwitchSource: Hashable, Sendable {
    case environment(name: String)
    case file(path: String)
    /// `https`, or `http` on loopback.
    case url(String)
    /// A variable of Actions.
    case variable(name: String, owner: VariableOwner, of: ForgeKind)

    /// What is read where nothing was named.
    package static let standard = KillSwitchSource.environment(name: "PROD_AUTO_DEPLOY_DISABLED")

    /// - Throws: ``Defect``, the second half of a sentence about the text.
    package init(parsing text: String) throws(Defect) {
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

    private static func url(_ text: String) throws(Defect) -> String {
        guard let scheme = text.firstRange(of: "://") else { throw .unknownForm }
        do throws(HostAddress.ParseError) {
            _ = try HTTPAddress(parsing: text, scheme: scheme)
        } catch {
            throw error == .hasUser ? .hasUser : .badURL
        }
        guard !HostAddress.isInTheClear(text) else { throw .inTheClear }
        return text
    }

    private static func name(_ text: String) throws(Defect) -> String {
        let bytes = text.utf8
        guard let first = bytes.first, !(48...57).contains(first), bytes.count <= 255,
            bytes.allSatisfy({ HostAddress.isNameByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") })
        else { throw .noName }
        return text
    }

    /// Why a text names no source.
    package enum Defect: Error, Hashable, CustomStringConvertible {
        case unknownForm, noName, badURL, hasUser, inTheClear

        package var description: String {
            switch self {
            case .unknownForm:
                "is no kill switch: write env:NAME, file:PATH, https://…, gitea-variable:NAME or github-variable:NAME"
            case .noName: "names nothing that can be read: check what stands behind the colon"
            case .badURL: "is no URL that can be asked"
            case .hasUser: "an address of a kill switch holds a user or password (not shown here): take it out"
            case .inTheClear: "is plain http to another machine, where anybody may answer: use https"
            }
        }
    }
}

extension KillSwitchSource: CustomStringConvertible {
    /// For sentences: without a URL's query, which may hold a secret.
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
