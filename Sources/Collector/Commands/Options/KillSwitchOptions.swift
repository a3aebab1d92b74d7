import ArgumentParser
import CollectorSupport
import Gate
import Shared
import Transfer

/// What stops a promotion.
struct KillSwitchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What holds every promotion unless it is off: env:NAME, file:PATH, https://…, gitea-variable:NAME, "
                + "github-variable:NAME (or …-org-variable:NAME). Off is unset, empty, 0, false, no or off; what cannot "
                + "be read holds. Repeatable.", valueName: "source"))
    var killSwitch: [String] = []

    @Option(
        name: .customLong("kill-switch-ca"),
        help: ArgumentHelp("PEM bundle of the authorities for a kill switch's URL.", valueName: "file"))
    var certificateAuthorities: String?

    func validate() throws {
        _ = try sources()
    }

    /// Read here and not as it is parsed, since the parser would repeat a password in its message.
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
    ///   - standard: what is read where no source was named.
    ///   - forge: asked for only where a source is a forge's variable.
    /// - Throws: ``UsageError`` where such a source is another forge's.
    func killSwitch(
        standard: [KillSwitchSource] = [.standard], environment: [String: String], web: WebClient,
        forge: () throws -> any Forge
    ) throws -> KillSwitch {
        if let certificateAuthorities {
            var certificates = CertificateFiles()
            try certificates.check(authorities: certificateAuthorities, name: "--kill-switch-ca")
        }
        let named = try sources()
        let sources = named.isEmpty ? standard : named
        var asked: (any Forge)?
        for case .variable(_, _, let kind) in sources {
            let forge = try asked ?? forge()
            guard forge.kind == kind else {
                throw UsageError("a --kill-switch is a variable of \(kind.name), and --forge is \(forge.kind.name)")
            }
            asked = forge
        }
        return KillSwitch(
            sources: sources, environment: environment, forge: asked, web: web,
            certificateAuthorities: certificateAuthorities)
    }
}
