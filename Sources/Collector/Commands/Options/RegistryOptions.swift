import ArgumentParser
import CollectorSupport
import Operations
import Registry
import Shared
import Transfer

/// Access to registries.
struct RegistryOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--registry-auth-file"), .init("--registry-ca"), .init("--plain-http", .switchOn),
        .init("--registry-timeout"),
    ]

    @Option(
        help: ArgumentHelp(
            "File with registry credentials, as docker login or skopeo login writes it. Default: REGISTRY_AUTH_FILE, "
                + "$XDG_RUNTIME_DIR/containers/auth.json, then Docker's config.json.", valueName: "path"))
    var registryAuthFile: String?

    @Option(
        name: .customLong("registry-ca"),
        help: ArgumentHelp("PEM bundle of the authorities that sign the registry's certificate.", valueName: "path"))
    var registryCA: String?

    @Flag(
        name: .customLong("plain-http"),
        help: "Use plain HTTP for registries. Not needed for a registry on loopback.")
    var plainHTTP = false

    @Option(
        help: ArgumentHelp(
            "Time limit for all registry requests before hosts are contacted (default: 1m).", valueName: "duration"),
        transform: ArgumentText.duration)
    var registryTimeout = Duration.seconds(60)

    func validate() throws {
        guard registryTimeout > .zero else {
            throw ValidationError("invalid --registry-timeout: expected a duration longer than zero")
        }
        guard !plainHTTP || registryCA == nil else {
            throw ValidationError("--plain-http and --registry-ca exclude each other: give one of them")
        }
    }

    func access(environment: [String: String]) throws -> RegistryAccess {
        if let registryCA {
            var certificates = CertificateFiles()
            try certificates.check(authorities: registryCA, name: "--registry-ca")
        }
        if let registryAuthFile { try BoundedFile.requireReadable(registryAuthFile, flag: "--registry-auth-file") }
        return RegistryAccess(
            certificateAuthorities: registryCA, usesPlainHTTP: plainHTTP,
            credentials: CredentialSources(flag: registryAuthFile, environment: environment))
    }

    /// A client whose deadline is ``registryTimeout`` from now.
    func client(web: WebClient, environment: [String: String]) throws -> RegistryClient {
        RegistryClient(
            web: web, access: try access(environment: environment), deadline: ContinuousClock.now + registryTimeout)
    }
}

/// The time that a registry has to show a change of a tag.
struct ReadbackOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--readback-timeout")]

    @Option(
        help: ArgumentHelp(
            "How long the registry may take to show an acknowledged change of the tag. A tag that shows the former build for "
                + "longer counts as moved back by another writer (default: 1m).", valueName: "duration"),
        transform: ArgumentText.duration)
    var readbackTimeout = Duration.seconds(60)

    func validate() throws {
        guard readbackTimeout > .zero else {
            throw ValidationError("invalid --readback-timeout: expected a duration longer than zero")
        }
    }
}

/// The naming scheme of candidate tags.
struct CandidateOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--candidate")]

    @Option(
        help: ArgumentHelp(
            "The pattern of the candidates' tags (default: \(CandidatePattern.standard)). {sha} stands for the commit.",
            valueName: "pattern"),
        transform: ArgumentText.candidate)
    var candidate = CandidatePattern.standard
}
