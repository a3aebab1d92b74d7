import Verdict

/// What a host's status means, for the legend.
enum StatusText {
    static func meaning(of status: HostStatus) -> String {
        switch status {
        case .conflict: "another host, a cache, or a second host with the same id answered"
        case .failed: "crash loop, unhealthy, exited, paused, or the wrong image"
        case .rolledBack: "served the target, then an older build again"
        case .unreachable: "no answer, or none lately"
        case .agentError: "an answer that is none, or an agent that cannot see its engine"
        case .unverifiable: "no full commit or digest to compare"
        case .missing: "gone from the inventory's source meanwhile"
        case .mixed: "the host's instances differ"
        case .straggler: "another build, when the time was up"
        case .ahead: "a later promotion"
        case .pending: "another build, or not answered yet"
        case .starting: "on the target, not up yet"
        case .flapping: "on the target, but not steadily"
        case .soaking: "on the target, not for long enough yet"
        case .converged: "on the target, serving, unchanged through the soak"
        }
    }
}
