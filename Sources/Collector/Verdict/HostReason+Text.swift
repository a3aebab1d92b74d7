import Shared

/// A reason in words, in parts: a report sometimes drops the remedy and keeps the finding.
package struct ReasonText: Codable, Hashable, Sendable {
    /// The finding; empty if the remedy contains it.
    package var cause: String
    /// The remedy; nil if there is nothing to do, or only to wait.
    package var remedy: String?
    /// A remark, shown in parentheses at the end.
    package var note: String?
    /// The build that the host serves instead of the target, for use in another remedy.
    package var served: String?
    /// The command in the remedy, alone and on one line; nil without one.
    package var command: String?
    /// The cause without names, numbers and times that differ between hosts with the same problem; nil if it has none.
    package var summary: String?

    package init(
        _ cause: String, remedy: String? = nil, note: String? = nil, served: String? = nil, summary: String? = nil
    ) {
        self.cause = cause
        self.remedy = remedy
        self.note = note
        self.served = served
        self.summary = summary
    }

    init(
        _ cause: String, remedy: HostRemedy, note: String? = nil, served: String? = nil, summary: String? = nil
    ) {
        self.init(cause, remedy: remedy.sentence, note: note, served: served, summary: summary)
        command = remedy.command
    }

    /// True if the text has more parts than the cause.
    package var isDivided: Bool {
        remedy != nil || note != nil || served != nil || command != nil || summary != nil
    }

    /// The finding, without the remedy.
    package var finding: String { cause + parenthesis }

    /// All parts on one line: `cause: remedy (note)`.
    package var sentence: String {
        guard let remedy else { return finding }
        return (cause.isEmpty ? remedy : "\(cause): \(remedy)") + parenthesis
    }

    /// The text without control and invisible characters, each part one line of bounded length.
    package var sanitised: ReasonText {
        var clean = ReasonText(
            Sanitizer.singleLine(cause), remedy: remedy.map { Sanitizer.singleLine($0, limit: 1_024) },
            note: note.map { Sanitizer.singleLine($0) }, served: served.map { Sanitizer.singleLine($0) },
            summary: summary.map { Sanitizer.singleLine($0) })
        clean.command = command.map { Sanitizer.singleLine($0) }
        return clean
    }

    private var parenthesis: String { note.map { " (\($0))" } ?? "" }
}

/// The only place that turns reasons into words.
extension HostReason {
    package var text: ReasonText {
        switch self {
        case .wrongHost, .machineIDChanged, .duplicateID, .clonedMachineID, .sameHostTwice, .nonceNotEchoed:
            identityText
        case .notAnsweredYet, .noAnswerYet, .noFreshAnswer, .requestFailed, .notListed: requestText
        case .negativeAge, .sourceUnreadable, .sourceLost, .sourceStale, .askedTooEarly, .noAnswerSinceStart,
            .otherService, .contradiction, .agentMissing, .unusablePlainAnswer, .cachedAnswer, .agedAnswer:
            unusableText
        case .noInstance, .noRevision, .noRevisionOfDigest, .noRegistryDigest, .noAgent, .nothingToCompare:
            incomparableText
        case .pulledNotRecreated, .neverPulled, .leftTarget, .summaryDiffers, .serviceServesOther, .instancesDiffer,
            .promotedLater, .promotedConfigDigest, .wrongImage, .digestLookupPending, .platformMissing, .wrongCommit,
            .wentBack, .replacedByUnpromoted:
            otherBuildText
        case .crashLoop, .crashLoopNotSoaked, .probeFailed, .startFailed, .down, .tooFewInstances, .starting,
            .notServing, .onTarget, .soaking, .flapping, .converged:
            onTargetText
        }
    }

    // MARK: - Identity

    private static let idRemedy = "set host: {id: …} in its agent.yaml, or --host-id"

