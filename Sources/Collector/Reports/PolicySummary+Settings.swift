import Shared

extension Report.PolicySummary {
    /// What was set, named as the flag that sets it. A flag that was given several times has several.
    var settings: [(flag: String, value: String)] {
        func time(_ seconds: Double) -> String { Duration(clampingSeconds: seconds).brief }
        func each(_ flag: String, _ values: [String]?) -> [(flag: String, value: String)] {
            (values ?? []).map { (flag, $0) }
        }
        let times: [(flag: String, value: String)] = [
            ("--timeout", time(timeoutSeconds)), ("--interval", time(intervalSeconds)),
            ("--request-timeout", time(requestTimeoutSeconds)), ("--soak", time(soakSeconds)),
            ("--stall", time(stallSeconds)), ("--fail-after", "\(failAfter)"),
        ]
        let limits =
            [("--max-stragglers", maxStragglers)] + each("--max-stragglers", maxStragglersByLabel)
            + [("--max-unreachable", maxUnreachable)] + each("--max-unreachable", maxUnreachableByLabel)
            + [("--max-failed", maxFailed)] + each("--max-failed", maxFailedByLabel) + [("--min-proven", minProven)]
        return times + limits + each("--require", require) + [("--superseded-ok", supersededOK ? "yes" : "no")]
    }
}

extension Report.InventorySummary {
    /// How many hosts were expected, and what was left out of them, in words.
    var extent: String {
        guard let selected else { return "\(expected)" }
        return "\(expected) of \(total) (--select \(selected.joined(separator: ", ")))"
    }
}
