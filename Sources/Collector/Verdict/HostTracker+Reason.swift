import Shared

/// One line for a person: what was seen, and what to do.
extension HostTracker {
    package func reason(at now: Duration, policy: Policy) -> String {
        switch status {
        case .conflict: conflictReason
        case .failed: failedReason
        case .rolledBack: rolledBackReason
        case .missing: "gone from the inventory's source since the start, and \(silenceText)"
        case .unreachable: unreachableReason(at: now, policy: policy)
        case .agentError: agentErrorReason(at: now)
        case .unverifiable: unverifiableReason(at: now)
        case .mixed: mixedReason
        case .ahead: aheadReason
        case .straggler, .stalled: behindReason
        case .pending: pendingReason
        case .starting: startingReason
        case .soaking: soakingReason(policy: policy)
        case .flapping: "serves the target again, after \(matchEdges.count) changes: waiting for it to hold still"
        case .converged: convergedReason
        }
    }

    private var failedReason: String {
        switch facts.build {
        case .digestWrong:
            if assessment?.detail == .promotedIsConfigDigest {
                return "the digest asked for is the host's image id: promote by the digest of the index or manifest"
            }
            return wrongDigestReason
        case .shaWrong:
            if let otherServed { return otherServed }
            let served = evidence?.gitSHA.value.map(\.short) ?? "another commit"
            return "right image, but it is labelled \(served): the promoted commit is wrong"
        default:
            if let loop = history.loop { return "crash loop: \(loopText(loop))\(inspectRemedy)" }
            if let probeTrouble { return probeTrouble }
            if failing < 1 { return "crash loop: it failed again and again, and has not soaked since\(inspectRemedy)" }
            // A container that never ran has no logs: its engine's own words are all there is.
            if let worst = telling.worst, worst.state == .exited, worst.startedAt == nil,
                let said = telling.documentReason
            {
                return "on the target, \(said)"
            }
            return "on the target, \(runtimeText), \(failing) answers in a row\(inspectRemedy)"
        }
    }

    private var wrongDigestReason: String {
        let served = evidence?.shownDigest.map(\.short) ?? "another image"
        let wrong =
            "right commit, wrong image (\(served)): rebuilt or tampered with; promote that digest, or pull again"
        switch assessment?.detail {
        case .lacksPlatform(let platform)?:
            let name = Sanitizer.singleLine(platform.description, limit: 40)
            return
                "the promoted index holds nothing for \(name), which this host runs: build that platform, and promote again"
        case .learning?:
            return "right commit, other digest (\(served)): asking the registry whether it is the same image"
        case .notAmongContent(nil)?: return wrong
        case .notAmongContent(let trouble?)?:
            return "\(wrong) (whether it is another index of the same image, the registry did not tell: \(trouble))"
        default: return "\(wrong) (if it is the same image by another digest, --image or --index would tell)"
        }
    }

    private func unreachableReason(at now: Duration, policy: Policy) -> String {
        if facts.reach == .ok, let lastAnswerAt {
            return "no fresh answer for \((now - lastAnswerAt).brief): check the host and its agent"
        }
        if facts.reach == .never, let outstanding {
            return "no answer within \((now - outstanding).brief): check the host, the network and the agent"
        }
        return "\(silenceText): \(silenceRemedy)"
    }

    private func staleText(at now: Duration) -> String {
        guard let factMoment else { return "the agent gave no usable answer" }
        return "the agent answers, but its last look at its source is \((now - factMoment).brief) old"
    }

    private var silenceText: String {
        switch facts.reach {
        case .never: "never answered"
        case .ok: "answered before"
        default: trouble ?? "does not answer (\(facts.reach.rawValue))"
        }
    }

    private var silenceRemedy: String {
        switch facts.reach {
        case .dns: "check the name in the inventory, and the resolver"
        case .tls: "check the certificates, --ca and --cert"
        case .refused: "is the agent running? systemctl status buildinfo-agent"
        default: "check the host, the network and the agent"
        }
    }

