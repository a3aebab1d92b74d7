import Shared

/// Which flags of which verb may come from the environment.
enum EnvironmentFlags {
    static func of(_ verb: String) -> [EnvironmentArguments.Flag] {
        switch verb {
        case "verify":
            fleet + target + registry + policy + output
                + [.init("--generation", needsText: true), .init("--readback-timeout")]
        case "resolve": registry
        case "status":
            fleet + target + registry + output + [.init("--request-timeout"), .init("--exit-code", .switchOn)]
        case "wait-ci":
            forge + ci + killSwitch
                + [
                    .init("--sha"), .init("--timeout"), .init("--interval"), .init("--progress"),
                    .init("--json", .switchOn),
                ]
        case "promote": promote + fleet + registry + policy + output + forge + ci + killSwitch
        case "rollback":
            [.init("--image"), .init("--tag"), .init("--by"), .init("--readback-timeout")] + fleet + registry + policy
                + output + forge + killSwitch
        case "history", "report", "ledger": [.init("--store")]
        default: []
        }
    }

    /// What a command is told by its flags only, because it permits or leaves out something. Set in the environment, each is
    /// a mistake: who set it expects it to be heeded.
    static func flagOnly(of verb: String) -> [EnvironmentArguments.Flag] {
        let names =
            switch verb {
            case "promote": ["--dry-run", "--no-ci", "--no-verify", "--allow-rollback", "--allow-skipped"]
            case "rollback": ["--dry-run", "--no-verify"]
            case "wait-ci": ["--allow-skipped"]
            case "ledger": ["--dry-run"]
            default: [String]()
            }
        return names.map { EnvironmentArguments.Flag($0) }
    }

    private static let promote: [EnvironmentArguments.Flag] = [
        .init("--image"), .init("--sha"), .init("--from"), .init("--to"), .init("--moving-tag", .values),
        .init("--rollback-on"), .init("--by"), .init("--branch"), .init("--superseded-by"), .init("--ci-timeout"),
        .init("--ci-interval"),
        .init("--readback-timeout"),
    ]
    private static let fleet: [EnvironmentArguments.Flag] = [
        .init("--fleet", .values), .init("--host", .values), .init("--select", .values), .init("--service"),
        .init("--token-file"), .init("--ca"), .init("--cert"), .init("--key"), .init("--concurrency"),
    ]
    private static let target: [EnvironmentArguments.Flag] = [
        .init("--sha", needsText: true), .init("--digest", needsText: true), .init("--image", needsText: true),
        .init("--index", needsText: true),
    ]
    private static let registry: [EnvironmentArguments.Flag] = [
        .init("--registry-auth-file"), .init("--registry-ca"), .init("--plain-http", .switchOn),
        .init("--registry-timeout"),
    ]
    private static let policy: [EnvironmentArguments.Flag] = [
        .init("--timeout"), .init("--interval"), .init("--request-timeout"), .init("--soak"), .init("--stall"),
        .init("--fail-after"), .init("--max-stragglers", .values), .init("--max-unreachable", .values),
        .init("--max-failed", .values), .init("--require", .values, needsText: true),
        .init("--min-proven"), .init("--min-hosts"), .init("--max-shrink"), .init("--allow-empty", .switchOn),
        .init("--superseded-ok", .switchOn),
    ]
    /// For `promote`, too.
    static let forge: [EnvironmentArguments.Flag] = [
        .init("--forge"), .init("--forge-url"), .init("--forge-token-file"), .init("--forge-ca"), .init("--repository"),
    ]
    static let ci: [EnvironmentArguments.Flag] = [.init("--context", .values), .init("--check-app")]
    static let killSwitch: [EnvironmentArguments.Flag] = [.init("--kill-switch", .values), .init("--kill-switch-ca")]
    private static let output: [EnvironmentArguments.Flag] = [
        .init("--report", .values), .init("--progress"), .init("--store"), .init("--log-level"), .init("--log-format"),
    ]
}
