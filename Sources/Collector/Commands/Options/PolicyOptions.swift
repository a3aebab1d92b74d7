import ArgumentParser
import CollectorSupport
import Inventory
import Shared
import Verdict

/// How long, how often, and how much is tolerated.
struct PolicyOptions: ParsableArguments {
    @Option(help: "Hard limit for the whole verification (default: 10m).", transform: ArgumentText.duration)
    var timeout = Policy().timeout

    @Option(
        help: "How often a host that is not settled is asked again (default: 2s).", transform: ArgumentText.duration)
    var interval = Policy().interval

    @Option(help: "One request, connect included (default: 5s).", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    @Option(
        help: "How long a match must hold, on the same instances, before a host counts (default: 10s).",
        transform: ArgumentText.duration)
    var soak = Policy().soak

    @Option(help: "No host changed its label for so long: stop early (default: 3m).", transform: ArgumentText.duration)
    var stall = Policy().stall

    @Option(
        help: "Answers in a row that show a failed deploy before a host counts as failed (default: 3).",
        transform: ArgumentText.positiveCount)
    var failAfter = Policy().failAfter

    @Option(
        help: ArgumentHelp(
            "Tolerated hosts that are behind (default: 0). Repeatable with KEY=VALUE: before the number, for the hosts "
                + "with that label: a share of these, rounded down. Then the plain number is for all other hosts, and a "
                + "host with several such labels must fit into each.", valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxStragglers: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "Tolerated hosts that did not answer (default: 0); by label as --max-stragglers.",
            valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxUnreachable: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "More failed hosts than this, and it stops at once (default: 0); a host that went back (rolled_back) is never "
                + "tolerated; by label as --max-stragglers.",
            valueName: "[key=value:]n|p%"),
        transform: ToleranceArgument.init(argument:))
    var maxFailed: [ToleranceArgument] = []

    @Option(
        help: ArgumentHelp(
            "At least so many hosts with this label must be proven, whatever is tolerated; a percentage is rounded up. "
                + "Repeatable.", valueName: "key=value:n|p%"),
        transform: ArgumentText.requirement)
    var require: [Requirement] = []

    @Option(
        help: ArgumentHelp("Proven hosts below which nothing is tolerated (default: 1).", valueName: "n|p%"),
        transform: ArgumentText.tolerance)
    var minProven = Policy().minProven

    @Option(help: "Fewer hosts in the inventory are an error (default: 1).", transform: ArgumentText.count)
    var minHosts = 1

    @Flag(help: "An empty inventory is not an error.")
    var allowEmpty = false

    @Option(
        help: ArgumentHelp(
            "The inventory may shrink by so much against the last promotion of the service (default: 20%).",
            valueName: "p%"),
        transform: ArgumentText.percent)
    var maxShrink = 20.0

    @Flag(name: .customLong("superseded-ok"), help: "A newer promotion, proven or under way, ends with 0.")
    var supersededOK = false

    func validate() throws {
        let positive = [("--timeout", timeout), ("--interval", interval), ("--request-timeout", requestTimeout)]
        for (flag, value) in positive + [("--stall", stall)] where value <= .zero {
            throw ValidationError("\(flag) must be longer than zero")
        }
        guard interval >= .milliseconds(10) else { throw ValidationError("--interval must be at least 10ms") }
        // A soak that nobody named is no mistake: a short look at hosts that are late or gone has its uses.
        guard soak < timeout || soak == Policy().soak else {
            throw ValidationError(
                "--soak \(soak.brief) does not fit into --timeout \(timeout.brief): no host could be proven in time")
        }
    }

    /// The policy for an inventory, whose labels it may speak of.
    ///
    /// - Throws: ``UsageError`` where a tolerance is for a label that no listed host has: a slip must not tolerate nothing.
    func policy(for inventory: Inventory) throws -> Policy {
        let policy = Policy(
            timeout: timeout, interval: interval, requestTimeout: requestTimeout, soak: soak, stall: stall,
            failAfter: failAfter, maxStragglers: maxStragglers.plain, maxUnreachable: maxUnreachable.plain,
            maxFailed: maxFailed.plain, maxStragglersByLabel: maxStragglers.byLabel,
            maxUnreachableByLabel: maxUnreachable.byLabel, maxFailedByLabel: maxFailed.byLabel, minProven: minProven,
            require: require, supersededOK: supersededOK)
        let byLabel = [
            ("--max-stragglers", policy.maxStragglersByLabel), ("--max-unreachable", policy.maxUnreachableByLabel),
            ("--max-failed", policy.maxFailedByLabel),
        ]
        // Of an inventory without hosts, that it has none is the thing to say.
        guard byLabel.contains(where: { !$0.1.isEmpty }), !inventory.listed.isEmpty else { return policy }
        let census = LabelIndex(inventory.listed)
        for (flag, limits) in byLabel {
            guard let limit = limits.first(where: { !census.contains($0.group) }) else { continue }
            throw UsageError(
                "\(flag) \(limit): no host has \(limit.group): \(census.alternatives(to: limit.group))")
        }
        return policy
    }

    var inventoryCheck: InventoryCheck {
        InventoryCheck(minimumHosts: minHosts, allowsEmpty: allowEmpty, maximumShrinkPercent: maxShrink)
    }
}
