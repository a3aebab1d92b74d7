import ArgumentParser
import CollectorSupport
import Inventory
import Operations
import Shared
import Verdict

/// Times, intervals and tolerances.
struct PolicyOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--timeout"), .init("--interval"), .init("--request-timeout"), .init("--soak"), .init("--stall"),
        .init("--fail-after"), .init("--max-stragglers", .values), .init("--max-unreachable", .values),
        .init("--max-failed", .values), .init("--require", .values, needsText: true), .init("--min-proven"),
        .init("--min-hosts"), .init("--max-shrink"), .init("--allow-empty", .switchOn),
        .init("--superseded-ok", .switchOn),
    ]

    @Option(
        name: .customLong("timeout"),
        help: "Time limit for the whole verification (default: 10m).", transform: ArgumentText.duration)
    var givenTimeout: Duration?

    @Option(
        name: .customLong("interval"),
        help: "How often to poll a host (default: 2s).", transform: ArgumentText.duration)
    var givenInterval: Duration?

    @Option(
        name: .customLong("request-timeout"),
        help: "Time limit for one request, including the connect (default: 5s).", transform: ArgumentText.duration)
    var givenRequestTimeout: Duration?

    @Option(
        name: .customLong("soak"),
        help: "How long the same instances must serve the target before a host is proven (default: 10s).",
        transform: ArgumentText.duration)
    var givenSoak: Duration?

    @Option(
        name: .customLong("stall"),
        help: "Stop early when no host has changed status for this long (default: 3m).",
        transform: ArgumentText.duration)
    var givenStall: Duration?

    @Option(
        name: .customLong("fail-after"),
        help: "Consecutive answers with a failed deploy before a host counts as failed (default: 3).",
        transform: ArgumentText.positiveCount)
    var givenFailAfter: Int?

    @Option(
        help: ArgumentHelp(
            "Tolerated number of hosts that are behind (default: 0). Repeatable with KEY=VALUE: before the number, for the "
                + "hosts with that label; a percentage is of these hosts, rounded down. The plain number then applies to "
                + "all other hosts. A host with several such labels counts against each.",
            valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxStragglers: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "Tolerated number of hosts without a usable answer (default: 0); by label as for --max-stragglers.",
            valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxUnreachable: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "Tolerated number of failed hosts; with more, the verification stops at once (default: 0). A host that went "
                + "back (rolled_back) is never tolerated. By label as for --max-stragglers.",
            valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxFailed: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "Minimum number of proven hosts with this label, regardless of tolerances; a percentage is rounded up. "
                + "Repeatable.", valueName: "key=value:n|p%"),
        transform: ArgumentText.requirement)
    var require: [Requirement] = []

    @Option(
        name: .customLong("min-proven"),
        help: ArgumentHelp("Minimum number of proven hosts for any tolerance (default: 1).", valueName: "n|p%"),
        transform: ArgumentText.tolerance)
    var givenMinProven: Tolerance?

    @Option(
        name: .customLong("min-hosts"),
        help: "Minimum number of hosts in the inventory (default: 1).", transform: ArgumentText.count)
    var givenMinHosts: Int?

    @Flag(help: "Accept an empty inventory.")
    var allowEmpty = false

    @Option(
        name: .customLong("max-shrink"),
        help: ArgumentHelp(
            "Maximum shrinkage of the inventory since the last promotion of the service (default: 20%).",
            valueName: "p%"),
        transform: ArgumentText.percent)
    var givenMaxShrink: Double?

    @Flag(
        name: .customLong("superseded-ok"),
        help: "Exit with 0 when a newer promotion, proven or under way, supersedes this one.")
    var supersededOK = false

    // The values in force. An option that was not given must not replace the policy of a service.

    var timeout: Duration { givenTimeout ?? Policy().timeout }
    var interval: Duration { givenInterval ?? Policy().interval }
    var requestTimeout: Duration { givenRequestTimeout ?? Policy().requestTimeout }
    var soak: Duration { givenSoak ?? Policy().soak }
    var stall: Duration { givenStall ?? Policy().stall }
    var failAfter: Int { givenFailAfter ?? Policy().failAfter }
    var minProven: Tolerance { givenMinProven ?? Policy().minProven }
    var minHosts: Int { givenMinHosts ?? 1 }
    var maxShrink: Double { givenMaxShrink ?? 20 }

    func validate() throws {
        let positive = [("--timeout", timeout), ("--interval", interval), ("--request-timeout", requestTimeout)]
        for (flag, value) in positive + [("--stall", stall)] where value <= .zero {
            throw ValidationError("invalid \(flag): expected a duration longer than zero")
        }
        guard interval >= .milliseconds(10) else { throw ValidationError("invalid --interval: expected at least 10ms") }
        // The default soak may exceed a short --timeout: such a run still finds hosts that are behind or unreachable.
        guard soak < timeout || soak == Policy().soak else {
            throw ValidationError(
                "--soak \(soak.brief) does not fit into --timeout \(timeout.brief): no host could be proven in time; give a "
                    + "longer --timeout or a shorter --soak")
        }
        guard stall <= timeout || stall == Policy().stall else {
            throw ValidationError(
                "--stall \(stall.brief) exceeds --timeout \(timeout.brief): it would never end a verification; give a shorter "
                    + "--stall or a longer --timeout")
        }
        guard interval < timeout || interval == Policy().interval else {
            throw ValidationError(
                "--interval \(interval.brief) does not fit into --timeout \(timeout.brief): a host that is behind would be "
                    + "asked only once; give a shorter --interval")
        }
    }

    /// The policy for an inventory, whose labels and size it may refer to.
    ///
    /// - Throws: ``UsageError`` if no fleet could meet it, or if it names a label that no listed host has: a typo.
    func policy(for inventory: Inventory) throws -> Policy {
        let policy = Policy(
            timeout: timeout, interval: interval, requestTimeout: requestTimeout, soak: soak, stall: stall,
            failAfter: failAfter, maxStragglers: maxStragglers.plain, maxUnreachable: maxUnreachable.plain,
            maxFailed: maxFailed.plain, maxStragglersByLabel: maxStragglers.byLabel,
            maxUnreachableByLabel: maxUnreachable.byLabel, maxFailedByLabel: maxFailed.byLabel, minProven: minProven,
            require: require, supersededOK: supersededOK)
        // An inventory without hosts has its own error.
        guard !inventory.listed.isEmpty else { return policy }
        try PolicyCheck(policy, inventory, naming: .options).check()
        return policy
    }

    var inventoryCheck: InventoryCheck {
        InventoryCheck(minimumHosts: minHosts, allowsEmpty: allowEmpty, maximumShrinkPercent: maxShrink)
    }
}
