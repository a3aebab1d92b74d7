import CollectorSupport
import Gate
import Shared

/// Where the forge is, from flags and the environment that runners set; and whether a token of the environment is its own.
struct ForgeSetting {
    let address: ForgeAddress

    init(flagKind: ForgeKind?, flagURL: String?, environment: [String: String]) throws(UsageError) {
        let set = EnvironmentReader(environment)
        let kind: ForgeKind
        if let flagKind {
            kind = flagKind
        } else if set.isGiteaActions || set["GITEA_HOST"] != nil {
            kind = .gitea
        } else if set["GITHUB_API_URL"] != nil || set["GITHUB_SERVER_URL"] != nil {
            kind = .github
        } else {
            throw UsageError("no forge is named: give --forge gitea or --forge github, and --forge-url")
        }
        let (name, text) = try Self.place(kind, flagURL: flagURL, set)
        address = try Self.address(kind, text, name: name)
        // On a runner of GitHub, GITHUB_SERVER_URL is no Gitea's.
        guard kind != .gitea || !["github.com", "api.github.com"].contains(address.authority) else {
            throw UsageError("\(name) is GitHub's and no Gitea's: give --forge-url, or set GITEA_HOST")
        }
    }

    private static func place(
        _ kind: ForgeKind, flagURL: String?, _ set: EnvironmentReader
    ) throws(UsageError) -> (name: String, text: String) {
        if let flagURL { return ("--forge-url", flagURL) }
        switch kind {
        case .gitea:
            if let host = set["GITEA_HOST"] { return ("GITEA_HOST", host) }
            if let server = set["GITHUB_SERVER_URL"] { return ("GITHUB_SERVER_URL", server) }
            throw UsageError("it is not said where Gitea is: give --forge-url, or set GITEA_HOST")
        case .github:
            // What a runner of Gitea says in these variables is Gitea's.
            guard !set.isGiteaActions else { return ("GitHub", "https://github.com") }
            if let api = set["GITHUB_API_URL"] { return ("GITHUB_API_URL", api) }
            return ("GITHUB_SERVER_URL", set["GITHUB_SERVER_URL"] ?? "https://github.com")
        }
    }

    private static func address(_ kind: ForgeKind, _ text: String, name: String) throws(UsageError) -> ForgeAddress {
        do throws(ForgeAddress.ParseError) {
            return try ForgeAddress(kind, parsing: text)
        } catch {
            // Not repeated: what looks like a password stands in it.
            throw UsageError("\(name) \(error)")
        }
    }

    /// The environment's token, where it was given for the host that is asked; nil where there is none.
    ///
    /// - Throws: where there is one that belongs to another host: it must not be sent, and to go on without would only
    ///   say that something is not found.
    func environmentToken(_ environment: [String: String]) throws(UsageError) -> String? {
        let set = EnvironmentReader(environment)
        let candidates: [(variable: String, home: String?)] =
            switch address.kind {
            case .gitea:
                [
                    ("GITEA_TOKEN", set["GITEA_HOST"] ?? (set.isGiteaActions ? set["GITHUB_SERVER_URL"] : nil)),
                    // Runners of Gitea call their own token so; elsewhere it is GitHub's.
                    ("GITHUB_TOKEN", set["GITHUB_SERVER_URL"] ?? (set.isGiteaActions ? nil : "https://github.com")),
                ]
            case .github:
                [
                    (
                        "GITHUB_TOKEN",
                        set["GITHUB_API_URL"] ?? set["GITHUB_SERVER_URL"]
                            ?? (set.isGiteaActions ? "https://gitea.invalid" : nil)
                    )
                ]
            }
        var foreign: String?
        for (variable, home) in candidates {
            guard let token = set[variable] else { continue }
            guard token.utf8.allSatisfy({ (33...126).contains($0) }) else {
                throw UsageError("\(variable) does not hold one token of printable ASCII")
            }
            if try isSameHost(home) { return token }
            foreign = foreign ?? variable
        }
        if let foreign {
            throw UsageError(
                "\(foreign) belongs to another host than \(address.authority), and is not sent there: give "
                    + "--forge-token-file")
        }
        return nil
    }

    /// A token without a home was set by hand, for what is asked.
    private func isSameHost(_ home: String?) throws(UsageError) -> Bool {
        guard let home else { return true }
        do throws(ForgeAddress.ParseError) {
            return try ForgeAddress(address.kind, parsing: home).authority == address.authority
        } catch {
            return false
        }
    }
}

/// Variables, of which an empty one counts as unset.
private struct EnvironmentReader {
    private let variables: [String: String]

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    var isGiteaActions: Bool { self["GITEA_ACTIONS"] == "true" }
}