    private var agentRemedy: String {
        switch facts.reach {
        case .auth: "check the token (--token-file) and the client certificate (--cert), or access in the inventory"
        case .httpStatus, .notBuildinfo: "is this the agent's URL?"
        case .tooLarge: "this is no buildinfo document"
        case .protocolError: "is this an HTTP port?"
        default: "journalctl -u buildinfo-agent on the host"
        }
    }

    private func agentErrorReason(at now: Duration) -> String {
        // An agent that says why it cannot tell has named the cause already.
        if facts.reach == .ok, blindness == .sourceUnreadable, telling.documentReason != nil, let trouble {
            return trouble
        }
        return "\(trouble ?? staleText(at: now)): \(agentRemedy)"
    }

    private func unverifiableReason(at now: Duration) -> String {
        if blindness == .predatesStart {
            return "no answer from after this verification's start: its agent last looked \(earlyAge.brief) before it "
                + "answered; journalctl -u buildinfo-agent on the host"
        }
        if assessment == nil, let trouble { return trouble }
        if facts.runtime == .absent {
            let why = telling.leftOut.isEmpty ? upRemedy : telling.documentReason ?? upRemedy
            return "no instance of the service on the host: \(why)"
        }
        let revision = "org.opencontainers.image.revision"
        switch assessment?.detail {
        case .noCommit(.absent)? where unlabelledReason == nil:
            return "git_sha is null: \(telling.documentReason ?? "")"
        case .noCommit(let reported)?:
            return "git_sha \(Self.text(reported)): label the image with \(revision)=<full commit>"
        case .noCommitButDigest(let reported)?:
            let remedy = unlabelledReason ?? telling.documentReason ?? "label the image"
            return "the digest is right, but git_sha \(Self.text(reported)): \(remedy), or ask for --digest alone"
        case .noRegistryDigest?:
            return "the image has no registry digest (built here, loaded or committed): pull it from the registry"
        case .noAgent?:
            return "no agent on the host can tell a digest: install buildinfo-agent, or verify by --sha alone"
        default:
            return "nothing to compare: give --sha or --digest"
        }
    }

    /// What to do about a commit that is missing for want of a label; nil where the agent gives another cause.
    private var unlabelledReason: String? {
        telling.documentReason.map { $0.contains("label") } ?? true ? "label the image" : nil
    }

    private var mixedReason: String {
        guard case .instances(let matching, let all, let other)? = assessment?.detail else {
            return "the instances differ"
        }
        let name = other.isEmpty ? "the others do not" : "\(Sanitizer.singleLine(other, limit: 64)) does not"
        return "\(matching) of \(all) instances serve the target, \(name): \(upRemedy)"
    }

    private var aheadReason: String {
        guard case .generation(let generation)? = assessment?.detail else { return "serves a later promotion" }
        return "serves \(servedText), promoted later (generation \(generation))"
    }

    private var pendingReason: String {
        if blindness == .predatesStart, let trouble { return trouble }
        switch facts.build {
        case .behind, .foreign: return behindReason
        case .digestWrong, .shaWrong: return failedReason
        default: return "not answered yet"
        }
    }

    private var behindReason: String {
        guard facts.reach == .ok, evidence != nil else { return pendingReason }
        if let otherServed { return otherServed }
        if everMatched { return "served the target, and serves \(servedText) now: watching whether it went back" }
        let stopped = facts.runtime == .serving ? "" : ", \(runtimeText)"
        let service = Sanitizer.singleLine(serviceName, limit: 64)
        switch assessment?.detail {
        case .tagMoved?:
            let how =
                telling.engine == .podman
                ? "recreate the container of \(service)" : "run docker compose up -d \(service)"
            return "pulled, not recreated: \(how) (serves \(servedText)\(stopped))"
        case .contradiction?:
            return "the answer contradicts itself: its summary says \(servedText)"
        case .generation(let generation)?:
            return "\(neverPulled) (serves \(servedText), generation \(generation)\(stopped))"
        default:
            return "\(neverPulled) (serves \(servedText), never promoted here\(stopped))"
        }
    }

    private var neverPulled: String {
        let service = Sanitizer.singleLine(serviceName, limit: 64)
        guard telling.engine != nil else { return "never deployed: deploy \(service) again" }
        return "never pulled: run docker compose pull \(service) && docker compose up -d \(service)"
    }

