import ArgumentParser
import CollectorSupport
import Operations
import Shared
import Transfer
import Verdict

/// The collector service that verifies instead of this process.
struct ServerOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--server", needsText: true), .init("--server-token-file"), .init("--server-ca"),
    ]

    @Option(
        help: ArgumentHelp(
            "Let this collector service verify the fleet, and follow it: for runners that do not reach the hosts. The fleet "
                + "and its access are the service's; policy options can only be stricter than its policy.",
            valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "File with the bearer token for --server. Default: the pipeline's identity token, from "
                + "ACTIONS_ID_TOKEN_REQUEST_URL or BUILDINFO_ID_TOKEN.", valueName: "file"))
    var serverTokenFile: String?

    @Option(
        help: ArgumentHelp("PEM bundle of the authorities that sign the certificate of --server.", valueName: "file"))
    var serverCA: String?

    func validate() throws {
        guard server == nil else { return }
        for (flag, value) in [("--server-token-file", serverTokenFile), ("--server-ca", serverCA)] where value != nil {
            throw ValidationError("\(flag) needs --server")
        }
    }

    /// Refuses the options of a local verification, which would be ignored.
    ///
    /// - Parameter others: further options, with their remedies.
    func refuse(
        _ fleet: FleetOptions, _ access: AccessOptions, _ policy: PolicyOptions,
        _ others: [(flag: String, isGiven: Bool, remedy: String)] = []
    ) throws {
        guard server != nil else { return }
        let configured = "omit it: the service's configuration names the hosts"
        let credentials = "omit it: the service has the hosts' credentials"
        let measured = "omit it: set it in the policy of the fleet at the service"
        let own: [(flag: String, isGiven: Bool, remedy: String)] =
            [
                ("--fleet", !fleet.fleet.isEmpty, configured), ("--host", !fleet.host.isEmpty, configured),
                ("--select", !fleet.select.isEmpty, configured), ("--port", fleet.port != nil, configured),
                ("--token-file", access.tokenFile != nil, credentials + ", and --server-token-file is its own"),
                ("--ca", access.ca != nil, credentials + ", and --server-ca is for the service"),
                ("--cert", access.cert != nil, credentials), ("--key", access.key != nil, credentials),
                ("--concurrency", access.concurrency != nil, "omit it: the service sends the requests"),
                ("--require", !policy.require.isEmpty, measured),
                ("--min-hosts", policy.givenMinHosts != nil, measured),
                ("--max-shrink", policy.givenMaxShrink != nil, measured),
                ("--allow-empty", policy.allowEmpty, measured),
            ]
        for (flag, isGiven, remedy) in others + own where isGiven {
            throw UsageError("\(flag) has no effect with --server: \(remedy)")
        }
        guard fleet.service != nil else {
            throw UsageError(
                "no service named for --server: give --service NAME, and --environment NAME if it has several")
        }
    }

    /// The verification at the service; nil without `--server`.
    func remote(
        _ policy: PolicyOptions, web: WebClient, environment: [String: String]
    ) throws -> RemoteVerification? {
        guard let server else { return nil }
        let address: ServiceAddress
        // The value may contain a password.
        do throws(ServiceAddress.ParseError) {
            address = try ServiceAddress(parsing: server)
        } catch {
            throw UsageError("--server \(error)")
        }
        if let serverCA {
            var files = CertificateFiles()
            try files.check(authorities: serverCA, name: "--server-ca")
        }
        return RemoteVerification(
            address: address, identity: try ServiceIdentity(file: serverTokenFile, environment: environment),
            certificateAuthorities: serverCA, web: web, policy: try policy.given(), timeout: policy.timeout,
            environment: environment)
    }
}

extension PolicyOptions {
    /// The given options as the service's API takes them. The fleet's policy at the service decides the others.
    fileprivate func given() throws -> [String: String] {
        let durations: [(String, Duration?)] = [
            ("timeout", givenTimeout), ("interval", givenInterval), ("request_timeout", givenRequestTimeout),
            ("soak", givenSoak), ("stall", givenStall),
        ]
        var given = durations.reduce(into: [String: String]()) { given, entry in
            guard let value = entry.1 else { return }
            given[entry.0] = "\(Int64((value.seconds * 1_000).rounded()))ms"
        }
        if let givenFailAfter { given["fail_after"] = "\(givenFailAfter)" }
        if let givenMinProven { given["min_proven"] = "\(givenMinProven)" }
        let tolerances = [
            ("max_stragglers", "--max-stragglers", maxStragglers),
            ("max_unreachable", "--max-unreachable", maxUnreachable), ("max_failed", "--max-failed", maxFailed),
        ]
        for (key, flag, values) in tolerances where !values.isEmpty {
            guard values.byLabel.isEmpty else {
                throw UsageError(
                    "\(flag) by label has no effect with --server: omit it, or set it in the policy of the fleet at the service"
                )
            }
            given[key] = "\(values.plain)"
        }
        return given
    }
}