    private var identityText: ReasonText {
        switch self {
        case .wrongHost(_, nil, _): return ReasonText("another host answered", remedy: "check the URL")
        case .wrongHost(let given, let expected?, let isFromInventory):
            let other = given.map { "host '\(Self.id($0))'" } ?? "an answer without an id"
            let source = isFromInventory ? "the inventory expects" : "this URL first gave"
            return ReasonText(
                "\(other) answered where \(source) '\(Self.id(expected))'", remedy: "check URL, DNS and proxies")
        case .machineIDChanged(let given, let first):
            return ReasonText(
                "host id '\(Self.id(given))' where this URL first gave '\(Self.id(first))', and another boot id",
                remedy:
                    "the machine id changed with the reboot, or another machine took its place; make /etc/machine-id "
                    + "persistent, or \(Self.idRemedy)")
        case .duplicateID(let id, let other?):
            return ReasonText(
                "'\(Self.id(other))' has the same id '\(Self.id(id))'", remedy: "check both URLs, or \(Self.idRemedy)")
        case .duplicateID(let id, nil):
            return ReasonText(
                "another inventory host has the id '\(Self.id(id))'", remedy: "check both URLs, or \(Self.idRemedy)")
        case .clonedMachineID(let id, let other):
            return ReasonText(
                "'\(Self.id(other))' answers with the same id '\(Self.id(id))' and another boot id",
                remedy: "/etc/machine-id was cloned; give each machine its own (systemd-machine-id-setup), or "
                    + Self.idRemedy)
        case .sameHostTwice(let id, let other):
            return ReasonText(
                "'\(Self.id(other))' answers with the same id '\(Self.id(id))' and the same boot id",
                remedy: "two names for one host, or a proxy that asks one host for both; list it once, or correct the "
                    + "URLs; for two agents on one machine, \(Self.idRemedy)")
        default:
            return ReasonText(
                "the answer does not echo this request's nonce", remedy: "a cache or balancer answers for the host")
        }
    }

    // MARK: - Reachability

    private var requestText: ReasonText {
        switch self {
        case .noAnswerYet(let waited):
            return ReasonText(
                "no answer within \(waited.brief)", remedy: "check the host, the network and the agent",
                summary: "no answer")
        case .noFreshAnswer(let span):
            return ReasonText(
                "no fresh answer for \(span.brief)", remedy: "check the host and its agent", summary: "no fresh answer")
        case .requestFailed(let request): return request.text
        case .notListed(let request):
            return ReasonText(
                "no longer listed by the inventory's source, and \(request.cause)",
                summary: "no longer listed by the inventory's source, and without a usable answer")
        default: return ReasonText("not answered yet")
        }
    }

    // MARK: - Answers without information about the build

    private static let agentLog = "journalctl -u buildinfo-agent on the host"

    private var unusableText: ReasonText {
        switch self {
        case .sourceUnreadable(let said?):
            guard let check = engineCheck(said) else { return ReasonText("the agent cannot tell", remedy: said) }
            return ReasonText("the agent cannot tell: \(Sanitizer.singleLine(said))", remedy: check)
        case .sourceUnreadable(nil): return ReasonText("the agent cannot read its source", remedy: Self.agentLog)
        case .sourceLost(let age):
            return ReasonText(
                "the agent lost its engine; its last observation is \(age.brief) old", remedy: Self.agentLog,
                summary: "the agent lost its engine")
        case .sourceStale(let age?):
            return ReasonText(
                "the agent answers, but its last observation is \(age.brief) old", remedy: Self.agentLog,
                summary: "the agent answers, but its last observation is old")
        case .sourceStale(nil): return ReasonText("the agent gave no usable answer", remedy: Self.agentLog)
        case .askedTooEarly(let age):
            return ReasonText(
                "asking again: this answer was from before the check started", note: "\(age.brief) old")
        case .noAnswerSinceStart(let age):
            return ReasonText(
                "no answer since the check started; the agent's last observation was \(age.brief) old when it answered",
                remedy: Self.agentLog, summary: "no observation since the check started")
        case .otherService(let other, let expected):
            return ReasonText(
                "answers for the service '\(Self.id(other))', not for '\(expected)'",
                remedy: "check the inventory's URL")
        case .contradiction(let text): return ReasonText("the answer contradicts itself: \(text)")
        case .agentMissing(let id):
            return ReasonText("the inventory expects host id \(Self.id(id)), and no agent answered")
        case .unusablePlainAnswer(let problem): return ReasonText("the answer cannot be used: \(problem)")
        case .cachedAnswer(let by):
            return ReasonText(
                "a cache may have answered for the host (\(by))",
                remedy: "exclude this path from caching, or ask the host itself")
        case .agedAnswer(let age):
            return ReasonText(
                "the answer is \(age.brief) old by its own account", remedy: "a cache answers for the host",
                summary: "the answer is old by its own account")
        default: return ReasonText("the agent's age_seconds is negative", remedy: Self.agentLog)
        }
    }

