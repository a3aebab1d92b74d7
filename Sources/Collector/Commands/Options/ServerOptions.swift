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
        let own: [(flag: String, isGiven: Bool, remedy: String)] =
            [
                ("--fleet", !fleet.fleet.isEmpty, configured), ("--host", !fleet.host.isEmpty, configured),
                ("--select", !fleet.select.isEmpty, configured), ("--port", fleet.port != nil, configured),
                ("--token-file", access.tokenFile != nil, credentials + ", and --server-token-file is its own"),
                ("--ca", access.ca != nil, credentials + ", and --server-ca is for the service"),
                ("--cert", access.cert != nil, credentials), ("--key", access.key != nil, credentials),
                ("--concurrency", access.concurrency != nil, "omit it: the service sends the requests"),
                ("--allow-empty", policy.allowEmpty, "omit it: a service verifies no empty inventory"),
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
    ///
    /// - Parameter image: the image that the service takes the target from; nil for a target that is known here.
    func remote(
        _ policy: PolicyOptions, image: ImageReference? = nil, web: WebClient, environment: [String: String]
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
            certificateAuthorities: serverCA, web: web, image: image, policy: policy.given, timeout: policy.timeout,
            environment: environment)
    }
}

extension PolicyOptions {
    /// The given options as the service's API takes them. The fleet's policy at the service decides the others.
    fileprivate var given: [String: [String]] {
        let durations = [
            ("timeout", givenTimeout), ("interval", givenInterval), ("request_timeout", givenRequestTimeout),
            ("soak", givenSoak), ("stall", givenStall),
        ].compactMap { key, value in value.map { (key, ["\(Int64(($0.seconds * 1_000).rounded()))ms"]) } }
        let lists = [
            ("max_stragglers", maxStragglers.texts), ("max_unreachable", maxUnreachable.texts),
            ("max_failed", maxFailed.texts), ("require", require.map { "\($0)" }),
            ("fail_after", givenFailAfter.map { ["\($0)"] }), ("min_proven", givenMinProven.map { ["\($0)"] }),
            ("min_hosts", givenMinHosts.map { ["\($0)"] }),
            ("max_shrink", givenMaxShrink.map { ["\(Tolerance.percent($0))"] }),
        ].compactMap { key, texts in texts.flatMap { $0.isEmpty ? nil : (key, $0) } }
        return Dictionary(durations + lists) { $1 }
    }
}

extension [ToleranceArgument] {
    /// The values that count.
    fileprivate var texts: [String] {
        guard !isEmpty else { return [] }
        // Without a plain value, no other host is tolerated.
        return (plain == .none && !byLabel.isEmpty ? [] : ["\(plain)"]) + byLabel.map { "\($0)" }
    }
}
