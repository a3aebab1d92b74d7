import Shared

/// Which flags of which verb may come from the environment.
enum EnvironmentFlags {
    static func of(_ verb: String) -> [EnvironmentArguments.Flag] {
        switch verb {
        case "verify": fleet + target + policy + output
        case "status": fleet + target + output + [.init("--request-timeout")]
        case "history", "report", "ledger": [.init("--store")]
        default: []
        }
    }

    private static let fleet: [EnvironmentArguments.Flag] = [
        .init("--fleet", .values), .init("--host", .values), .init("--select", .values), .init("--service"),
        .init("--token-file"), .init("--ca"), .init("--cert"), .init("--key"), .init("--concurrency"),
    ]
    private static let target: [EnvironmentArguments.Flag] = [.init("--sha"), .init("--digest"), .init("--index")]
    private static let policy: [EnvironmentArguments.Flag] = [
        .init("--timeout"), .init("--interval"), .init("--request-timeout"), .init("--soak"), .init("--stall"),
        .init("--fail-after"), .init("--max-stragglers", .values), .init("--max-unreachable", .values),
        .init("--max-failed", .values), .init("--require", .values), .init("--generation"),
        .init("--min-proven"), .init("--min-hosts"), .init("--max-shrink"), .init("--allow-empty", .switchOn),
        .init("--superseded-ok", .switchOn),
    ]
    private static let output: [EnvironmentArguments.Flag] = [
        .init("--report", .values), .init("--progress"), .init("--store"), .init("--log-level"), .init("--log-format"),
    ]
}