    /// The command that shows the state of an engine that does not answer; nil if the agent's words are about something else.
    private func engineCheck(_ said: String) -> HostRemedy? {
        let silences = ["refused", "did not answer", "did not accept", "does not answer"]
        guard said.contains("the engine at "), silences.contains(where: said.contains) else { return nil }
        let unit = said.contains("podman") ? "podman.socket" : "docker"
        return .words("systemctl status \(unit) on the host")
    }

    // MARK: - Answers that cannot be compared

    private static let revision = "org.opencontainers.image.revision"

    private var incomparableText: ReasonText {
        switch self {
        case .noInstance(let service, let said):
            let text = "no instance of the service on the host"
            return said.map { ReasonText(text, remedy: $0) } ?? ReasonText(text, remedy: .start(service: service))
        case .noRevision(let reported, nil):
            return ReasonText(
                "git_sha \(Self.words(reported))", remedy: "label the image with \(Self.revision)=<full commit>")
        case .noRevision(let reported, let said?):
            return ReasonText("git_sha \(Self.words(reported))", remedy: said)
        case .noRevisionOfDigest(let reported, let said):
            return ReasonText(
                "the digest is right, but git_sha \(Self.words(reported))",
                remedy: "\(said ?? "label the image"), or ask for --digest alone")
        case .noRegistryDigest:
            return ReasonText(
                "the image has no registry digest (built here, loaded or committed)",
                remedy: "pull it from the registry")
        case .noAgent:
            return ReasonText(
                "no agent on the host can tell a digest", remedy: "install buildinfo-agent, or verify by --sha alone")
        default: return ReasonText("nothing to compare", remedy: "give --sha or --digest")
        }
    }

    private static func words(_ reported: Reported<GitSHA>) -> String {
        switch reported {
        case .known(let value): return "is \(value.short)"
        case .absent: return "is null"
        case .unusable(let text):
            let problem = GitSHA.problem(with: text).map { " \($0)" } ?? ""
            return "'\(Sanitizer.singleLine(text, limit: 48))'\(problem)"
        }
    }

    // MARK: - Another build

    private var otherBuildText: ReasonText {
        switch self {
        case .pulledNotRecreated(let setup, let image, let served):
            let build = "\(served.build)\(Self.suffix(served.condition))"
            return ReasonText(
                "pulled, not recreated", remedy: .recreate(setup, image), note: "serves \(build)", served: build)
        case .neverPulled(let setup, let image, let served):
            let history = served.generation.map { "promotion no. \($0)" } ?? "never promoted here"
            let build = "\(served.build), \(history)\(Self.suffix(served.condition))"
            return ReasonText(
                Self.notDeployed(setup, image), remedy: .deploy(setup, image), note: "serves \(build)", served: build)
        case .leftTarget(let build):
            return ReasonText("served the target, and serves \(build) now: watching whether it went back")
        case .summaryDiffers(let build):
            return ReasonText("the answer contradicts itself: its summary says \(build)")
        case .serviceServesOther(let served, let image, let url):
            return ReasonText(
                "the service serves \(served), its image says \(image)",
                remedy: "restart it, and see what listens at \(Self.url(url))")
        case .instancesDiffer(let matching, let all, let other, let setup, let image):
            guard all > 0 else { return ReasonText("the instances differ", remedy: .recreate(setup, image)) }
            let name = other.isEmpty ? "the others do not" : "\(Self.id(other)) does not"
            return ReasonText(
                "\(matching) of \(all) instances \(matching == 1 ? "serves" : "serve") the target, \(name)",
                remedy: .recreate(setup, image), summary: "some instances do not serve the target")
        case .promotedLater(let build, let generation?):
            return ReasonText("serves \(build), promoted later (promotion no. \(generation))")
        case .promotedLater: return ReasonText("serves a later promotion")
        case .promotedConfigDigest:
            return ReasonText(
                "the digest asked for is the host's image id", remedy: "promote by the digest of the index or manifest")
        case .wrongImage(let build, let lookup):
            let note: String? =
                switch lookup {
                case .isAnotherImage: nil
                case .notPossible: "if it is the same image by another digest, --image or --index would tell"
                case .failed(let why):
                    "could not check with the registry whether this is another index of the same image: \(why)"
                }
            return ReasonText(
                "right commit, wrong image (\(build)), rebuilt or tampered with",
                remedy: "find out where this image comes from, then deploy the promoted image again", note: note)
        case .digestLookupPending(let build):
            return ReasonText("right commit, other digest (\(build)): asking the registry whether it is the same image")
        case .platformMissing(let platform):
            let name = Sanitizer.singleLine(platform.description, limit: 40)
            return ReasonText(
                "the promoted index holds nothing for \(name), which this host runs",
                remedy: "build that platform, and promote again")
        case .wrongCommit(let build):
            return ReasonText(
                "right image, but it is labelled \(build)",
                remedy: "the promoted commit is wrong: promote the image's own")
        case .wentBack(let build):
            return ReasonText("served the target, then went back to \(build)", remedy: "find out what rolled it back")
        case .replacedByUnpromoted(let build):
            return ReasonText(
                "served the target, then changed to \(build), never promoted here", remedy: "find out what deployed it")
        default: return ReasonText("serves another build")
        }
    }

