import CollectorSupport
import FoundationEssentials
import HummingbirdTLS
import Inventory
import NIOSSL
import Operations
import Registry
import Shared
import Transfer
import Verdict

/// A configuration with everything that it names, read and checked.
package struct ServiceSetup: Sendable {
    /// A fleet with its first inventory.
    struct Fleet: Sendable {
        let standing: StandingFleet
        let inventory: Inventory
        let access: HostCredentials
        /// Changes with the configuration of the fleet.
        let configured: ServiceConfiguration.Fleet
    }

    let configuration: ServiceConfiguration
    let access: AccessControl
    let tls: TLSConfiguration?
    let fleets: [Fleet]
    let hooks: [Hook]

    /// Reads the files and inventories that a configuration names.
    ///
    /// - Parameter environment: names registry credentials, as for `status --image`.
    /// - Throws: ``ConfigurationError`` with every mistake.
    package init(
        _ configuration: ServiceConfiguration, environment: [String: String]
    ) async throws(ConfigurationError) {
        var problems: [String] = []
        var access = AccessControl(
            allowsAnonymous: configuration.allowsAnonymous, publicHost: configuration.publicHost)
        for file in configuration.tokens {
            let tokens = Self.content(of: file.path, "token file", &problems) { try BearerTokens(parsing: $0) }
            guard let tokens else { continue }
            let name = file.path.value.split(separator: "/").last.map(String.init) ?? file.path.value
            access.grants.append(.init(name: name, tokens: tokens, scopes: file.scopes))
        }
        for identity in configuration.identities {
            if let authorities = identity.authorities {
                var check = CertificateFiles()
                do {
                    try check.check(authorities: authorities.value, name: "\(authorities.place): access.oidc.ca")
                } catch {
                    problems.append("\(error)")
                }
            }
            access.identities.append(
                IdentityRule(
                    issuer: identity.issuer.value, audiences: Set(identity.audiences), claims: identity.claims,
                    scopes: identity.scopes, authorities: identity.authorities?.value))
        }
        var tls: TLSConfiguration?
        if let files = configuration.tls {
            do { tls = try Self.tls(files) } catch { problems.append("\(error)") }
        }
        var fleets: [Fleet] = []
        for configured in configuration.fleets {
            var standing = Self.standing(configured)
            do {
                standing.tag = try Self.tag(configured, environment)
                let (inventory, credentials) = try await standing.load()
                guard !inventory.hosts.isEmpty else {
                    problems.append(
                        "\(configured.inventory.place): the inventory of \(configured.deployed) has no hosts: list at least one"
                    )
                    continue
                }
                fleets.append(
                    Fleet(standing: standing, inventory: inventory, access: credentials, configured: configured))
            } catch let error as UsageError {
                problems.append("\(error)")
            } catch {
                problems.append("\(configured.inventory.place): \(error)")
            }
        }
        let hooks = Self.hooks(configuration, &problems)
        guard problems.isEmpty else {
            throw ConfigurationError(problems.map { Sanitizer.singleLine($0, limit: 1_024) })
        }
        (self.configuration, self.access, self.tls, self.fleets) = (configuration, access, tls, fleets)
        self.hooks = hooks
    }

    /// What a file holds that the configuration names.
    ///
    /// - Returns: nil with one problem more if the file cannot be read or used.
    private static func content<Value>(
        of file: ServiceConfiguration.Placed<String>, _ what: String, _ problems: inout [String],
        _ parse: ([UInt8]) throws -> Value
    ) -> Value? {
        do {
            return try parse(try BoundedFile.read(file.value, limit: 1 << 20, requiresRegular: true))
        } catch let error as BoundedFile.ReadError {
            problems.append(
                "\(file.place): the \(what) '\(file.value)' cannot be read (\(error.reason)): check the path and its "
                    + "permissions")
        } catch {
            problems.append("\(file.place): the \(what) '\(file.value)' \(error)")
        }
        return nil
    }

    private static func hooks(_ configuration: ServiceConfiguration, _ problems: inout [String]) -> [Hook] {
        configuration.hooks.map { configured in
            let secrets = configured.secretFile.flatMap { file in
                content(of: file, "secret file", &problems) { try HookSecrets(parsing: $0, for: configured.kind) }
            }
            return Hook(
                name: configured.name.value, kind: configured.kind, secrets: secrets,
                fleets: configured.fleets.map { Set($0.map(\.value)) })
        }
    }

    private static func standing(_ fleet: ServiceConfiguration.Fleet) -> StandingFleet {
        StandingFleet(
            deployed: fleet.deployed, policy: fleet.policy, inventoryCheck: fleet.inventoryCheck,
            interval: fleet.interval
        ) {
            let sources = [InventorySource(argument: fleet.inventory.value)]
            let inventory = try Inventory.load(
                sources: sources, service: fleet.deployed.name, environment: fleet.deployed.environment, now: Date(),
                lists: try await InventoryServer.http.lists(of: sources))
            return (inventory, try HostCredentials(for: inventory, standard: fleet.credentials))
        }
    }

    private static func tag(
        _ fleet: ServiceConfiguration.Fleet, _ environment: [String: String]
    ) throws -> WatchedTag? {
        guard let image = fleet.image else { return nil }
        let check = fleet.imageCheck
        if let ca = check.ca {
            var certificates = CertificateFiles()
            try certificates.check(authorities: ca.value, name: "\(ca.place): check_image.ca")
        }
        if let file = check.authFile {
            try BoundedFile.requireReadable(file.value, flag: "\(file.place): check_image.auth_file")
        }
        return WatchedTag(
            image: image.value, interval: check.interval, candidates: check.candidates,
            access: RegistryAccess(
                certificateAuthorities: check.ca?.value, usesPlainHTTP: check.usesPlainHTTP,
                credentials: CredentialSources(flag: check.authFile?.value, environment: environment)))
    }

    private static func tls(_ files: ServiceConfiguration.TLSFiles) throws -> TLSConfiguration {
        var check = CertificateFiles()
        try check.check(
            certificate: files.certificate.value, key: files.key.value,
            name: "\(files.certificate.place): access.tls.certificate", keyName: "\(files.key.place): access.tls.key")
        var tls: TLSConfiguration
        do {
            tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate.value).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key.value, format: .pem)))
        } catch {
            throw UsageError(
                "\(files.certificate.place): access.tls.certificate cannot be used: replace the certificate and its key"
            )
        }
        tls.minimumTLSVersion = .tlsv12
        if let authorities = files.clientAuthorities {
            try check.check(
                authorities: authorities.value, name: "\(authorities.place): access.tls.client_ca")
            tls.trustRoots = .file(authorities.value)
            tls.certificateVerification = .noHostnameVerification
        }
        return tls
    }
}
