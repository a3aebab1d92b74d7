import Shared

/// One line for a person about what the service itself said to its agent's probe.
extension HostTracker {
    /// Why a service on the target is not up, where that is because of its probe; nil where it is not.
    var probeTrouble: String? {
        guard let served = telling.served, served.outcome != .ok else { return nil }
        let how =
            switch served.outcome {
            case .ok, .other: "failed"
            case .refused: "connection refused"
            case .timeout: "timed out"
            case .httpStatus: served.status.map { "HTTP \($0)" } ?? "wrong HTTP status"
            case .notBuildinfo: "an answer without git_sha"
            case .tooLarge: "too large an answer"
            }
        return
            "on the target, but the service did not answer its probe at \(Self.url(served)) (\(how)): "
            + "look at its logs, or correct the agent's --probe"
    }

    /// What to say where the image is right and the service tells another commit; nil where it does not.
    var otherServed: String? {
        guard case .servedOther(let served)? = assessment?.detail else { return nil }
        let image = evidence?.gitSHA.value?.short ?? evidence?.shownDigest?.short ?? "the target"
        return
            "the service serves \(served.shownCommit), its image says \(image): "
            + "restart it, and see what listens at \(Self.url(served))"
    }

    private static func url(_ served: ProbeResult) -> String { Sanitizer.singleLine(served.url, limit: 120) }
}

extension ProbeResult {
    /// Whether the service answered without telling a commit.
    var tellsNoCommit: Bool { outcome == .ok && agreement(with: []) == .silent }
}