    /// That a host pulled nothing is only known if the tag that it runs is one that moves: it still names the former image
    /// there.
    private static func notDeployed(_ setup: ServiceSetup, _ image: ImageTracking) -> String {
        // Kamal names every image by its commit.
        if case .pinned(let reference, _) = image, setup.deployment?.tool != .kamal {
            return "pinned to \(Sanitizer.singleLine(reference, limit: 160))"
        }
        guard case .moving = image, setup.engine != nil else { return "not deployed" }
        return "not pulled"
    }

    private static func suffix(_ condition: Condition?) -> String { condition.map { ", \(words($0))" } ?? "" }

    // MARK: - On the target

    private var onTargetText: ReasonText {
        switch self {
        case .crashLoop(let loop, let condition):
            let exit = loop.lastExitCode.map { "exit \($0), " } ?? ""
            let memory = condition.isOutOfMemory ? ", out of memory" : ""
            let engine = condition.restartCount ?? 0
            let all = engine > loop.count ? ", \(engine) restarts in all" : ""
            let kind = (loop.lastExitCode.map { ["exit \($0)"] } ?? []) + (memory.isEmpty ? [] : ["out of memory"])
            return ReasonText(
                "\(Self.id(loop.instance)) keeps crashing (\(exit)\(loop.count.times) within \(loop.span.brief)\(memory)\(all))",
                remedy: Self.inspect(condition), note: Self.details(condition),
                summary: "keeps crashing" + (kind.isEmpty ? "" : " (\(kind.joined(separator: ", ")))"))
        case .crashLoopNotSoaked(let condition):
            return ReasonText(
                "keeps failing, and has not stayed up for the soak since", remedy: Self.inspect(condition),
                note: Self.details(condition))
        case .probeFailed(let probe):
            return ReasonText(
                "on the target, but the service did not answer its probe at \(Self.url(probe.url)) (\(Self.words(probe)))",
                remedy: "look at its logs, or correct the agent's --probe")
        case .startFailed(let said, let condition):
            let code = condition.exitCode.map { " (exit code \($0))" } ?? ""
            guard let error = Self.error(condition), let instance = condition.instance else {
                return ReasonText(
                    "on the target, \(said)", remedy: Self.startRemedy, summary: "on the target, could not be started")
            }
            // The agent's own words repeat the error, and are cut at its end, where the cause is.
            return ReasonText(
                "on the target, \(Self.id(instance)) could not be started\(code)", remedy: Self.startRemedy,
                note: "error: \(error)", summary: "on the target, could not be started")
        case .starting(let said): return ReasonText("on the target, \(said)")
        case .down(let condition, let answers):
            return ReasonText(
                "on the target, \(Self.words(condition)), \(answers == 1 ? "1 answer" : "\(answers) answers in a row")",
                remedy: Self.inspect(condition), note: Self.details(condition),
                summary: "on the target, \(Self.state(condition))")
        case .tooFewInstances(let running, let expected):
            return ReasonText(
                "on the target, \(running) of \(expected) instances \(running == 1 ? "runs" : "run")",
                remedy: "find out why the others do not")
        case .notServing(let condition):
            let text = "on the target, \(Self.words(condition))"
            guard condition.state.isDown else { return ReasonText(text, note: Self.details(condition)) }
            return ReasonText(
                text, remedy: Self.inspect(condition), note: Self.details(condition),
                summary: "on the target, \(Self.state(condition))")
        case .soaking(let held, let soak, let changes, let restarts):
            let changed = changes >= 2 ? " (changed \(changes) times lately)" : ""
            let restarted = restarts.map { " (\($0.text): the soak began again)" } ?? ""
            return ReasonText("serves the target; held for \(held.brief) of \(soak.brief)\(changed)\(restarted)")
        case .flapping(let changes):
            return ReasonText("back on the target after \(changes) changes; waiting for it to stabilise")
        case .converged(let fact, let hasHealthCheck, let isSilent):
            let how =
                switch fact {
                case .matchPlatform: ", by its platform's manifest"
                case .matchIndex: ", by another index of the same image"
                case .matchConfig: ", by the image's content"
                case .matchSHA: ", by commit"
                default: ""
                }
            let health = hasHealthCheck ? "" : " (no health check)"
            let silence = isSilent ? " (the service does not tell its commit)" : ""
            return ReasonText("serves the target\(how)\(health)\(silence)")
        default: return ReasonText("serves the target now")
        }
    }