    private func soakingReason(policy: Policy) -> String {
        guard let proof, !policy.countsEarlierEvidence else { return "serves the target now" }
        let changes = matchEdges.count >= 2 ? " (changed \(matchEdges.count) times lately)" : ""
        let restarts = history.summary.map { " (\($0): the soak began again)" } ?? ""
        return "serves the target; held for \(proof.span.brief) of \(policy.soak.brief)\(changes)\(restarts)"
    }

    private var convergedReason: String {
        let health = telling.hasHealthCheck ? "" : " (no health check)"
        let how =
            switch facts.build {
            case .matchPlatform: ", by its platform's manifest"
            case .matchIndex: ", by another index of the same image"
            case .matchConfig: ", by the image's content"
            case .matchSHA: ", by commit"
            default: ""
            }
        let silence = telling.served?.tellsNoCommit == true ? " (the service does not tell its commit)" : ""
        return "serves the target\(how)\(health)\(silence)"
    }

    private var servedText: String {
        if case .servedOther(let answer)? = assessment?.detail { return answer.shownCommit }
        return evidence?.gitSHA.value?.short ?? evidence?.shownDigest?.short ?? "an unknown build"
    }

    private var startingReason: String {
        if let probeTrouble { return probeTrouble }
        if let shortage = telling.shortage, telling.worst == nil || telling.worst?.state == .serving {
            return
                "on the target, \(shortage.running) of \(shortage.expected) instances run: find out why the others do not"
        }
        if let said = telling.plainState { return "on the target, and says \(said)" }
        // The agent knows why: a health check that has not passed yet, or a container that waits for another.
        if facts.runtime == .starting, let said = telling.documentReason { return "on the target, \(said)" }
        return "on the target, \(runtimeText)"
    }

    private var rolledBackReason: String {
        guard facts.build == .foreign else {
            return "served the target, then went back to \(servedText): find out what rolled it back"
        }
        return "served the target, then changed to \(servedText), never promoted here: find out what deployed it"
    }

    private var runtimeText: String {
        if let said = telling.plainState { return "and says \(said)" }
        guard let worst = telling.worst else { return facts.runtime.rawValue }
        let name = Sanitizer.singleLine(worst.name, limit: 64)
        let code = worst.exitCode.map { worst.state == .exited || worst.state == .restarting ? " with code \($0)" : "" }
        let memory = worst.oomKilled == true ? ", out of memory" : ""
        let summary = telling.callsItServing ? " (the answer's summary says serving)" : ""
        return "\(name) \(facts.runtime.rawValue)\(code ?? "")\(memory)\(summary)"
    }

    /// What was seen, whatever the engine counts: for example `canvas-1 restarted 3 times within 10s, last exit 1`.
    private func loopText(_ loop: InstanceHistory.Loop) -> String {
        let exit = history.lastExitCode.map { ", last exit \($0)" } ?? ""
        return
            "\(Sanitizer.singleLine(loop.name, limit: 64)) restarted \(loop.count.times) within \(loop.span.brief)\(exit)"
    }

    private var inspectRemedy: String {
        switch facts.runtime {
        case _ where telling.plainState != nil: ": look at its logs"
        case .paused: ": run docker unpause \(instanceName)"
        default: ": look at docker logs \(instanceName)"
        }
    }

    /// Of the instance that speaks for the service; in the gap of a crash loop, of the one that was there.
    private var instanceName: String {
        Sanitizer.singleLine(telling.worst?.name ?? history.loop?.name ?? serviceName, limit: 64)
    }

    private var upRemedy: String { "run docker compose up -d \(Sanitizer.singleLine(serviceName, limit: 64))" }

    private static func text(_ reported: Reported<GitSHA>) -> String {
        switch reported {
        case .known(let value): return "is \(value.short)"
        case .absent: return "is null"
        case .unusable(let text):
            let defect = GitSHA.problem(with: text).map { " \($0)" } ?? ""
            return "'\(Sanitizer.singleLine(text, limit: 48))'\(defect)"
        }
    }
}
