import ArgumentParser
import CollectorSupport
import Gate
import Shared
import Transfer

/// Which forge is asked, about which repository, and as whom.
struct ForgeOptions: ParsableArguments {
    @Option(help: "gitea or github. Default: what the environment says (GITEA_ACTIONS, GITEA_HOST, GITHUB_SERVER_URL).")
    var forge: ForgeKind?

    @Option(
        help: ArgumentHelp(
            "The forge's address. Default: $GITEA_HOST, or $GITHUB_API_URL or $GITHUB_SERVER_URL.", valueName: "url"))
    var forgeURL: String?

    @Option(
        help: ArgumentHelp(
            "File with the forge's token. Default: $GITEA_TOKEN or $GITHUB_TOKEN, where it is that forge's.",
            valueName: "file"))
    var forgeTokenFile: String?

    @Option(
        name: .customLong("forge-ca"),
        help: ArgumentHelp("PEM bundle of the authorities that sign the forge's certificate.", valueName: "file"))
    var forgeCA: String?

    @Option(help: ArgumentHelp("The repository. Default: $GITHUB_REPOSITORY.", valueName: "owner/name"))
    var repository: String?

    /// Whether no flag names one.
    var isUnset: Bool { forge == nil && forgeURL == nil && forgeTokenFile == nil && repository == nil }

    /// The forge that these and the environment name.
    ///
    /// - Parameter web: is used as long as the forge is, and closed by the caller.
    /// - Throws: ``UsageError`` that says what is missing.
    func forge(environment: [String: String], web: WebClient) throws -> any Forge {
        let setting = try ForgeSetting(flagKind: forge, flagURL: forgeURL, environment: environment)
        guard let text = repository ?? environment["GITHUB_REPOSITORY"], !text.isEmpty else {
            throw UsageError("no repository is named: give --repository owner/name, or set GITHUB_REPOSITORY")
        }
        guard let repository = ForgeRepository(parsing: text) else {
            throw UsageError("--repository '\(Sanitizer.singleLine(text, limit: 80))' is not owner/name")
        }
        if let forgeCA {
            var certificates = CertificateFiles()
            try certificates.check(authorities: forgeCA, name: "--forge-ca")
        }
        let token =
            try forgeTokenFile.map { try AccessFiles.token($0, flag: "--forge-token-file") }
            ?? setting.environmentToken(environment)
        let client = ForgeClient(
            address: setting.address, repository: repository, token: token, certificateAuthorities: forgeCA, web: web)
        switch setting.address.kind {
        case .gitea: return GiteaForge(client: client)
        case .github: return GitHubForge(client: client)
        }
    }
}