    private static func words(_ condition: Condition) -> String {
        if let said = condition.said { return "and says \(said)" }
        guard let instance = condition.instance else { return condition.state.rawValue }
        let summary = condition.callsItServing ? " (the answer's summary says serving)" : ""
        return "\(id(instance)) \(state(condition))\(summary)"
    }

    /// The state without the container's name.
    private static func state(_ condition: Condition) -> String {
        if let said = condition.said { return "and says \(said)" }
        let code = condition.exitCode.map { " with code \($0)" } ?? ""
        return "\(condition.state.rawValue)\(code)\(condition.isOutOfMemory ? ", out of memory" : "")"
    }

    /// What the engine knows beside the state: the error of a failed start, or the output of a failing health check.
    private static func details(_ condition: Condition) -> String? {
        if let error = error(condition) { return "error: \(error)" }
        guard condition.state == .unhealthy || condition.state == .starting else { return nil }
        return condition.healthOutput.map(output).flatMap { $0.isEmpty ? nil : "health check: \($0)" }
    }

    private static let outputLimit = 160

    private static func output(_ text: String) -> String { Sanitizer.singleLine(text, limit: outputLimit) }

    /// The engine's reason why it could not start the container. It is a chain of programs whose end names the cause.
    private static func error(_ condition: Condition) -> String? {
        let text = Sanitizer.singleLine(condition.error ?? "", limit: 1_024)
        guard text.unicodeScalars.count > outputLimit else { return text.isEmpty ? nil : text }
        let end = String(String.UnicodeScalarView(text.unicodeScalars.suffix(outputLimit)))
        guard let start = end.firstRange(of: ": ") else { return Sanitizer.singleLine("… " + end) }
        return Sanitizer.singleLine("… " + end[start.upperBound...])
    }

    /// A container that never ran has no logs.
    private static let startRemedy = "correct its command, image or settings"

    private static func words(_ probe: ProbeResult) -> String {
        switch probe.outcome {
        case .ok, .other: "failed"
        case .refused: "connection refused"
        case .timeout: "timed out"
        case .httpStatus: probe.status.map { "HTTP \($0)" } ?? "wrong HTTP status"
        case .notBuildinfo: "an answer without git_sha"
        case .tooLarge: "too large an answer"
        }
    }

    private static func inspect(_ condition: Condition) -> HostRemedy {
        if condition.said != nil { return .words("look at its logs") }
        if condition.state == .paused { return .unpause(condition.setup) }
        if condition.isOutOfMemory { return .words("raise its memory limit, or find out why it needs more memory") }
        return error(condition) == nil ? .readLogs(condition.setup) : .words(startRemedy)
    }

    // MARK: - Parts

    private static func id(_ text: String) -> String { Sanitizer.singleLine(text, limit: 64) }
    private static func url(_ text: String) -> String { Sanitizer.singleLine(text, limit: 120) }
}
