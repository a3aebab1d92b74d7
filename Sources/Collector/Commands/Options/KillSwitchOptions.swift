import ArgumentParser
import CollectorSupport
import Gate
import Operations
import Shared
import Transfer
import Verdict

/// The switches that stop promotions.
struct KillSwitchOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--kill-switch", .values), .init("--kill-switch-ca"),
    ]

    @Option(
        help: ArgumentHelp(
            "A kill switch: env:NAME, file:PATH, https://…, gitea-variable:NAME, github-variable:NAME (or "
                + "…-org-variable:NAME). The switch is off if unset, empty, 0, false, no or off. Any other value, or one that "
                + "cannot be read, blocks the promotion. Repeatable. Default for promote and rollback: "
                + "\(KillSwitchSource.standard), and with --environment staging also env:STAGING_AUTO_DEPLOY_DISABLED.",
            valueName: "source"))
    var killSwitch: [String] = []

    @Option(
        name: .customLong("kill-switch-ca"),
        help: ArgumentHelp(
            "PEM bundle of the authorities that sign the certificate of a kill switch's URL.", valueName: "file"))
    var certificateAuthorities: String?

    func validate() throws {
        _ = try sources()
    }

    private static func standard(for service: DeployedService?) -> [KillSwitchSource] {
        guard let environment = service?.environment else { return [] }
        return environment.isStandard ? [.standard] : KillSwitchSource.standard(environment: environment.description)
    }

    /// Parsed here and not by the argument parser, which would repeat a password in its message.
    func sources() throws -> [KillSwitchSource] {
        try killSwitch.map { text in
            do throws(KillSwitchSource.ParseError) {
                return try KillSwitchSource(parsing: text)
            } catch {
                throw ValidationError(
                    error == .hasUser
                        ? error.description : "--kill-switch '\(Sanitizer.singleLine(text, limit: 100))' \(error)")
            }
        }
    }

    /// - Parameters:
    ///   - service: the service to promote; nil if nothing is promoted, so that only a named switch is read.
    ///   - forge: called only if a source is a variable of a forge.
    /// - Throws: ``UsageError`` if such a source belongs to another kind of forge.
    func killSwitch(
        promoting service: DeployedService?, environment: [String: String], web: WebClient,
        forge: () throws -> any Forge
    ) throws -> KillSwitch {
        if let certificateAuthorities {
            var certificates = CertificateFiles()
            try certificates.check(authorities: certificateAuthorities, name: "--kill-switch-ca")
        }
        let named = try sources()
        let sources = named.isEmpty ? Self.standard(for: service) : named
        var asked: (any Forge)?
        for case .variable(_, _, let kind) in sources {
            let forge = try asked ?? forge()
            guard forge.kind == kind else {
                throw UsageError("a --kill-switch is a variable of \(kind.name), but --forge is \(forge.kind.name)")
            }
            asked = forge
        }
        return KillSwitch(
            sources: sources, environment: environment, forge: asked, web: web,
            certificateAuthorities: certificateAuthorities, subject: service?.promoted)
    }
}
