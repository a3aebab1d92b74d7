import ArgumentParser
import CollectorSupport
import Gate
import Operations
import Shared
import Transfer

/// The forge, its repository, and the credentials for it.
struct ForgeOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--forge"), .init("--forge-url"), .init("--forge-token-file"), .init("--forge-ca"), .init("--repository"),
    ]

    @Option(help: "gitea or github. Default: derived from $GITEA_ACTIONS, $GITEA_HOST or $GITHUB_SERVER_URL.")
    var forge: ForgeKind?

    @Option(
        help: ArgumentHelp(
            "The forge's address. Default: $GITEA_HOST, or $GITHUB_API_URL or $GITHUB_SERVER_URL.", valueName: "url"))
    var forgeURL: String?

    @Option(
        help: ArgumentHelp(
            "File with the forge's token. Default: $GITEA_TOKEN or $GITHUB_TOKEN, if it belongs to this forge.",
            valueName: "file"))
    var forgeTokenFile: String?

    @Option(
        name: .customLong("forge-ca"),
        help: ArgumentHelp("PEM bundle of the authorities that sign the forge's certificate.", valueName: "file"))
    var forgeCA: String?

    @Option(help: ArgumentHelp("The repository. Default: $GITHUB_REPOSITORY.", valueName: "owner/name"))
    var repository: String?

    /// True if no option names a forge.
    var isUnset: Bool { forge == nil && forgeURL == nil && forgeTokenFile == nil && repository == nil }

    /// The forge that the options and the environment name.
    ///
    /// - Parameter web: outlives the forge, and is closed by the caller.
    /// - Throws: ``UsageError`` that names the missing option.
    func forge(environment: [String: String], web: WebClient) throws -> any Forge {
        let setting = try ForgeSetting(flagKind: forge, flagURL: forgeURL, environment: environment)
        guard let text = repository ?? environment["GITHUB_REPOSITORY"], !text.isEmpty else {
            throw UsageError("no repository named: give --repository owner/name, or set GITHUB_REPOSITORY")
        }
        guard let repository = ForgeRepository(parsing: text) else {
            throw UsageError("invalid --repository '\(Sanitizer.singleLine(text, limit: 80))': expected owner/name")
        }
        if let forgeCA {
            var certificates = CertificateFiles()
            try certificates.check(authorities: forgeCA, name: "--forge-ca")
        }
        let token =
            try forgeTokenFile.map { try CredentialFiles.token($0, flag: "--forge-token-file") }
            ?? setting.environmentToken(environment)
        let client = ForgeClient(
            address: setting.address, repository: repository, token: token, certificateAuthorities: forgeCA, web: web)
        switch setting.address.kind {
        case .gitea: return GiteaForge(client: client)
        case .github: return GitHubForge(client: client)
        }
    }
}

