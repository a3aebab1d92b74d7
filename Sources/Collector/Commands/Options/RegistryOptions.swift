import ArgumentParser
import CollectorSupport
import Registry
import Shared
import Transfer

/// How registries are reached.
struct RegistryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File of registry credentials, as docker login or skopeo login write it. Before REGISTRY_AUTH_FILE, "
                + "$XDG_RUNTIME_DIR/containers/auth.json and Docker's config.json.", valueName: "path"))
    var registryAuthFile: String?

    @Option(
        name: .customLong("registry-ca"),
        help: ArgumentHelp("PEM bundle of the authorities that sign the registry's certificate.", valueName: "path"))
    var registryCA: String?

    @Flag(
        name: .customLong("plain-http"),
        help: "Ask registries in the clear. A registry on this machine that wants no TLS needs no flag.")
    var plainHTTP = false

    @Option(
        help: ArgumentHelp(
            "Everything that is asked of registries before hosts are (default: 1m).", valueName: "duration"),
        transform: ArgumentText.duration)
    var registryTimeout = Duration.seconds(60)

    func validate() throws {
        guard registryTimeout > .zero else { throw ValidationError("--registry-timeout must be longer than zero") }
        guard !plainHTTP || registryCA == nil else {
            throw ValidationError("--plain-http and --registry-ca contradict each other: give one of them")
        }
    }

    func access(environment: [String: String]) throws -> RegistryAccess {
        if let registryCA {
            var certificates = CertificateFiles()
            try certificates.check(authorities: registryCA, name: "--registry-ca")
        }
        if let registryAuthFile { try LocalFile.check(registryAuthFile, flag: "--registry-auth-file") }
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