/// The branch that is promoted from, and the rule for what supersedes a commit on it.
struct BranchOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--branch"), .init("--superseded-by")]

    @Option(
        help: ArgumentHelp(
            "The branch that must contain the commit. Default: $GITHUB_REF_NAME.", valueName: "name"))
    var branch: String?

    @Option(
        help: ArgumentHelp(
            "The commits on the branch that supersede this one: candidate, newer commits with a candidate in the registry; "
                + "or head, any newer commit."))
    var supersededBy = SupersedingRule.candidate

    /// The branch; nil if none is named. GITHUB_REF_NAME may also be the name of a tag.
    func branch(environment: [String: String]) -> String? {
        if let branch { return branch.isEmpty ? nil : branch }
        guard environment["GITHUB_REF_TYPE", default: "branch"] == "branch" else { return nil }
        return environment["GITHUB_REF_NAME"].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The forge's address, from options and the variables that runners set, and the token that belongs to it.
struct ForgeSetting {
    let address: ForgeAddress

    init(flagKind: ForgeKind?, flagURL: String?, environment: [String: String]) throws(UsageError) {
        let variables = RunnerEnvironment(environment)
        let kind: ForgeKind
        if let flagKind {
            kind = flagKind
        } else if variables.isGiteaActions || variables["GITEA_HOST"] != nil {
            kind = .gitea
        } else if variables["GITHUB_API_URL"] != nil || variables["GITHUB_SERVER_URL"] != nil {
            kind = .github
        } else {
            throw UsageError("no forge named: give --forge gitea or --forge github, and --forge-url")
        }
        let (name, text) = try Self.place(kind, flagURL: flagURL, variables)
        address = try Self.address(kind, text, name: name)
        // On a GitHub runner, GITHUB_SERVER_URL is GitHub's.
        guard kind != .gitea || !["github.com", "api.github.com"].contains(address.authority) else {
            throw UsageError("\(name) names GitHub, not a Gitea: give --forge-url, or set GITEA_HOST")
        }
    }

    private static func place(
        _ kind: ForgeKind, flagURL: String?, _ variables: RunnerEnvironment
    ) throws(UsageError) -> (name: String, text: String) {
        if let flagURL { return ("--forge-url", flagURL) }
        switch kind {
        case .gitea:
            if let host = variables["GITEA_HOST"] { return ("GITEA_HOST", host) }
            if let server = variables["GITHUB_SERVER_URL"] { return ("GITHUB_SERVER_URL", server) }
            throw UsageError("no address for Gitea: give --forge-url, or set GITEA_HOST")
        case .github:
            // On a Gitea runner, these variables hold Gitea's addresses.
            guard !variables.isGiteaActions else { return ("GitHub", "https://github.com") }
            if let api = variables["GITHUB_API_URL"] { return ("GITHUB_API_URL", api) }
            return ("GITHUB_SERVER_URL", variables["GITHUB_SERVER_URL"] ?? "https://github.com")
        }
    }

    private static func address(_ kind: ForgeKind, _ text: String, name: String) throws(UsageError) -> ForgeAddress {
        do {
            return try ForgeAddress(kind, parsing: text)
        } catch {
            // The text is not repeated: it may hold a password.
            throw UsageError("\(name) \(error)")
        }
    }

    /// The environment's token for this forge's host; nil without one.
    ///
    /// - Throws: for a token of another host. It must not be sent, and without a token the forge would only answer that
    ///   the repository is not found.
    func environmentToken(_ environment: [String: String]) throws(UsageError) -> String? {
        let variables = RunnerEnvironment(environment)
        let candidates: [(variable: String, home: String?)] =
            switch address.kind {
            case .gitea:
                [
                    (
                        "GITEA_TOKEN",
                        variables["GITEA_HOST"] ?? (variables.isGiteaActions ? variables["GITHUB_SERVER_URL"] : nil)
                    ),
                    // Gitea runners use this name for their own token; elsewhere it is GitHub's.
                    (
                        "GITHUB_TOKEN",
                        variables["GITHUB_SERVER_URL"] ?? (variables.isGiteaActions ? nil : "https://github.com")
                    ),
                ]
            case .github:
                [
                    (
                        "GITHUB_TOKEN",
                        variables["GITHUB_API_URL"] ?? variables["GITHUB_SERVER_URL"]
                            ?? (variables.isGiteaActions ? "https://gitea.invalid" : nil)
                    )
                ]
            }
        var foreign: String?
        for (variable, home) in candidates {
            guard let token = variables[variable] else { continue }
            guard token.isVisibleASCII else {
                throw UsageError("\(variable) does not hold one token of printable ASCII")
            }
            if isSameHost(home) { return token }
            foreign = foreign ?? variable
        }
        if let foreign {
            throw UsageError(
                "\(foreign) belongs to another host than \(address.authority), and is not sent there: give "
                    + "--forge-token-file")
        }
        return nil
    }

    /// True if a token from `home` belongs to this forge. A token without a home was set by hand, for this forge.
    private func isSameHost(_ home: String?) -> Bool {
        guard let home else { return true }
        do {
            return try ForgeAddress(address.kind, parsing: home).authority == address.authority
        } catch {
            return false
        }
    }
}

/// The runner's variables; an empty one counts as unset.
private struct RunnerEnvironment {
    private let variables: [String: String]

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    var isGiteaActions: Bool { self["GITEA_ACTIONS"] == "true" }
}
