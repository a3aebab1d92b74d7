"""The guards behind the project's promises, for run.py.

To add one, append a Guard to GUARDS, with

    promise   a key of PROMISES (a new promise goes there first)
    name      short and unique, for --only
    what      the rule that the guard enforces: one clause, for the table
    file      the file to change, relative to the repository
    old       the guard's text, which must occur exactly once in the file; no longer than that requires
    new       the replacement without the guard. It must compile (warnings are errors) and should remove only this guard
    tests     a filter for `swift test --filter`: the suites that should fail. Keep it small, because it runs for every
              guard; the filters below are shared by many rows

and run `Tests/Guards/run.py --only NAME`. A removal that no test detects needs a test, not another row. Texts are raw
strings, because of Swift's backslashes. When a promise gets its first row, remove it from NOT_BUILT.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    promise: object
    name: str
    what: str
    file: str
    old: str
    new: str
    tests: str


PROMISES = {
    1: "no proven host, no green",
    2: "unreadable is never empty, and neither is fine",
    3: "no answer of another host, another time or another request proves anything",
    4: "a right commit with a wrong digest is red",
    5: "every inventory host is in the report exactly once",
    6: "exit code and reports agree",
    7: "the agent sends the engine nothing but the listed GET requests",
    8: "the process that the network reaches cannot open the engine's socket",
    9: "memory and time are bounded whatever a peer does",
    10: "no secret in any output",
    11: "nothing is promoted past the gate",
    12: "a kill loses no recorded transition and corrupts nothing",
    13: "what is shown as green states when it was known, and is unknown once that is too long ago",
    "service": "the service's other rules",
    "gate": "the gate's other rules",
    "agent": "the agent's other rules",
    "evidence": "evidence replays to the same verdict, and no change of it goes unnoticed",
    "text": "what others say stays text",
    "advice": "no report spreads a build that failed, was replaced, or of unknown origin",
    "ledger": "what is recorded counts for what it is",
}

# Promises whose code does not exist yet: listed in the table, but not counted.
NOT_BUILT = {}

SERVICE_PAGES = r"[./]PagesTests/"
REMOTE = r"[./]RemoteRunTests/"
_REMOTE = "Sources/Collector/Operations/Remote/"
_PAGES = "Sources/Collector/Service/Pages/"

# Filters that many rows share. All filters run once before the first guard is removed.
VERDICT = (r"[./](IncidentRowTests|ProofTests|ConclusionTests|RestToleratedTests|BuildMatcherTests|VerdictGuardTests|"
           r"RequirementTests|GroupToleranceTests|SupersededTests|InventoryCheckTests|RestartTests|EarlierEvidenceTests|"
           r"ContradictionTests|PlainHostTests|ConflictReasonTests)/")
DETAILS = r"[./](ForeignOutputTests|ContainerReportTests|HealthOutputChangeTests|DeploymentTests|HTTPServerTests)/"
ANSWERS = r"[./](ResponseDecoderTests|TransferOutcomeTests)/"
TRANSFERS = r"[./](TransferOutcomeTests|TransferClientTests|TransferReuseTests|TransferTLSTests)/"
SESSION = r"[./](FleetSessionTests|SessionGuardTests)/"
SHARED_VALUES = r"[./]SharedValuesTests/"
PACE = r"[./](PollScheduleTests|KeptIntervalTests)/"
SUSPENSION = r"[./](SuspensionTests|UnsentRequestTests|PulseTests|PollScheduleTests)/"
STOPPED = r"[./]StoppedCollectorTests/"
INVENTORY = r"[./](GoodInventoryTests|BadInventoryTests|AccessInventoryTests)/"
REPORTS = r"[./](ReportTests|ReportGuardTests)/"
LEDGER = r"[./](LedgerRecordingTests|HostWriterTests|LedgerOpenerTests|LedgerGuardTests)/"
OUTCOMES = r"[./](RecordedOutcomesTests|StatisticsOracleTests)/"
HISTORY = (r"[./](HistoryStatisticsTests|HostMomentTests|RecordedStatusTests|RollbackLinksTests|ServedFromStartTests|"
           r"CommaSeparatedTableTests)/")
INIT = r"[./](InitTests|InventoryYAMLTests)/"
DOCTOR = r"[./](DoctorTests|DoctorChecksTests)/"
DRILL = r"[./](DrillRunTests|DrillJudgementTests)/"
ENGINE = r"[./](EngineSessionTests|DocumentBuilderTests|ContainerReportTests|LocalSourceTests)/"
INSTANCES = r"[./](InstanceSelectionTests|InstanceDocumentTests|EngineInstanceTests|HealthResultTests)/"
ENGINE_EVENTS = r"[./](EngineEventsTests|EngineEventParserTests|BackoffTests|FileWatchTests|RefresherTests|RefreshScheduleTests)/"
ADDRESSES = r"[./](EngineAddressTests|EngineActivationTests)/"
HOLDING = r"[./](LongPollTests|PreferencesTests)/"
SPLIT = r"[./](SnapshotTests|SplitTests|WatchdogTests)/"
SERVER = r"[./](HTTPServerTests|ServerLimitsTests)/"
ACCESS = r"[./](AccessTests|RequestLimiterTests)/"
ACCESS_TO_AGENT = r"[./](AgentAccessTests|HostileClientsTests)/"
AGENT_TEXT = r"[./](CommandTests|FileSourceTests|RequestParsingTests)/"
SHARED = r"SharedTests\."
EVIDENCE = r"[./]ReplayTests/"
HELD = r"[./]LongPollPlannerTests/"
REPEATED = r"[./](AnswerMemoryTests|RepeatedAnswerTests)/"
PAGES = r"[./]HTMLEscapingTests/"
REGISTRY = (r"[./](LyingRegistryTests|RegistryAccessTests|RegistryPutTests|StrictJSONTests|RetryRuleTests|"
            r"AuthenticationChallengeTests|CredentialTests|ResolvedImageTests)/")
DIGESTS = r"[./](BuildMatcherTests|DigestMatrixTests|DigestLookupTests|DigestLookupSessionTests|PlatformTests)/"
CACHES = r"[./](StoredAnswerTests|PlainHostTests)/"
SERVED = r"[./]ServedTests/"
ADVICE = r"[./]RemedyTests/"
REMEDIES = r"[./]HostRemedyTests/"
ACTIONS = r"[./]ActionTests/"
STATUS = r"[./]StatusReportTests/"
WATCH = r"[./]StatusDisplayTests/"
PROGRESS = r"[./]ProgressTests/"
LIMITS = r"[./]LimitOptionsTests/"
KINDS = r"[./]LedgerKindsTests/"
ENVIRONMENTS = r"[./]EnvironmentTests/"
STANDING_CHANGES = r"[./]StandingChangeTests/"
HOST_LOG = r"[./]HostLogTests/"
RECORDER = r"[./]ChangeRecorderTests/"
LEDGER_COPIES = r"[./](LedgerBackupTests|LedgerRestoreTests)/"
CONFIGURATION = r"[./]ConfigurationTests/"
PROBE = r"[./](ProbeURLTests|ProbeClientTests|ProbeJudgementTests|ProbeObservationTests)/"
PIPELINE = r"[./](FormatConsistencyTests|AnnotationTests|JUnitReportTests|MarkdownReportTests)/"
TRANSPORT = r"[./]TransportTests/"
DRIFT = r"[./]DriftTests/"
PROMOTE = r"[./](PromoteTests|KilledPromotionTests)/"
ROLLBACK = r"[./]RollbackTests/"
JOURNAL = r"[./](JournalTests|PromotionRulesTests|TagReadbackTests|BuildHistoryTests)/"
CI = r"[./](CIReadingTests|CIReportersTests|CIStateMachineTests|CIContextsTests)/"
FORGE = r"[./](GiteaForgeTests|GitHubForgeTests|ReporterForgeTests|LyingForgeTests|ForgeSettingTests|BranchTests)/"
KILL_SWITCH = r"[./]KillSwitchTests/"
SERVICE = r"[./](APITests|VerificationAPITests|ServiceConfigurationTests)/"
SERVICE_EVENTS = r"[./]EventsTests/"
BOARD = r"[./](FleetBoardTests|StandingTests)/"
TAG_BOARD = r"[./]TagBoardTests/"
TAGS = r"[./]TagCheckTests/"
HOOKS = r"[./](HookTests|HookSignatureTests)/"
OWN_THREAD = r"[./]OwnThreadTests/"
HEADLINE = r"[./](HeadlineTests|PipelineFileTests|PipelineOriginTests)/"

_VERDICT = "Sources/Collector/Verdict/"
_REGISTRY = "Sources/Collector/Registry/"
_POLLING = "Sources/Collector/Transfer/"
_LEDGER = "Sources/Collector/Ledger/"
_ENGINE = "Sources/Agent/Engine/"
_CORE = "Sources/Agent/Core/"
_CONFIGURATION = "Sources/Agent/Configuration/"
_PROBE = "Sources/Agent/Probe/"
_EVIDENCE = "Sources/Collector/Evidence/"
_CI = "Sources/Collector/Gate/CI/"
_FORGE = "Sources/Collector/Gate/Forge/"
_KILL_SWITCH = "Sources/Collector/Gate/KillSwitch/"
_BRANCH = "Sources/Collector/Gate/Branch/"
_STANDING = "Sources/Collector/Operations/Standing/"
_SERVICE = "Sources/Collector/Service/"
_ACCESS = _SERVICE + "Access/"
SESSIONS = r"[./]SessionTests/"
LOGIN = r"[./]LoginTests/"
IDENTITY = r"[./]IdentityTokenTests/"
ROUTE_ACCESS = r"[./]RouteAccessTests/"

GUARDS = [
    # 1. No proven host, no green
    Guard(
        1, "none-proven", "success wants at least one proven host",
        _VERDICT + "VerdictRules.swift",
        r"guard proven > 0, unmet(isOver: true).isEmpty else {",
        r"guard proven >= 0, unmet(isOver: true).isEmpty else {", VERDICT),
    Guard(
        1, "min-proven", "below --min-proven nothing is tolerated",
        _VERDICT + "VerdictRules.swift",
        r"let isShort = proven < expected && proven < minimum",
        r"let isShort = proven < expected && proven > minimum", VERDICT),
    Guard(
        1, "soak-span", "a match has to hold through the soak",
        _VERDICT + "Proof.swift",
        r"observations >= 2 && span >= soak",
        r"observations >= 2 && span >= min(soak, .zero)", VERDICT),
    Guard(
        1, "two-answers", "a single answer does not prove the target",
        _VERDICT + "Proof.swift",
        r"observations >= 2 && span >= soak",
        r"observations >= 1 && span >= soak", VERDICT),
    Guard(
        1, "different-looks", "two answers from one look at the engine are one piece of evidence",
        _VERDICT + "Proof.swift",
        r"if isNew, window.earliest > run.latest.latest {",
        r"if isNew, window.latest > run.latest.latest {", VERDICT),
    Guard(
        1, "slow-answer", "the transfer time of a slow answer does not count towards the soak",
        _VERDICT + "Proof.swift",
        r"max(.zero, latest.earliest - first.latest)",
        r"max(.zero, latest.latest - first.earliest)", VERDICT),
    Guard(
        1, "same-instances", "another instance, start or restart begins the soak again",
        _VERDICT + "Proof.swift",
        r"guard var run, run.fingerprint == fingerprint, window.latest",
        r"guard var run, window.latest", VERDICT),
    Guard(
        1, "must-serve", "a match that is not serving does not prove the target",
        _VERDICT + "HostTracker.swift",
        r"isMatch && runtime == .serving && canProve",
        r"isMatch && canProve", VERDICT),
    Guard(
        3, "copy-predates-start", "a copy that may be from before the start begins no proof",
        _VERDICT + "HostTracker.swift",
        r"isMatch && runtime == .serving && canProve",
        r"isMatch && runtime == .serving", CACHES),
    Guard(
        1, "stale-fact", "a fact older than three intervals proves nothing",
        _VERDICT + "HostTracker.swift",
        r"now - observedAt > policy.freshness",
        r"now - observedAt > policy.freshness * 100", VERDICT),
    Guard(
        1, "kept-fact", "freshness never follows an interval that is shorter than the policy's",
        _VERDICT + "Policy.swift",
        r"paced.interval = max(interval, kept)",
        r"paced.interval = kept", PACE),
    Guard(
        1, "suspended-fact", "after a suspension of the collector, an old fact proves nothing",
        _VERDICT + "HostTracker+Status.swift",
        r"proof.hasSoaked(policy.soak), !isOld(at: now, policy: policy)",
        r"proof.hasSoaked(policy.soak)", SUSPENSION),
    Guard(
        1, "suspended-answer", "an answer that waited for a suspended collector is not fresh",
        _VERDICT + "Proof.swift",
        r"moment = latest - unattended.overlap(sample.askedAt, sample.answeredAt)",
        r"moment = latest", SUSPENSION),
    Guard(
        1, "suspended-late", "an answer that is noticed after a suspension is judged by its end",
        _VERDICT + "Verification.swift",
        r"        let now = max(sample.answeredAt, resumedAt)",
        r"        let now = sample.answeredAt", SUSPENSION),
    Guard(
        1, "suspended-pace", "freshness does not follow a suspension of the collector",
        "Sources/Collector/Operations/Verify/PollSchedule.swift",
        r"now - moment - (suspension?.overlap(moment, now) ?? .zero)",
        r"now - moment", SUSPENSION),
    Guard(
        1, "suspended-end", "nothing ends green after a suspension before every host was asked again",
        "Sources/Collector/Verdict/Verification.swift",
        r"isWholeFleet({ $0.isAskedAgain($1) && $0.isProvenOrSettled($1, at: now) })",
        r"isWholeFleet({ $0.isProvenOrSettled($1, at: now) })", r"[./]SuspensionTests/"),
    Guard(
        1, "suspended-deadline", "a deadline that passed during a suspension ends with no tolerated green",
        "Sources/Collector/Verdict/VerdictRules.swift",
        r"$0.until >= policy.timeout } ?? false",
        r"$0.until < .zero } ?? false", r"[./]SuspensionTests/"),
    Guard(
        1, "suspended-tag", "a reading of the tag that a suspension interrupted is requested again",
        _VERDICT + "Verification.swift",
        r"""        tagAwaitedSince = nil
        for host in tracks.indices { tracks[host].resume() }""",
        r"        for host in tracks.indices { tracks[host].resume() }", SUSPENSION),
    Guard(
        1, "discarded-repeat", "an answer that repeats one from before a discarded request proves nothing",
        _VERDICT + "HostTracker.swift",
        r"""        outstanding = nil
        canBeRepeated = false
    }""",
        r"""        outstanding = nil
    }""", SUSPENSION),
    Guard(
        1, "repeat-without", "an answer that repeats a document proves nothing without that document",
        _VERDICT + "HostTracker.swift",
        r"if case .agent = answer { canBeRepeated = true } else { canBeRepeated = false }",
        r"if case .agent = answer { canBeRepeated = true }", PACE),
    Guard(
        1, "same-content", "a document that differs from the host's last one is not taken for it",
        _VERDICT + "HostTracker.swift",
        r"lastAnswer.content.flatMap { $0.document == rest ? $0 : nil }",
        r"lastAnswer.content.flatMap { $0.document.service == rest.service ? $0 : nil }", SHARED_VALUES),
    Guard(
        1, "shared-content", "hosts share what follows from their documents only if those are equal",
        _VERDICT + "SharedValues.swift",
        r"content.document == document { return content }",
        r"content.document.service == document.service { return content }", SHARED_VALUES),
    Guard(
        1, "shared-comparison", "a shared comparison is made again once the ledger or the registry says more",
        _VERDICT + "Verification.swift",
        r"shared.forgetComparisons()",
        r"_ = shared", SHARED_VALUES),
    Guard(
        1, "own-contradiction", "ids that contradict each other are no part of what hosts share",
        _VERDICT + "DocumentContent.swift",
        r"if isSameContent, let earlier, instances == earlier.instances, leftOut == earlier.leftOut {",
        r"if isSameContent, let earlier {", SHARED_VALUES),
    Guard(
        1, "repeat-bytes", "an answer repeats a document only if every other byte is the same",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"return hasher.finalize() == hash ? repeated : nil",
        r"return hasher.finalize() == 0 ? nil : repeated", REPEATED),
    Guard(
        1, "repeat-length", "an answer that is longer than a document does not repeat it",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"guard bytes.count - cursor.offset == rest else { return nil }",
        r"guard bytes.count - cursor.offset >= rest else { return nil }", REPEATED),
    Guard(
        1, "repeat-key", "no host can make two documents with the same hash",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"hasher.combine(key)",
        r"hasher.combine(key & 0)", REPEATED),
    Guard(
        3, "repeat-nonce", "a repeated document has the nonce of its own answer",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"case .nonce?: repeated.nonce = try cursor.plainString()",
        r'case .nonce?: repeated.nonce = "\(try cursor.plainString().count)"', REPEATED),
    Guard(
        3, "repeat-age", "an Age makes a repeated document as old as it says",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"repeated.ageSeconds = max(repeated.ageSeconds, StoredAnswer.age(headers))",
        r"repeated.ageSeconds = max(repeated.ageSeconds, 0)", REPEATED),
    Guard(
        2, "repeat-status", "an error never repeats a document, whatever its body",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"if status == 200, let last, var",
        r"if status > 0, let last, var", REPEATED),
    Guard(
        2, "repeat-forgets", "after an answer that is not a document, the next one is read as a whole",
        "Sources/Collector/Operations/Verify/AnswerMemory.swift",
        r"if last != nil || layout != nil { keep(layout, of: host) }",
        r"if layout != nil { keep(layout, of: host) }", REPEATED),
    Guard(
        2, "repeat-failure", "after a request without an answer, the next one is read as a whole",
        "Sources/Collector/Operations/Verify/FleetSession.swift",
        "forget(host: host)\n            reading.finding",
        "_ = host\n            reading.finding", REPEATED),
    Guard(
        "evidence", "repeat-latency", "the latency of a failed probe is never that of an earlier one",
        "Sources/Collector/Operations/Verify/DocumentReader.swift",
        r"if outcome == .ok, case",
        r"if outcome != .notBuildinfo, case", REPEATED),
    Guard(
        1, "repeat-held", "a host that can hold its requests is asked to, although its document is the same as before",
        "Sources/Collector/Operations/Verify/FleetSession.swift",
        r"if longPolls.needsDocument(host, status: status, isBehind: isBehind) { memory",
        r"if !longPolls.needsDocument(host, status: status, isBehind: true) { _ = host } else { memory", REPEATED),
    Guard(
        9, "signal-first", "a signal goes before the answers that wait",
        "Sources/Collector/Operations/Verify/FleetSession.swift",
        r"interruption.number.map(SessionEvent.signal) ?? event",
        r"event", r"[./]FleetSessionTests/"),
    Guard(
        9, "repeat-tag", "a tag that may be outdated is not sent again and again",
        "Sources/Collector/Operations/Verify/LongPollPlanner.swift",
        "lastDocuments[host] = nil\n            return reading.finding",
        "return reading.finding", HELD),
    Guard(
        1, "kept-announced", "the interval that counts as kept is the measured one",
        "Sources/Collector/Operations/Verify/PollSchedule.swift",
        r"return kept - known > known / Self.announcedStep ? kept : nil",
        r"return kept - known > known / Self.announcedStep ? kept + kept / 8 : nil", PACE),
    Guard(
        1, "worst-instance", "a summary that says serving does not make up for an instance that is not",
        _VERDICT + "Document+Judgement.swift",
        r"ServiceState.worst(of: [state] + instances.map(\.state) + sick + undecided)",
        r"ServiceState.worst(of: [state] + sick + undecided)", VERDICT),
    Guard(
        1, "probe-silent", "a service that did not answer its agent's probe is not up, whatever the document's state says",
        _VERDICT + "Document+Judgement.swift",
        r"if let served, served.outcome != .ok { return .starting }",
        r"if let served, served.url.isEmpty { return .starting }", SERVED),
    Guard(
        1, "probe-other", "a service that tells another commit than its image is not what was promoted",
        _VERDICT + "BuildMatcher.swift",
        r"return contradiction(in: evidence) ?? otherServed(evidence) ?? weakest",
        r"return contradiction(in: evidence) ?? (evidence.served?.url == nil ? otherServed(evidence) : nil) ?? weakest",
        SERVED),
    Guard(
        1, "probe-late", "an earlier promotion that still answers is late, and not wrong",
        _VERDICT + "BuildMatcher.swift",
        r"return BuildComparison(fact: known ?? .shaWrong, detail: .servedOther(served))",
        r"return BuildComparison(fact: known == nil ? .shaWrong : .shaWrong, detail: .servedOther(served))", SERVED),
    Guard(
        1, "probe-shortened", "a shortened commit that is not the beginning of the image's is another one",
        "Sources/Shared/Document.swift",
        r"return commits.contains { $0.hex.hasPrefix(digits) } ? .same : .other",
        r"return commits.contains { $0.hex.hasPrefix(digits) } ? .same : .silent", SERVED),
    Guard(
        1, "agent-probe-silent", "a service that does not answer its probe is not serving",
        _CORE + "ProbeJudgement.swift",
        r"self.content.state = isYoung ? .starting : .unhealthy",
        r"self.content.state = isYoung ? .starting : .serving", PROBE),
    Guard(
        1, "agent-probe-fresh", "an observation uses an answer to a probe that was sent after it began",
        _PROBE + "ServiceProbe.swift",
        r"if let waiting = state.waiting { return waiting.task }",
        r"if let known = state.waiting ?? state.inFlight { return known.task }", PROBE),
    Guard(
        1, "probe-through", "a probe's result reaches the server from the reader",
        _CORE + "DocumentContent.swift",
        r"served: try container.decodeIfPresent(ProbeResult.self, forKey: .served))",
        r"served: nil)", r"[./]SplitTests/"),
    Guard(
        9, "configuration-size", "a configuration file that is too large is not parsed",
        _CONFIGURATION + "ConfigurationText.swift",
        r"guard bytes.count <= ConfigurationText.sizeLimit else {",
        r"guard bytes.count <= 1_000 * ConfigurationText.sizeLimit else {", CONFIGURATION),
    Guard(
        9, "configuration-depth", "a configuration file does not nest without end",
        _CONFIGURATION + "ConfigurationText.swift",
        r"guard frames.count < ConfigurationText.depthLimit else {",
        r"guard frames.count < 1_000_000 * ConfigurationText.depthLimit else {", CONFIGURATION),
    Guard(
        9, "configuration-alias", "a configuration file has no anchors and aliases, which could stand for billions",
        _CONFIGURATION + "ConfigurationText.swift",
        r"if let anchor {",
        r"if let anchor, anchor.isEmpty {", CONFIGURATION),
    Guard(
        9, "probe-body", "a probed service cannot fill the agent's memory",
        _PROBE + "ProbeClient.swift",
        r"guard size <= ProbeClient.bodyLimit else {",
        r"guard size <= 1_000 * ProbeClient.bodyLimit else {", PROBE),
    Guard(
        9, "probe-deadline", "a hung service is abandoned after the time limit",
        _ENGINE + "HTTPExchange.swift",
        r"let deadline = scheduleTask(in: limit) { promise.fail(late) }",
        r"let deadline = scheduleTask(in: limit + .hours(1)) { promise.fail(late) }", PROBE),
    Guard(
        9, "probe-loopback", "an agent probes no other machine",
        _PROBE + "ProbeURL.swift",
        r"guard try SocketAddress(ipAddress: name, port: port).isLoopback else {",
        r"guard try SocketAddress(ipAddress: name, port: port).port != nil else {", PROBE),
    # 2. Unreadable is never empty, and neither is fine
    Guard(
        2, "error-page", "an error page is not an answer, whatever it holds",
        "Sources/Collector/Operations/Verify/ResponseDecoder.swift",
        r"case 200: break",
        r"case 200, 404: break", ANSWERS),
    Guard(
        2, "unknown-schema", "a document of another schema is not a document",
        "Sources/Collector/Operations/Verify/ResponseDecoder.swift",
        r"if document.schema != Document.schema {",
        r"if document.schema < Document.schema {", ANSWERS),
    Guard(
        2, "blind-agent", "an agent that cannot read its engine is an error, not an empty host",
        _VERDICT + "HostTracker.swift",
        r"guard content.document.state != .unknown else {",
        r"guard content.document.state != .unknown || content.document.instances.isEmpty else {", VERDICT),
    Guard(
        2, "engine-failed", "one engine that cannot be read makes the service unknown, whatever the others say",
        _CORE + "DocumentBuilder.swift",
        r"if let failure = failures.first {",
        r"if let failure = failures.first, snapshots.isEmpty {", ENGINE),
    Guard(
        2, "engine-denied", "an engine that denies a request is not an empty engine",
        _ENGINE + "EngineScan.swift",
        r"case 404: return nil",
        r"case 403, 404: return nil", ENGINE),
    Guard(
        2, "unknown-state", "an unknown container state is never serving",
        _CORE + "ContainerReport.swift",
        r'guard facts.status == "running" || facts.status.isEmpty else { return (.unknown, health) }',
        r'guard facts.status != "removing" else { return (.unknown, health) }', ENGINE),
    Guard(
        10, "output-url", "a health output shows no user or query of a URL",
        _CORE + "Redaction.swift",
        r"return Self.withoutLongRuns(Self.withoutURLSecrets(word))",
        r"return Self.withoutLongRuns(word)", DETAILS),
    Guard(
        10, "output-header", "an authorization header hides its whole line",
        _CORE + "Redaction.swift",
        r"if Self.headers.contains(where: { name.lowercased().hasSuffix($0) }) {",
        r"if Self.headers.contains(where: { name == $0 }) {", DETAILS),
    Guard(
        10, "output-key", "the value of a secret's key is hidden",
        _CORE + "Redaction.swift",
        r'guard Self.isSecret(name), !value.hasPrefix("//") else { continue }',
        r'guard Self.isSecret(name), value.isEmpty else { continue }', DETAILS),
    Guard(
        10, "output-cut", "the last word of a cut output is not shown",
        _CORE + "ForeignOutput.swift",
        r'if end != scalars.endIndex { word = "" }',
        r'if end == scalars.startIndex { word = "" }', DETAILS),
    Guard(
        10, "start-error", "an engine's start error shows no secrets of the command",
        _CORE + "ContainerReport.swift",
        r'ForeignOutput.singleLine(facts.error ?? "", limit: limit)',
        r'Sanitizer.singleLine(facts.error ?? "", limit: limit)', DETAILS),
    Guard(
        3, "output-run", "a health output of an earlier run is not this run's",
        _CORE + "ContainerReport.swift",
        r".filter { $0.time >= start }.max",
        r".filter { $0.time >= start || true }.max", r"[./]HealthResultTests/"),
    Guard(
        9, "output-storm", "a changed health output alone is published once a minute",
        "Sources/Agent/Documents/DocumentStore.swift",
        r"startedAt - bodyStartedAt < DocumentStore.healthOutputInterval",
        r"startedAt == bodyStartedAt", DETAILS),
    Guard(
        9, "output-idle", "a changed health output does not make events suspicious",
        "Sources/Agent/Documents/DocumentStore.swift",
        r"return changed && !before.body.content.isEqual(to: content, keepingPresence: false)",
        r"return changed", DETAILS),
    Guard(
        9, "details-limit", "the details of a document's instances are limited together",
        _CORE + "DocumentBuilder.swift",
        r"guard size > rest else {",
        r"guard size < 0 else {", DETAILS),
    Guard(
        9, "not-found-limit", "a 404 lists a limited number of services",
        "Sources/Shared/Protocol.swift",
        r"self.services = Array(services.prefix(Self.serviceLimit))",
        r"self.services = services", DETAILS),
    Guard(
        "text", "compose-path", "a label's path that had to be changed is not reported",
        _CORE + "ContainerDeployment.swift",
        r"&& Sanitizer.isVisibleLine(text)",
        r"&& !text.isEmpty", DETAILS),
    Guard(
        "agent", "compose-origin", "a relative Compose file has no path if its folder is unknown",
        _CORE + "ContainerDeployment.swift",
        r'let origin = "\(folder)/".hasSuffix("/\(start)") ?',
        r'let origin = !start.isEmpty ?', DETAILS),
    Guard(
        1, "one-off", "a one-off is left out for every selector",
        _CORE + "InstanceSelection.swift",
        r"if container.origin.isOneOff { return .oneOff }",
        r"if container.origin.isOneOff, container.state.isStopped { return .oneOff }", INSTANCES),
    Guard(
        1, "one-off-podman", "a one-off of podman-compose is recognised by its name",
        _CORE + "ContainerOrigin.swift",
        r'labels[Label.oneOff]?.lowercased() == "true" || Self.isPodmanComposeRun(label, name: name)',
        r'labels[Label.oneOff]?.lowercased() == "true" || Self.isPodmanComposeRun({ _ in nil }, name: name)', INSTANCES),
    Guard(
        1, "leftover-newer", "a stopped container that is newer than the running one counts",
        _CORE + "InstanceSelection.swift",
        r"let later = other.createdAt, created < later else { return false }",
        r"let later = other.createdAt, created != later else { return false }", INSTANCES),
    Guard(
        1, "leftover-slot", "a stopped replica counts if no container has its number",
        _CORE + "ContainerOrigin.swift",
        r"&& (replica == nil || other.replica == nil || replica == other.replica)",
        r"&& (replica == nil || other.replica == nil || replica != nil)", INSTANCES),
    Guard(
        1, "leftover-project", "a stopped container is not replaced by another deployment's",
        _CORE + "ContainerOrigin.swift",
        r'(tool, group ?? "", unit) == (other.tool, other.group ?? "", other.unit)',
        r"(tool, unit) == (other.tool, other.unit)", INSTANCES),
    Guard(
        1, "leftover-unlabelled", "without labels, only a running container can replace another",
        _CORE + "InstanceSelection.swift",
        r"case (nil, _): guard other.state.isUp else { return false }",
        r"case (nil, _): break", INSTANCES),
    Guard(
        1, "leftover-again", "a failed rollback counts",
        _CORE + "InstanceSelection.swift",
        r"return !wasStartedAgain(container, after: other)",
        r"return !wasStartedAgain(container, after: container)", INSTANCES),
    Guard(
        1, "task-awaited", "a container that ended with 0 is a task only if a service waits for it",
        _CORE + "InstanceSelection.swift",
        r"if let completed = other.origin.completedDependencies { return completed.contains(slot.unit) }",
        r"if let completed = other.origin.completedDependencies, completed.contains(slot.unit) { return true }", INSTANCES),
    Guard(
        1, "task-code", "a task that failed counts",
        _CORE + "InstanceSelection.swift",
        r'guard container.state.status == "exited", container.state.exitCode == 0,',
        r'guard container.state.status == "exited",', INSTANCES),
    Guard(
        1, "two-projects", "a service in two projects is never proven",
        _CORE + "DocumentBuilder.swift",
        r"if let ambiguity = Self.ambiguity(selection.ambiguousProjects, selector) {",
        r"if reports.isEmpty, let ambiguity = Self.ambiguity(selection.ambiguousProjects, selector) {",
        INSTANCES),
    Guard(
        1, "fewer-instances", "fewer instances than declared are not serving",
        _CORE + "DocumentBuilder.swift",
        r"if shortage != nil { content.state = ServiceState.worst(of: [content.state, .starting]) }",
        r"if shortage != nil { content.state = ServiceState.worst(of: [content.state]) }", INSTANCES),
    Guard(
        3, "old-health", "a health result from before the instance's start is ignored",
        _CORE + "ContainerReport.swift",
        r"guard let time = result.startedAt, time >= start else { return false }",
        r"guard let time = result.startedAt, time >= start || time < start else { return false }", INSTANCES),
    Guard(
        3, "old-health-podman", "on Podman, the health status needs a matching result of this run",
        _CORE + "ContainerReport.swift",
        r"return !isPodman || result.exitCode.map(isSuch) ?? true",
        r"return !isPodman || result.exitCode.map(isSuch) ?? true || time >= start", INSTANCES),
    Guard(
        3, "old-failures-podman", "on Podman, failures of an earlier run do not make a container unhealthy",
        _CORE + "ContainerReport.swift",
        r"hasResult(facts, isPodman: isPodman, count: facts.healthRetries ?? 1) { $0 != 0 }",
        r"hasResult(facts, isPodman: isPodman, count: 1) { $0 != 0 }", INSTANCES),
    Guard(
        1, "other-platform", "a commit is that of the container's platform, or unknown",
        _CORE + "EngineAPI.swift",
        r"isImageOfOtherPlatform = image != nil",
        r"isImageOfOtherPlatform = image == nil", INSTANCES),
    Guard(
        "agent", "created-waits", "a created container that waits has not failed",
        _CORE + "ContainerReport.swift",
        r"if facts.isWaiting { return (.starting, health) }",
        r"if facts.isWaiting, facts.running { return (.starting, health) }", INSTANCES),
    Guard(
        "agent", "created-failed", "a container that could not be started has failed",
        _CORE + "EngineSnapshot.swift",
        r'&& ["created", "configured", "initialized"].contains(status) && (error ?? "").isEmpty',
        r'&& ["created", "configured", "initialized"].contains(status)', INSTANCES),
    Guard(
        "agent", "named-container", "an inspection that fails is named by its container",
        _ENGINE + "EngineScan.swift",
        r'throw EngineFailure(error.reason, "container \(entry.displayName): \(error)")',
        r"throw error", INSTANCES),
    Guard(
        7, "platform-query", "a platform with characters that need an escape is not put into a request",
        _CORE + "EngineRequest.swift",
        r"""guard members.allSatisfy({ $0.1.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) } }) else {""",
        r"""guard !members.isEmpty else {""", INSTANCES),
    Guard(
        2, "no-container", "no container is absent, never serving",
        "Sources/Shared/Instance.swift",
        r"states.max { $0.severity < $1.severity } ?? .absent",
        r"states.max { $0.severity < $1.severity } ?? .serving", ENGINE),
    Guard(
        2, "empty-inventory", "an empty inventory is an error unless it was asked for",
        _VERDICT + "InventoryCheck.swift",
        r"let mayBeEmpty = allowsEmpty && listed.isEmpty",
        r"let mayBeEmpty = listed.isEmpty", VERDICT),
    Guard(
        2, "shrunk-inventory", "an inventory that shrank too much is an error",
        _VERDICT + "InventoryCheck.swift",
        r"InventoryBaseline.isShrunk(count, from: previous, allowance: maximumShrinkPercent)",
        r"count < 1, InventoryBaseline.isShrunk(count, from: previous, allowance: maximumShrinkPercent)", VERDICT),
    Guard(
        2, "refused-inventory", "a refused inventory never becomes what the next one is compared with",
        _LEDGER + "History/Ledger+Promotions.swift",
        r"verdict NOT IN (?, ?)",
        r"verdict NOT IN (?, ? || 'x')", LEDGER),
    Guard(
        2, "unreadable-inventory", "an inventory that cannot be read is refused",
        "Sources/Collector/Inventory/InventoryReader.swift",
        r"guard descriptor >= 0 else { throw Self.unreadable(source.name) }",
        r"""guard descriptor >= 0 else { return Content(text: "", stamp: nil) }""", INVENTORY),
    Guard(
        2, "zero-commit", "a commit of zeros is rejected",
        "Sources/Shared/GitSHA.swift",
        r"""guard digits.contains(where: { $0 != UInt8(ascii: "0") }) else { throw .allZeros }""",
        r"""guard !digits.isEmpty else { throw .allZeros }""", SHARED),
    Guard(
        2, "short-commit", "a shortened commit is rejected",
        "Sources/Shared/GitSHA.swift",
        r"guard digits.count == 40 || digits.count == 64 else {",
        r"guard digits.count >= 7 else {", SHARED),
    # 3. No answer of another host, another time or another request
    Guard(
        3, "nonce", "an answer has to echo this request's nonce",
        _VERDICT + "IdentityTracker.swift",
        r"if answer.nonce != nonce { return .replayed }",
        r"if answer.nonce == nil { return .replayed }", VERDICT),
    Guard(
        3, "nonce-there", "an answer without a nonce is rejected",
        _VERDICT + "IdentityTracker.swift",
        r"if answer.nonce != nonce { return .replayed }",
        r"if let echoed = answer.nonce, echoed != nonce { return .replayed }", VERDICT),
    Guard(
        3, "nonce-plain", "a host without an agent that echoes a nonce has to echo this one",
        _VERDICT + "IdentityTracker.swift",
        r"if let echoed = answer.nonce, echoed != sample.nonce {",
        r"if answer.nonce?.isEmpty == true {", VERDICT),
    Guard(
        3, "nonce-new", "every request has a nonce of its own",
        "Sources/Collector/Operations/Verify/PollSchedule.swift",
        r"""nonce: "\(noncePrefix)-\(String(lastID, radix: 36))")""",
        r"""nonce: "\(noncePrefix)-0")""", SESSION),
    Guard(
        3, "nonce-unguessable", "no two verifications share their nonces",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"package static func nonce() -> String { Hexadecimal.encode([UInt8].random(16)) }",
        r"package static func nonce() -> String { Hexadecimal.encode([UInt8](repeating: 7, count: 16)) }", SESSION),
    Guard(
        3, "expected-id", "a host id other than the inventory's is another host",
        _VERDICT + "IdentityTracker.swift",
        r"if let expectedID, expectedID != answer.own.hostID { return .wrongHost }",
        r"if let expectedID, expectedID.isEmpty { return .wrongHost }", VERDICT),
    Guard(
        3, "first-id", "a host id other than the first one said is another host",
        _VERDICT + "IdentityTracker.swift",
        r"if let firstID, firstID != answer.own.hostID { return .wrongHost }",
        r"if let firstID, firstID.isEmpty { return .wrongHost }", VERDICT),
    Guard(
        3, "duplicate-id", "two hosts of the inventory cannot have one id",
        _VERDICT + "Verification.swift",
        r"let others = claimants[id]?.without(sample.host)",
        r"let others = claimants[id].flatMap { _ in ClaimingHosts?.none }", VERDICT),
    Guard(
        3, "before-start", "a look from before the verification proves nothing",
        _VERDICT + "HostTracker.swift",
        r"window.latest + Policy.ageRounding >= rules.earliest",
        r"window.latest + .seconds(3_600) >= rules.earliest", VERDICT),
    Guard(
        3, "maximum-age", "an agent whose last look is more than a minute old has lost its engine",
        _VERDICT + "HostTracker.swift",
        r"guard age <= Policy.maximumAge else {",
        r"guard age <= Policy.maximumAge * 100 else {", VERDICT),
    Guard(
        3, "negative-age", "an age below zero would put a look into the future",
        _VERDICT + "HostTracker.swift",
        r"guard age >= .zero else {",
        r"guard age >= .seconds(-3_600) else {", VERDICT),
    Guard(
        3, "id-of-another", "an id that the inventory gives to another host is a conflict, though that one is silent",
        _VERDICT + "Verification.swift",
        r"return (others?.first ?? owner).map { tracks[$0].twin(withID: id) }",
        r"return (others?.first ?? (owner == sample.host ? owner : nil)).map { tracks[$0].twin(withID: id) }", VERDICT),
    Guard(
        3, "conflict-at-end", "of two hosts behind one URL, the one that answers last does not decide",
        _VERDICT + "HostTracker.swift",
        r"identity.recallConflict(at: now, within: max(policy.flappingWindow, policy.freshness))",
        r"identity.recallConflict(at: now, within: .zero)", VERDICT),
    Guard(
        3, "agent-fresh", "a document older than a second answers no request with a nonce",
        "Sources/Agent/Refresh/StatusSource.swift",
        r"entry.startedAt.map { clock.now() - $0 <= ObservationAge.freshness } ?? false",
        r"entry.startedAt.map { clock.now() - $0 <= ObservationAge.freshness + .milliseconds(500) } ?? false",
        r"[./](LocalSourceTests|ServerLimitsTests)/"),
    # 4. A right commit with a wrong digest
    Guard(
        4, "digest-wrong", "the right commit in another image is not a match",
        _VERDICT + "BuildMatcher.swift",
        r"case (true, nil): return sameCommitOtherImage(instance, on: engine)",
        r"case (true, nil): return BuildComparison(fact: .matchSHA)", VERDICT),
    Guard(
        4, "digest-fails", "the right commit in another image fails fast",
        _VERDICT + "TargetHistory.swift",
        r"case .digestWrong: seen.comparison.detail != .learning",
        r"case .digestWrong: false", VERDICT),
    Guard(
        "gate", "learning-holds", "a host is not failed while the registry is asked what it serves",
        _VERDICT + "TargetHistory.swift",
        r"case .digestWrong: seen.comparison.detail != .learning",
        r"case .digestWrong: true", DIGESTS),
    Guard(
        4, "digest-at-end", "the right commit in another image is a failed deploy at the deadline",
        _VERDICT + "HostTracker+Status.swift",
        r"if isFinal, build == .digestWrong || build == .shaWrong { return true }",
        r"if isFinal, build == .shaWrong { return true }", VERDICT),
    Guard(
        4, "sha-wrong", "the right image labelled with another commit is not a match",
        _VERDICT + "BuildMatcher.swift",
        r"case (false, _?): return BuildComparison(fact: .shaWrong)",
        r"case (false, let proof?): return BuildComparison(fact: proof)", VERDICT),
    Guard(
        4, "every-instance", "every instance has to match",
        _VERDICT + "BuildMatcher.swift",
        r"if matching == all.count {",
        r"if matching > 0 {", VERDICT),
    Guard(
        4, "summary-agrees", "a summary that says something else than its instances is not a match",
        _VERDICT + "BuildMatcher.swift",
        r"return contradiction(in: evidence) ?? otherServed(evidence) ?? weakest",
        r"_ = contradiction(in: evidence)" "\n            return otherServed(evidence) ?? weakest", VERDICT),
    Guard(
        4, "config-digest", "a digest of the configuration is never taken for one of the registry",
        _VERDICT + "BuildEvidence.swift",
        r"let listed = image.digests.filter { $0.kind != .config }.map(\.digest)",
        r"let listed = image.digests.map(\.digest)", VERDICT),
    Guard(
        4, "platform", "another platform's manifest proves nothing",
        _VERDICT + "BuildMatcher.swift",
        r"!content.isIndex || content.isFor(instance.platform, $0) || content.isFor(engine, $0)",
        r"!content.isIndex || $0.digest.hex.count > 0", DIGESTS),
    Guard(
        4, "platform-known", "what is for no known platform is for no host",
        _VERDICT + "BuildMatcher.swift",
        r"manifest.platform != nil && manifest.platform == platform",
        r"manifest.platform == nil || manifest.platform == platform", DIGESTS),
    Guard(
        4, "wrapped-platform", "another index proves a host by its own platform's manifest alone",
        _VERDICT + "BuildMatcher.swift",
        r"other.isFor(instance.platform, manifest) && promoted.contains(manifest.digest)",
        r"promoted.contains(manifest.digest)", DIGESTS),
    Guard(
        4, "wrapped-same", "another index proves a host only with the promoted manifest in it",
        _VERDICT + "BuildMatcher.swift",
        r"other.isFor(instance.platform, manifest) && promoted.contains(manifest.digest)",
        r"other.isFor(instance.platform, manifest) && !promoted.isEmpty", DIGESTS),
    Guard(
        4, "learned-unasked", "unrequested digests are not stored",
        _VERDICT + "Verification.swift",
        r"guard lookups.pending.contains(lookup.digest) else { return }",
        r"_ = lookups.ask(for: [lookup.digest])", DIGESTS),
    Guard(
        4, "lacks-platform", "an index without the host's platform is a wrong promotion, not a late host",
        _VERDICT + "BuildMatcher.swift",
        r"guard let platform = lackedPlatform(instance, on: engine) else { return comparison }",
        r"guard let platform = lackedPlatform(instance, on: engine), target.gitSHA == nil else { return comparison }", DIGESTS),
    Guard(
        4, "image-commit", "every platform of the image has to be labelled with the commit that was asked for",
        _REGISTRY + "ResolvedImage.swift",
        r"guard let other = entries.first(where: { $0.revision != sha }) else { return }",
        r"guard entries.allSatisfy({ $0.revision != sha }), let other = entries.first else { return }", REGISTRY),
    Guard(
        4, "image-digest", "the image has to have the digest that was asked for",
        "Sources/Collector/Operations/Verify/TargetResolver.swift",
        r"if let wanted = target.digest, wanted != image.digest {",
        r"if let wanted = target.digest, wanted != image.digest, image.entries.isEmpty {", REGISTRY),
    Guard(
        4, "image-one-build", "platforms of several commits are no build",
        _REGISTRY + "ResolvedImage.swift",
        r"guard let other = entries.first(where: { $0.revision != first.revision }) else { return first.revision }",
        r"guard let other = entries.first(where: { _ in entries.isEmpty }) else { return first.revision }", REGISTRY),
    Guard(
        4, "attestation", "attestations are no platforms",
        _REGISTRY + "RegistryClient.swift",
        r"for child in children where !child.isAttestation {",
        r"for child in children {", DIGESTS),
    # 5. Every inventory host is in the report exactly once
    Guard(
        5, "report-waived", "waived hosts are in the report, too",
        "Sources/Collector/Reports/ReportRows.swift",
        r"for index in order.reversed() {",
        r"for index in order.reversed() where !tracks[index].host.isWaived {", REPORTS),
    Guard(
        5, "page-others", "a host without a row is in the list of a large page",
        "Sources/Collector/Reports/HTML/HTMLHostPlan.swift",
        r"others = rest + waivedRest + converged",
        r"others = rest + converged.dropLast()", r"[./]HTMLFleetTests/"),
    Guard(
        5, "page-script-end", "no text ends the element of a large page's list",
        "Sources/Collector/Reports/HTML/HTMLFleet.swift",
        r"""case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):""",
        r"""case 0x01:""", r"[./]HTMLFleetTests/"),
    Guard(
        5, "page-size", "a large page's rows have a bounded size",
        "Sources/Collector/Reports/HTML/HTMLHostPlan.swift",
        r"guard room >= 0 else { break }",
        r"_ = room", r"[./]HTMLFleetTests/"),
    Guard(
        5, "inventory-twice", "one name for two hosts is refused",
        "Sources/Collector/Inventory/InventoryBuilder.swift",
        r"guard known.listing != number, hosts[known.index] == host, hasSameAccess else {",
        r"guard known.listing <= number else {", INVENTORY),
    Guard(
        5, "inventory-agree", "what two sources say of one host has to agree",
        "Sources/Collector/Inventory/InventoryBuilder.swift",
        r"guard known.listing != number, hosts[known.index] == host, hasSameAccess else {",
        r"guard known.listing != number, hasSameAccess else {", INVENTORY),
    # 6. Exit code and reports agree
    Guard(
        6, "exit-code", "the process ends with the verdict's exit code",
        "Sources/Collector/Commands/VerifyCommand.swift",
        r"return try await run.run().exitCode",
        r"return try await min(0, run.run().exitCode)", TRANSPORT),
    Guard(
        6, "report-exit-code", "the report has the exit code that the verification ends with",
        "Sources/Collector/Reports/ReportBuilder.swift",
        r"verdict: conclusion.verdict, exitCode: conclusion.exitCode, reasons",
        r"verdict: conclusion.verdict, exitCode: conclusion.verdict.exitCode, reasons", REPORTS),
    Guard(
        6, "worst-reason", "the verdict is the worst of its reasons",
        _VERDICT + "VerdictRules.swift",
        r"Conclusion(verdict: reasons[0].verdict, exitCode: exitCode, reasons: reasons, at: now)",
        r"Conclusion(verdict: reasons[reasons.count - 1].verdict, exitCode: exitCode, reasons: reasons, at: now)",
        VERDICT),
    Guard(
        6, "text-agrees", "the text names the report's verdict and exit code",
        "Sources/Collector/Reports/TextReport.swift",
        r"(exit \(report.exitCode))",
        r"(exit \(report.verdict.exitCode + 1))", REPORTS),
    Guard(
        6, "drill-compares", "the drill compares exit code and report",
        "Sources/Collector/Drill/DrillCase.swift",
        r"if report.exitCode != judgement.exitCode {",
        r"if report.exitCode < 0 {", DRILL),
    Guard(
        6, "drill-passes", "a gate that lets a fault pass fails its drill",
        "Sources/Collector/Drill/DrillCase.swift",
        r"if judgement.exitCode != exitCode {",
        r"if judgement.exitCode > exitCode {", DRILL),
    # 7. The agent sends the engine nothing but the listed GET requests
    Guard(
        7, "engine-method", "an engine is sent nothing but GET",
        _ENGINE + "EngineClient.swift",
        r"method: .GET, uri: request.target",
        r"method: .POST, uri: request.target", ENGINE),
    Guard(
        8, "reader-network", "a reader listens on unix sockets only",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"""throw .readerOnNetwork("\(ListenAddress.tcp(host: host, port: port))")""",
        r"do { return try await bootstrap.bind(host: host, port: port).get() } catch { throw .noService }", SPLIT),
    Guard(
        8, "reader-listens", "a peer that sends anything to the reader is disconnected",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }",
        r"func channelRead(context: ChannelHandlerContext, data: NIOAny) {}", SPLIT),
    Guard(
        8, "reader-mode", "only its group can open the reader's socket",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)",
        r"chmod(path, 0o666)", SPLIT),
    Guard(
        9, "reader-crowd", "the reader limits its connections",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"guard writers.value.count < Self.connectionLimit else {",
        r"guard writers.value.count < 10_000 else {", SPLIT),
    Guard(
        2, "reader-hung", "a hung reader is detected before a collector's time limit",
        "Sources/Agent/ReaderLink/ReaderClient.swift",
        r"deadlines = (late(patience.sign, context), late(patience.snapshot, context))",
        r"deadlines = (nil, late(patience.snapshot, context))", r"[./]ReaderPatienceTests/"),
    Guard(
        2, "reader-sign", "a slow observation of the reader is distinguished from a hung reader",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"""context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: " ")), promise: nil)""",
        r"", r"[./]ReaderPatienceTests/"),
    Guard(
        8, "server-check", "check --from asks the reader only",
        "Sources/Agent/Commands/CheckCommand.swift",
        r"if let reader = configuration.from {",
        r"if let reader = configuration.from, configuration.evidence.services.isEmpty {", r"[./]CheckCommandTests/"),
    Guard(
        2, "reload-waiting", "a reload reports changes that need a restart",
        "Sources/Agent/ServiceRun.swift",
        r"if let pending = next.pending {",
        r"if let pending = next.pending, pending.keys.isEmpty {", r"[./]AgentReloadTests/"),
    Guard(
        2, "check-places", "check reports the position of a problem with authentication",
        "Sources/Agent/Configuration/ConfigurationFile.swift",
        r"guard let value = values[key]?.first(where: { isAtFault($0.text) }) else { return problem }",
        r"guard let value = values[key]?.first(where: { isAtFault($0.text) }), file.isEmpty else { return problem }",
        r"[./]CheckCommandTests/"),
    Guard(
        2, "reader-lost", "a lost reader makes its services unknown",
        "Sources/Agent/ReaderLink/RemoteSource.swift",
        r"for entry in documents.entries {",
        r"for entry in documents.entries where entry.body.content.service.isEmpty {", SPLIT),
    Guard(
        3, "reader-fresh", "a server that needs fresh evidence causes an observation",
        "Sources/Agent/ReaderLink/SnapshotServer.swift",
        r"for service in documents.services { group.addTask { await current.refresh(service) } }",
        r"_ = (documents, current, group)", SPLIT),
    Guard(
        3, "reader-future", "an observation in the future is refused",
        "Sources/Agent/ReaderLink/RemoteSource.swift",
        r"guard age >= 0 else { throw .garbage }",
        r"_ = age >= 0", SPLIT),
    Guard(
        3, "reload-anew", "documents of a service do not outlive its declaration",
        "Sources/Agent/Documents/DocumentStore.swift",
        r"resetting.contains(service) ? entry : before.entries[service] ?? entry",
        r"before.entries[service] ?? entry", SPLIT),
    Guard(
        2, "watchdog-looks", "a hung observation stops the watchdog's notifications",
        "Sources/Agent/Systemd/Watchdog.swift",
        r"if isResponsive {",
        r"if isResponsive || !source.current.parts.isEmpty {", SPLIT),
    Guard(
        9, "engine-reopening", "an engine that ends its event stream at once is not asked in a loop",
        _CORE + "RefreshSchedule.swift",
        r"if lifetime >= Self.stability { upcoming = Self.first }",
        r"if lifetime > .zero { upcoming = Self.first }", ENGINE_EVENTS),
    Guard(
        9, "engine-idle-events", "irrelevant events cause no observation",
        _ENGINE + "EngineEventStream.swift",
        r"guard events > 0 else { return }",
        r"guard events >= 0 else { return }", ENGINE_EVENTS),
    Guard(
        7, "engine-list-target", "the list of containers is requested without sizes",
        _CORE + "EngineRequest.swift",
        r"/containers/json?all=1",
        r"/containers/json?all=1&size=1", r"[./]EngineSessionTests/"),
    Guard(
        9, "engine-left-streams", "the stream of an engine that is no longer used is closed",
        _ENGINE + "EngineEventStream.swift",
        r"for stream in others { stream.close() }",
        r"_ = others", ENGINE_EVENTS),
    Guard(
        9, "file-left-watches", "folders that are no longer on the way are not watched",
        "Sources/Agent/Files/FileWatch.swift",
        r"for watch in stale { inotify_rm_watch(descriptor, watch) }",
        r"_ = stale", ENGINE_EVENTS),
    Guard(
        2, "look-told-meanwhile", "an event during an observation causes another one",
        _CORE + "RefreshSchedule.swift",
        r"if let due = requested, due <= now { requested = nil }", r"requested = nil", ENGINE_EVENTS),
    Guard(
        2, "look-distrust", "a change without an event makes observations frequent again",
        _CORE + "RefreshSchedule.swift",
        r"if changed, succeeded, !wasRequested, requested == nil, eventsSince != nil { surprisedAt = now }",
        r"_ = changed", ENGINE_EVENTS),
    Guard(
        2, "look-settling", "an engine's events are relied on only after its subscription",
        _CORE + "RefreshSchedule.swift",
        r"succeeded, lastStart >= eventsSince + pace.settling",
        r"succeeded, lastStart >= eventsSince", ENGINE_EVENTS),
    Guard(
        2, "look-bell", "an event wakes a sleeping refresher",
        "Sources/Agent/Refresh/Refresher.swift",
        r"""change(&state.schedule)
            return state.sleep
        }?.ring()""",
        r"""change(&state.schedule)
            return state.sleep
        }.map { _ in }""", ENGINE_EVENTS),
    Guard(
        3, "held-fresh", "a held request that runs out is answered from a look of its own",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"""case .holding: release(context)
        case .readingHeaders:""",
        r"""case .holding: release(context, freshly: false)
        case .readingHeaders:""", HOLDING),
    Guard(
        "agent", "stop-late-request", "who has just connected when an agent stops is answered",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"guard !hasAnswered else { return close(context) }",
        r"guard !hasAnswered, limits.graceTime < .zero else { return close(context) }", SERVER),
    Guard(
        9, "held-gone", "a held request whose peer is gone is let go",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"""        _ = letGo()
        phase = .closed""",
        r"""        phase = .closed""", HOLDING),
    Guard(
        7, "engine-target", "an engine is sent no other target",
        _CORE + "EngineRequest.swift",
        r"""case .container(let id): "\(prefix)/containers/\(id)/json"
        case .image""",
        r"""case .container(let id): "\(prefix)/containers/\(id)/json?size=1"
        case .image""", ENGINE),
    Guard(
        7, "container-id", "an invalid container id is not put into a request",
        _CORE + "EngineRequest.swift",
        r"guard text.utf8.count == 64, text.utf8.allSatisfy({ $0.isASCIIDigit || (97...102).contains($0) }) else {",
        r"guard text.utf8.count != 1 else {", ENGINE),
    Guard(
        7, "reference", "a reference with characters that need an escape is not put into a request",
        _CORE + "EngineRequest.swift",
        r"""guard text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || "._-/:".utf8.contains($0) }), text.utf8.count <= 512""",
        r"""guard text.utf8.count <= 512""", r"[./](EngineSessionTests|EngineGuardTests)/"),
    Guard(
        7, "only-the-services", "only containers that can belong to a service are inspected",
        _ENGINE + "EngineScan.swift",
        r"services.contains { $0.selector.canMatch(entry, podman: session.isPodman) }",
        r"!services.isEmpty || entry.id.isEmpty", ENGINE),
    # 3. A registry's content is hashed before it is trusted
    Guard(
        3, "registry-wanted", "bytes that do not hash to the digest that was asked for are not believed",
        _REGISTRY + "RegistryManifest.swift",
        r"if let wanted, digest != wanted { throw .otherBytes(digest) }",
        r"if let wanted, digest != wanted, bytes.isEmpty { throw .otherBytes(digest) }", REGISTRY),
    Guard(
        3, "registry-stated", "bytes that do not hash to Docker-Content-Digest are not believed",
        _REGISTRY + "RegistryManifest.swift",
        r"if let stated, stated != digest.description { throw .otherDigestStated(stated) }",
        r"if let stated, stated.isEmpty { throw .otherDigestStated(stated) }", REGISTRY),
    Guard(
        3, "registry-config", "a configuration that does not hash to its digest is not believed",
        _REGISTRY + "RegistryClient.swift",
        r"guard Digest(sha256Of: response.body) == digest else {",
        r"guard Digest(sha256Of: response.body) == digest || !response.body.isEmpty else {", REGISTRY),
    Guard(
        3, "registry-page", "a page of HTML is not an image",
        _REGISTRY + "RegistryManifest.swift",
        r"""guard essence != "text/html" else { throw .page }""",
        r"""guard essence != "text/page" else { throw .page }""", REGISTRY),
    Guard(
        3, "registry-media-type", "body and Content-Type have to agree",
        _REGISTRY + "RegistryManifest.swift",
        r"if let own = body.mediaType, own != mediaType.rawValue { throw .contradiction(own, essence) }",
        r"if let own = body.mediaType, own.isEmpty { throw .contradiction(own, essence) }", REGISTRY),
    Guard(
        3, "registry-both", "what is an index and a manifest at once is refused",
        _REGISTRY + "ManifestBody.swift",
        r"""if keys.contains("manifests"), keys.contains("layers") || keys.contains("config") { throw .both }""",
        r"""if keys.contains("manifests"), keys.contains("config") { throw .both }""", REGISTRY),
    Guard(
        3, "registry-key-twice", "a key that is twice in one object is refused",
        _REGISTRY + "StrictJSON.swift",
        r"guard open[open.count - 1]?.insert(key).inserted == true else { throw .duplicateKey(text) }",
        r"open[open.count - 1]?.insert(key)", REGISTRY),
    # 2. Unreadable is never absent
    Guard(
        2, "registry-403", "only a registry's 404 means absent",
        _REGISTRY + "RegistryStatus.swift",
        r"""case 403: throw .denied(subject, reason: "these credentials do not permit it (403)")""",
        r"""case 403: throw .absent(subject, missing)""", REGISTRY),
    Guard(
        2, "registry-404-page", "a page's 404 does not mean absent",
        _REGISTRY + "RegistryStatus.swift",
        r"case 404 where isPage:",
        r"case 404 where isPage && codes.count > 1_000:", REGISTRY),
    Guard(
        2, "registry-tags", "an incomplete list of tags is an error",
        _REGISTRY + "RegistryClient.swift",
        r"""throw .untrustworthy(subject, reason: "has more than \(Self.maximumPages) pages")""",
        r"""return tags""", REGISTRY),
    Guard(
        2, "registry-put-again", "a tag that may have been written is not written again",
        _REGISTRY + "RetryRule.swift",
        r"case .failure(.timeout), .failure(.protocolError): isRepeatable",
        r"case .failure(.timeout), .failure(.protocolError): true", REGISTRY),
    Guard(
        2, "registry-put-5xx", "after a 5xx to a write, the outcome is unknown",
        _REGISTRY + "RegistryStatus.swift",
        r"""default: throw .uncertainPut(subject, reason: "the registry answered with status \(response.status)")""",
        r"""default: throw .refusedPut(subject, reason: "the registry answered with status \(response.status)")""",
        REGISTRY),
    # 9. Memory and time are bounded whatever a peer does
    Guard(
        9, "body-limit", "an answer's body has a limit",
        _POLLING + "TransferLimits.swift",
        r"guard size <= limits.bodyBytes else {",
        r"guard size <= limits.bodyBytes * 8 else {", TRANSFERS),
    Guard(
        9, "all-bodies", "all bodies together have a limit",
        _POLLING + "TransferLimits.swift",
        r"guard arriving + waiting + addition <= limits.memoryBytes || size <= share else {",
        r"guard arriving + waiting + addition <= limits.memoryBytes * 100 || size <= share else {", TRANSFERS),
    Guard(
        9, "hold-back", "unread answers delay new requests",
        _POLLING + "TransferLimits.swift",
        r"var hasRoom: Bool { arriving + waiting < limits.memoryBytes }",
        r"var hasRoom: Bool { arriving + waiting < limits.memoryBytes * 100 }", TRANSFERS),
    Guard(
        9, "header-limit", "an answer's headers have a limit",
        _POLLING + "TransferSlot.swift",
        r"guard headerBytes <= limits.headerBytes else {",
        r"guard headerBytes >= 0 else {", TRANSFERS),
    Guard(
        9, "redirect", "redirects are not followed",
        _POLLING + "CurlOptions.swift",
        r"set(CURLOPT_FOLLOWLOCATION, 0)",
        r"set(CURLOPT_FOLLOWLOCATION, 1)", TRANSFERS),
    Guard(
        9, "scheme", "nothing but http and https is asked",
        _POLLING + "CurlOptions.swift",
        r"""set(CURLOPT_PROTOCOLS_STR, "http,https")""",
        r"""set(CURLOPT_PROTOCOLS_STR, "http,https,ftp,gopher")""", TRANSFERS),
    Guard(
        9, "window", "no more requests than the window are under way",
        _POLLING + "TransferLoop.swift",
        r"!queue.isEmpty && active.count < limits.concurrency && budget.hasRoom",
        r"!queue.isEmpty && active.count < limits.concurrency * 4 && budget.hasRoom", TRANSFERS),
    Guard(
        9, "instances", "a document has at most 256 instances",
        "Sources/Collector/Operations/Verify/ResponseDecoder.swift",
        r"} else if document.instances.count > 256 {",
        r"} else if document.instances.count > 256_000 {", ANSWERS),
    Guard(
        9, "transitions", "a host that changes its label for days does not fill the memory",
        _VERDICT + "HostTracker.swift",
        r"if transitions.count >= Self.maximumTransitions {",
        r"if transitions.count >= Self.maximumTransitions * 1_000 {", VERDICT),
    Guard(
        9, "inventory-size", "an inventory has at most 64 MiB",
        "Sources/Collector/Inventory/InventoryReader.swift",
        r"BoundedFile.read(descriptor: descriptor, limit: maximumBytes)",
        r"BoundedFile.read(descriptor: descriptor, limit: maximumBytes * 2)", INVENTORY),
    Guard(
        9, "agent-connections", "the agent's connections have a limit",
        "Sources/Agent/Serving/ConnectionLimiter.swift",
        r"if state.total < limits.connections || isExtra, fromAddress",
        r"if state.total < limits.connections * 100 || isExtra, fromAddress", SERVER),
    Guard(
        9, "agent-per-address", "one address cannot take every place",
        "Sources/Agent/Serving/ConnectionLimiter.swift",
        r"fromAddress < limits.connectionsPerAddress {",
        r"fromAddress < limits.connectionsPerAddress * 100 {", SERVER),
    Guard(
        9, "agent-slow-headers", "headers have a time in all, not for each read",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"guard phase == .idle else { return }" "\n        phase = .readingHeaders",
        r"guard phase == .idle || phase == .readingHeaders else { return }" "\n        phase = .readingHeaders", SERVER),
    Guard(
        9, "agent-request-line", "the request line has a limit",
        "Sources/Agent/Serving/ServerLimits.swift",
        r"if line > requestLine { return .uriTooLong }",
        r"if line > requestLine * 100 { return .uriTooLong }", SERVER),
    Guard(
        9, "agent-headers", "headers have a limit",
        "Sources/Agent/Serving/ServerLimits.swift",
        r"if size > headers { return .headersTooLarge }",
        r"if size > headers * 100 { return .headersTooLarge }", SERVER),
    Guard(
        9, "agent-body", "a request with a body is refused",
        "Sources/Agent/Serving/ServerLimits.swift",
        r"return hasBody ? .bodyRefused : nil",
        r"return hasBody && line == 0 ? .bodyRefused : nil", SERVER),
    Guard(
        9, "agent-unread", "a peer that does not read is cut off",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"deadline = .now() + limits.writeTime",
        r"deadline = .now() + limits.writeTime * 1_000", SERVER),
    Guard(
        9, "engine-answer", "an engine's response has a size limit",
        _ENGINE + "EngineClient.swift",
        r"guard size <= request.sizeLimit else {",
        r"guard size <= request.sizeLimit * 100 else {", ENGINE),
    Guard(
        9, "agent-give-way", "who keeps the agent waiting gives way when all places are taken",
        "Sources/Agent/Serving/ConnectionLimiter.swift",
        r"let isExtra = isFull && makeRoom()",
        r"let isExtra = isFull && limits.connections == 0 && makeRoom()", SERVER),
    Guard(
        9, "agent-handshakes", "handshakes at a time have a limit",
        "Sources/Agent/Serving/HTTPServer.swift",
        r"if connections.value.securing.count >= limits.handshakes, connections",
        r"if connections.value.securing.count >= limits.handshakes * 100, connections", ACCESS_TO_AGENT),
    Guard(
        9, "agent-handshake-time", "a handshake has the time of a request's headers",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"deadline = .now() + (phase == .securing ? limits.headerTime : limits.idleTime)",
        r"deadline = .now() + (phase == .securing ? limits.headerTime * 1_000 : limits.idleTime)", ACCESS_TO_AGENT),
    Guard(
        9, "agent-rate", "an address asks at most so fast",
        "Sources/Shared/RateLimiter.swift",
        r"guard fullAt - now <= tolerance else {",
        r"guard fullAt - now <= tolerance * 1_000_000 else {", ACCESS),
    Guard(
        9, "agent-rate-network", "an IPv6 network is one peer",
        "Sources/Shared/PeerAddress.swift",
        r"stride(from: 0, to: 8, by: 2)",
        r"stride(from: 0, to: 16, by: 2)", SERVER),
    Guard(
        9, "agent-pipelined", "little is kept of requests that wait behind another",
        "Sources/Agent/Serving/ConnectionHandler.swift",
        r"guard waiting.count < limits.pipelined else {",
        r"guard waiting.count < limits.pipelined * 1_000 else {", SERVER),
    Guard(
        9, "registry-depth", "JSON of a registry's has at most 64 levels",
        _REGISTRY + "StrictJSON.swift",
        r"guard open.count < Self.maximumDepth else { throw .tooDeep }",
        r"guard open.count < Self.maximumDepth * 1_000_000 else { throw .tooDeep }", REGISTRY),
    Guard(
        9, "registry-children", "one reference makes a limited number of documents be read",
        _REGISTRY + "RegistryClient.swift",
        r"guard walk.seen.count <= Self.maximumChildren else {",
        r"guard walk.seen.count <= Self.maximumChildren * 100 else {", REGISTRY),
    Guard(
        9, "registry-nesting", "indexes in indexes are followed some levels deep",
        _REGISTRY + "RegistryClient.swift",
        r"guard depth <= Self.maximumNesting else {",
        r"guard depth <= Self.maximumNesting * 100 else {", REGISTRY),
    Guard(
        9, "registry-patience", "who asks for an hour of patience is not waited for",
        _REGISTRY + "RetryRule.swift",
        r"guard pause <= Self.longestPause, pause < remaining else { return .over }",
        r"guard pause < remaining else { return .over }", REGISTRY),
    Guard(
        9, "registry-pages", "pages that come back are not asked for again",
        _REGISTRY + "RegistryClient.swift",
        r"guard seen.insert(path).inserted else {",
        r"guard seen.insert(path).inserted || !path.isEmpty else {", REGISTRY),
    Guard(
        9, "registry-learning", "hosts that make up digests cause a limited number of questions",
        _VERDICT + "DigestLookup.swift",
        r"let isFull = known.count + failed.count + pending.count >= Self.limit",
        r"let isFull = known.count + failed.count + pending.count >= Self.limit * 1_000", DIGESTS),
    Guard(
        9, "helper-output", "what a credential helper writes has a limit",
        _REGISTRY + "Credentials/BoundedSubprocess.swift",
        r"output: .bytes(limit: outputLimit), error: .discarded)",
        r"output: .bytes(limit: outputLimit * 1_000), error: .discarded)", REGISTRY),
    Guard(
        9, "own-thread", "work that waits for a disk holds up no task",
        "Sources/Collector/Support/OwnThread.swift",
        r"""DispatchQueue(label: "own thread").async {""",
        r"""Task {""", OWN_THREAD),
    # 10. No secret in any output
    Guard(
        10, "realm-credentials", "a token service in the clear on another host gets no credentials",
        _REGISTRY + "TokenRequest.swift",
        r"origin.isEncrypted || (!registry.isEncrypted && origin.host == registry.host)",
        r"origin.isEncrypted || !registry.isEncrypted", REGISTRY),
    Guard(
        10, "realm-user", "an address with a user in it is not asked",
        _REGISTRY + "RegistryEndpoint.swift",
        r'return authority.contains("@") ||',
        r'return', REGISTRY),
    Guard(
        10, "next-page", "the next page of a list is asked for on the registry's host alone",
        _REGISTRY + "RegistryClient.swift",
        r"WebOrigin(url) == endpoint.origin,",
        r"WebOrigin(url) != nil, !endpoint.base.isEmpty,", REGISTRY),
    Guard(
        10, "redirect-clear", "redirects from https to http are refused",
        _REGISTRY + "RegistryEndpoint.swift",
        r"guard origin.isEncrypted || !endpoint.origin.isEncrypted else {",
        r"guard origin.isEncrypted || !endpoint.base.isEmpty else {", REGISTRY),
    Guard(
        2, "registry-put-twice", "libcurl does not send again by itself what writes",
        _POLLING + "CurlOptions.swift",
        r"set(CURLOPT_FRESH_CONNECT, 1)",
        r"set(CURLOPT_FRESH_CONNECT, 0)", REGISTRY),
    Guard(
        10, "redirect-once", "one redirection is followed, and not a second",
        _REGISTRY + "RegistryClient.swift",
        r"guard !(300..<400).contains(followed.status) else {",
        r"guard !(300..<400).contains(followed.status) || followed.status == 302 else {", REGISTRY),
    Guard(
        10, "reauthentication", "a request lets itself in once",
        _REGISTRY + "RegistryTransport.swift",
        r"guard second.status != 401 else {",
        r"""if second.status == 401 { return try await send(request, until: deadline) }
        guard second.status != 401 else {""", REGISTRY),
    Guard(
        10, "credential-shown", "what is printed of a credential never holds it",
        _REGISTRY + "Credentials/CredentialSources.swift",
        r"""case .password: "RegistryCredential(password)" """.strip(),
        r"""case .password(_, let password): "RegistryCredential(\(password))" """.strip(), REGISTRY),
    Guard(
        10, "helper-name", "a credential helper's name is not a path",
        _REGISTRY + "Credentials/CredentialHelper.swift",
        r"""|| "._-".utf8.contains(byte)""",
        r"""|| "._-/".utf8.contains(byte)""", REGISTRY),
    Guard(
        10, "agent-token", "a request needs one of the tokens",
        "Sources/Agent/Serving/Access/AccessControl.swift",
        r"return token.map { tokens.current.contains($0) } ?? false ? nil : .tokenNeeded",
        r"return token.map { tokens.current.contains($0) } ?? true ? nil : .tokenNeeded", ACCESS),
    Guard(
        10, "agent-token-file", "a token file that others can read is rejected",
        "Sources/Agent/Serving/Access/AccessFile.swift",
        r"if status.st_mode & forbidden == 0 {",
        r"if status.st_mode & forbidden & 0 == 0 {", ACCESS),
    Guard(
        10, "agent-client-names", "a foreign client certificate is rejected",
        "Sources/Agent/Serving/Access/AccessControl.swift",
        r"if isStranger { return .strangeCertificate }",
        r"if isStranger, tokens != nil { return .strangeCertificate }", ACCESS_TO_AGENT),
    Guard(
        10, "agent-client-authority", "clients have a certificate of the authorities",
        "Sources/Agent/Serving/Access/TLSMaterial.swift",
        r"configuration.certificateVerification = .noHostnameVerification",
        r"configuration.certificateVerification = .none", ACCESS_TO_AGENT),
    Guard(
        10, "agent-beyond-loopback", "beyond loopback, clients must authenticate",
        "Sources/Agent/AgentService.swift",
        r"guard access.allowsAnonymous else { throw AgentError.beyondLoopback(name) }",
        r"guard access.allowsAnonymous || name.isEmpty == false else { throw AgentError.beyondLoopback(name) }",
        r"[./]CommandTests/"),
    Guard(
        10, "inventory-token", "a token that stands in an inventory is not shown",
        "Sources/Collector/Inventory/StructuredInventory.swift",
        r"""} else if name.contains("token") {""",
        r"""} else if name.contains("tokenn") {""", INVENTORY),
    Guard(
        10, "clear-token", "a token that crosses the network in the clear is said",
        "Sources/Collector/Operations/Verify/HostCredentials.swift",
        r"let shown = hosts.indices.filter { self[$0].bearerToken != nil && HostAddress.isInTheClear(hosts[$0].url) }",
        r"let shown = hosts.indices.filter { self[$0].bearerToken == nil && HostAddress.isInTheClear(hosts[$0].url) }",
        INVENTORY),
    Guard(
        10, "token-shown", "what is printed of an access never holds the token",
        _POLLING + "RequestCredentials.swift",
        r"""bearerToken.map { _ in "token" },""",
        r"""bearerToken.map { "token \($0)" },""", TRANSFERS),
    Guard(
        10, "token-dumped", "a reflecting dump of an access does not show the token",
        _POLLING + "RequestCredentials.swift",
        r"var customMirror: Mirror { Mirror(self, children: []) }",
        r"""var customMirror: Mirror { Mirror(self, children: ["token": bearerToken ?? ""]) }""", TRANSFERS),
    Guard(
        10, "token-kept", "nothing of one request is in the next",
        _POLLING + "TransferSlot.swift",
        r"if case .get = request.method, list != nil, token == request.access.bearerToken,",
        r"if case .get = request.method, list != nil, token != nil || token == nil,", TRANSFERS),
    Guard(
        10, "headers-kept", "a request gets no header of the handle's former request",
        _POLLING + "TransferSlot.swift",
        r"headers.elementsEqual(request.headers, by: ==)",
        r"headers.count == request.headers.count", TRANSFERS),
    Guard(
        3, "settings-kept", "a request has none of the former request's options on the same handle, such as its authorities",
        _POLLING + "TransferSlot.swift",
        r"if settings != wanted { apply(",
        r"if settings == nil { apply(", TRANSFERS),
    Guard(
        9, "kept-lanes", "only as many hosts keep their connection as fit",
        _POLLING + "TransferLimits.swift",
        r"keptConnections > 0 && lane.magnitude / UInt(multiHandles * clients) < UInt(keptPerMulti)",
        r"keptConnections > 0", TRANSFERS),
    Guard(
        10, "password-refused", "an address with a user or a password is refused",
        "Sources/Collector/Support/HostAddress.swift",
        r"guard !authority.utf8.contains(HostAddress.at), !Self.looksLikeUser(rest) else { throw .hasUser }",
        r"""guard authority != "@", !Self.looksLikeUser(rest) else { throw .hasUser }""", INVENTORY),
    Guard(
        10, "password-shown", "the error about a password does not repeat it",
        "Sources/Collector/Support/HostAddress.swift",
        r"var isShowable: Bool { self != .hasUser }",
        r"var isShowable: Bool { self != .tooLong }", INVENTORY),
    Guard(
        10, "machine-id", "the host id cannot be turned back into the machine id",
        "Sources/Agent/Runtime/MachineIdentity.swift",
        r"return Self.derived(Self.hostApplication, key: text.lowercased())",
        r"return text.lowercased()", AGENT_TEXT),
    # 12. A kill loses no recorded transition and corrupts nothing
    Guard(
        12, "recorder-end", "changes that a report lacks are not left to it",
        "Sources/Collector/Ledger/Recording/LedgerRecorder.swift",
        r"state.counts[$0.change.host] >= HostTracker.maximumTransitions",
        r"state.counts[$0.change.host] < 0", LEDGER),
    Guard(
        12, "recorded-at-once", "changes of labels are written while the verification runs",
        _LEDGER + "Recording/LedgerRecorder.swift",
        r"queue.add(changes)" "\n        wake.yield()",
        r"queue.add(changes)", LEDGER),
    Guard(
        12, "finish-whole", "the end of a verification is one transaction",
        _LEDGER + "Recording/Ledger+Recording.swift",
        r"""            try Self.finishVerification(verification, report, db)
            var writer = HostWriter(verification: verification, db)
            try writer.finish(report.hosts)
        }""",
        r"""            try Self.finishVerification(verification, report, db)
        }
        try await write { db in
            let sql = "SELECT number FROM verifications WHERE id = ?"
            let verification = try Int64.fetchOne(db, sql: sql, arguments: [report.verification.id])
            var writer = HostWriter(verification: verification ?? 0, db)
            try writer.finish(report.hosts)
        }""", LEDGER),
    Guard(
        "ledger", "finish-differs", "a recorded transition that differs from the report's is replaced",
        _LEDGER + "Recording/HostWriter.swift",
        r"self.number == number && seconds == transition.seconds && status == transition.status.rawValue",
        r"self.number == number && seconds == transition.seconds", LEDGER),
    Guard(
        "ledger", "finish-trims", "a recorded transition that the report lacks is removed",
        _LEDGER + "Recording/HostWriter.swift",
        r"if let last = recorded.rows.last, last.number >= transitions.count {",
        r"if let last = recorded.rows.last, last.number > transitions.count {", LEDGER),
    Guard(
        "ledger", "outcomes-end", "an end that is recorded again removes the outcomes of the former one, whatever version writes",
        _LEDGER + "Store/LedgerSchema.swift",
        r"DELETE FROM host_outcomes WHERE verification = NEW.number;",
        r"SELECT 1;", OUTCOMES),
    Guard(
        "ledger", "outcomes-whole", "stored outcomes are those of all rows of a verification",
        _LEDGER + "Recording/HostWriter.swift",
        r"if isComplete { try outcomes.write(for: verification, db) }",
        r"try outcomes.write(for: verification, db)", OUTCOMES),
    Guard(
        "ledger", "outcomes-waived", "a waived host is in no figure of the statistics",
        _LEDGER + "Store/RecordedOutcomes.swift",
        r"let head = UInt8(status) | (outcome.isGated ? 0 : Self.isWaived)",
        r"let head = UInt8(status)", OUTCOMES),
    Guard(
        "ledger", "outcomes-check", "ledger check finds outcomes that differ from the rows",
        _LEDGER + "Maintenance/LedgerChecker.swift",
        r"""if !isSame || !actual.isStorable { different.append(row["id"]) }""",
        r"", OUTCOMES),
    Guard(
        12, "interrupted", "a verification whose process is gone reads as interrupted",
        _LEDGER + "Recording/ProcessIdentity.swift",
        r"case .gone: self = .interrupted",
        r"case .gone: self = .running", LEDGER),
    Guard(
        12, "same-process", "a process id that another process has now is not the verification's",
        _LEDGER + "Recording/ProcessIdentity.swift",
        r"return Self.start(of: pid) == start ? .running : .gone",
        r"return Self.start(of: pid) != nil && start > 0 ? .running : .gone", LEDGER),
    Guard(
        12, "cancelled-write", "a write that began ends, although its task is cancelled",
        _LEDGER + "Store/Ledger.swift",
        r"return try await Task { try await body() }.value",
        r"return try await body()", LEDGER),
    Guard(
        12, "foreign-database", "another program's database is not written to",
        _LEDGER + "Store/LedgerSchema.swift",
        r"guard application == applicationID || (isEmpty && application == 0 && version == 0) else {",
        r"guard application == applicationID || !isEmpty || version == 0 else {", LEDGER),
    # Other rules of the gate
    Guard(
        "gate", "waived-counts-not", "a waived host is left out of the gate",
        _VERDICT + "VerdictRules.swift",
        r"verification.tracks.indices.lazy.filter { !verification.tracks[$0].host.isWaived }",
        r"verification.tracks.indices", VERDICT),
    Guard(
        "gate", "expired-waiver", "an expired waiver counts for nothing",
        _VERDICT + "ExpectedHost.swift",
        r"var isWaived: Bool { waiver.map { !$0.isExpired } ?? false }",
        r"var isWaived: Bool { waiver != nil }", VERDICT),
    Guard(
        "gate", "lost-together", "most hosts lost within one interval is the collector's own doubt",
        _VERDICT + "VerdictRules.swift",
        r"let minimum = max(5, expected / 2 + 1)",
        r"let minimum = max(5_000_000, expected / 2 + 1)", VERDICT),
    Guard(
        "gate", "tolerance-kinds", "each kind of exception has its own tolerance",
        _VERDICT + "VerdictRules.swift",
        r"let behind = excess(.behind, .behind)",
        r"let behind = excess(.unproven, .behind)", VERDICT),
    Guard(
        "gate", "rolled-back", "a host that matched and went back is rolled back",
        _VERDICT + "HostTracker+Status.swift",
        r"if outcome == .ok, history.everMatched, facts.build.isOther,",
        r"if outcome == .never, history.everMatched, facts.build.isOther,", VERDICT),
    Guard(
        "gate", "crash-loop", "a container that restarts between looks is failed",
        _VERDICT + "HostTracker+Status.swift",
        r"return history.isLooping",
        r"return history.isLooping && isFinal && fact == nil", VERDICT),
    Guard(
        "gate", "superseded", "a newer promotion ends a verification",
        _VERDICT + "Verification.swift",
        r"successor != nil || movedTag?.isSettled == true, isEveryHostAsked",
        r"successor == nil && movedTag != nil, isEveryHostAsked, policy.countsEarlierEvidence",
        VERDICT),
    Guard(
        "gate", "interrupted-is-red", "an interrupted verification is never green",
        _VERDICT + "VerdictRules.swift",
        r"exitCode: ExitStatus.interrupted(by: signal).rawValue",
        r"exitCode: 0 * signal", VERDICT),
    Guard(
        "gate", "require", "what --require asks for is covered by no tolerance",
        _VERDICT + "VerdictRules.swift",
        r"let isIntolerable = broken.map(\.0) + unmet",
        r"let isIntolerable = unmet.isEmpty ? broken.map(\.0) : broken.map(\.0)", VERDICT),
    Guard(
        "gate", "require-early", "nothing ends early while a requirement is not met",
        _VERDICT + "ToleranceBudget.swift",
        r"case .required: converged >= limit",
        r"case .required: converged >= 0", VERDICT),
    Guard(
        "gate", "plain-tolerance", "the plain tolerance is not for hosts whose label has its own",
        _VERDICT + "ToleranceBudget.swift",
        r"return others.isEmpty || !others.contains { $0.contains(host) }",
        r"return others.isEmpty || others.contains { $0.contains(host) } || !host.name.isEmpty", VERDICT),
    Guard(
        "gate", "selection", "a selection that matches nothing is not an empty inventory",
        _VERDICT + "InventoryCheck.swift",
        r"guard !selector.isEverything, !listed.isEmpty else { return nil }",
        r"guard selector.isEverything, !listed.isEmpty else { return nil }", VERDICT),
    # Incidents of fleets: each row has a guard if a single line implements it
    Guard(
        1, "too-few", "fewer instances than were declared are not up",
        _VERDICT + "Document+Judgement.swift",
        r"return shortage == nil ? said : .starting",
        r"return shortage?.expected == 0 ? .starting : said", VERDICT),
    Guard(
        1, "contradiction", "an answer that contradicts itself proves nothing",
        _VERDICT + "HostTracker.swift",
        r"if let contradiction = answer.own.contradiction {",
        r"if let contradiction = answer.own.contradiction, content.document.schema == 0 {", VERDICT),
    Guard(
        1, "agent-refuses", "a build that the agent does not speak for is not proven",
        _VERDICT + "Document+Judgement.swift",
        r"} else if commits.count == 1, let common = commits.first.flatMap({ $0 }) {",
        r"} else if commits.count == 0, let common = commits.first.flatMap({ $0 }) {", VERDICT),
    Guard(
        1, "instance-twice", "one container that is listed twice is not two",
        _VERDICT + "Document+Judgement.swift",
        r"if ids.count < instances.count {",
        r"if ids.isEmpty {", VERDICT),
    Guard(
        1, "plain-state", "a host without an agent that says that it is not up is not proven",
        _VERDICT + "HostTracker.swift",
        r"match(evidence.value), runtime: answer.state ?? .serving, instances: [],",
        r"match(evidence.value), runtime: .serving, instances: [],", VERDICT),
    Guard(
        3, "plain-service", "a host without an agent that is another service proves nothing",
        _VERDICT + "HostTracker.swift",
        r"if let other = answer.service, other != rules.matcher.target.service {",
        r"if let other = answer.service, other.isEmpty {", VERDICT),
    Guard(
        3, "stored-header", "an answer of which a cache says that it stored it proves nothing",
        _VERDICT + "HostTracker.swift",
        r"var stored = answer.stored",
        r"var stored: String?", CACHES),
    Guard(
        3, "stored-words", "what a cache calls a hit is one, whatever the header's name",
        "Sources/Collector/Operations/Verify/StoredAnswer.swift",
        r'word.hasSuffix("HIT")',
        r'word.hasSuffix("HITHIT")', CACHES),
    Guard(
        3, "stored-age", "an Age counts, and one that cannot be read does not count as zero",
        "Sources/Collector/Operations/Verify/StoredAnswer.swift",
        r"if age != 0 { evidence",
        r"if age == nil { evidence", CACHES),
    Guard(
        3, "document-age", "an Age makes a document as old as it says",
        "Sources/Collector/Operations/Verify/ResponseDecoder.swift",
        r"document.ageSeconds = max(document.ageSeconds, age)",
        r"document.ageSeconds = max(document.ageSeconds, 0)", CACHES),
    Guard(
        3, "frozen-date", "a Date that stands still is a stored answer",
        _VERDICT + "PlainAnswer.swift",
        r"if offset > date + Self.coarseness - askedAt.milliseconds { return .stored }",
        r"if offset > date + Self.coarseness * 1_000_000 - askedAt.milliseconds { return .stored }", CACHES),
    Guard(
        1, "same-date", "two plain answers of one Date are one piece of evidence",
        _VERDICT + "PlainAnswer.swift",
        r"return .plausible(isNew: date > last)",
        r"return .plausible(isNew: date >= last)", CACHES),
    Guard(
        3, "refilled-cache", "a Date that jumps shows that the answers before it were old",
        _VERDICT + "PlainAnswer.swift",
        r"if seen - offset > Self.coarseness { return .ahead }",
        r"if seen - offset > Self.coarseness * 1_000_000 { return .ahead }", CACHES),
    Guard(
        "gate", "old-copy", "after a Date that went back, nothing counts until one goes on",
        _VERDICT + "PlainAnswer.swift",
        r"if date == last, isDoubtful { return .stored }",
        r"if date == last, isDoubtful, offset > seen { return .stored }", CACHES),
    Guard(
        "gate", "restart-after-gap", "another instance after a gap is a restart",
        _VERDICT + "InstanceHistory.swift",
        r"for index in places.indices { places[index].isGone = true }",
        r"places = []", VERDICT),
    Guard(
        "gate", "restart-by-hand", "another start time of one container is a restart",
        _VERDICT + "InstanceHistory.swift",
        r"if let before = startedAt, let now = next.startedAt, now != before { return 1 }",
        r"if let before = startedAt, let now = next.startedAt, now != before { return 0 }", VERDICT),
    Guard(
        "gate", "rolling-restart", "restarts are counted for each place of a service",
        _VERDICT + "InstanceHistory.swift",
        r"if let looping = places.first(where: { $0.restarts.count >= 2 })",
        r"if let looping = places.first(where: { !$0.restarts.isEmpty && total >= 2 })", VERDICT),
    Guard(
        "gate", "restart-told", "a restart in the soak is reported",
        _VERDICT + "HostTracker.swift",
        r"case .soaking, .flapping: history.instances.total > announced.restarts",
        r"case .soaking, .flapping: false", VERDICT),
    Guard(
        "gate", "leftover", "what ended well before the start, beside others that run, fails nothing for an older agent",
        _VERDICT + "TargetHistory.swift",
        r"guard !seen.answer.separatesInstances, (instance.exitCode ?? 0) == 0,",
        r"guard seen.answer.separatesInstances, (instance.exitCode ?? 0) == 0,", r"[./]EarlierEvidenceTests/"),
    Guard(
        "gate", "kept-health", "a health result of the run before a restart fails nothing",
        _VERDICT + "TargetHistory.swift",
        r"instance.isUnhealthy && instances.hasDecided(instance)",
        r"instance.isUnhealthy", VERDICT),
    Guard(
        "gate", "created", "a container that never started waits",
        _VERDICT + "TargetHistory.swift",
        r"if seen.answer.engine != nil, instance.startedAt == nil,",
        r"if seen.answer.engine == nil, instance.startedAt == nil,", VERDICT),
    Guard(
        "gate", "engine-platform", "a host's platform is its engine's, whatever its image claims",
        _VERDICT + "BuildMatcher.swift",
        r"guard let engine else { return instance.platform",
        r"guard let engine, instance.platform == nil else { return instance.platform", DIGESTS),
    Guard(
        "gate", "emulated-platform", "what a host demonstrably runs, it can run",
        _VERDICT + "BuildMatcher.swift",
        r"if instance.isRunning, let platform = instance.platform, !content.lacks(platform) { return nil }",
        r"if !instance.isRunning, let platform = instance.platform, !content.lacks(platform) { return nil }", DIGESTS),
    Guard(
        "gate", "never-backwards", "a look that was counted is not taken back",
        _VERDICT + "HostTracker.swift",
        r"if fact == nil { knowledge = .early(age) }",
        r"if firstID != nil { knowledge = .early(age) }", VERDICT),
    Guard(
        "gate", "superseded-afresh", "a verification that is superseded asks every host afresh before it counts",
        _VERDICT + "Verification.swift",
        'isEveryHostAsked,\n            isEveryHostHeard\n',
        'isEveryHostAsked\n', VERDICT),
    Guard(
        3, "unchanged-of-another", "a 304 of another host proves nothing",
        "Sources/Collector/Operations/Verify/LongPollPlanner.swift",
        r"guard reading.validators.host == before.document.host.id else {",
        r"guard reading.validators.host != before.tag else {", HELD),
    # Evidence
    Guard(
        "evidence", "line-hash", "a line that was changed is noticed",
        _EVIDENCE + "EvidenceCoding.swift",
        r"guard rest.elementsEqual(Self.hashStart.dropFirst() + hash + Self.end) else { throw .changed }",
        r"guard rest.count == Self.hashStart.count - 1 + hash.count + Self.end.count else { throw .changed }", EVIDENCE),
    Guard(
        "evidence", "line-order", "a line that is gone, moved or added is noticed",
        _EVIDENCE + "EvidenceCoding.swift",
        r'guard covered.suffix(previous).elementsEqual(Self.previousStart + last + [UInt8(ascii: "\"")]) else {',
        r"guard covered.suffix(previous).count == Self.previousStart.count + last.count + 1 else {", EVIDENCE),
    Guard(
        "evidence", "labels", "a replay compares every label",
        _EVIDENCE + "Replay.swift",
        r"guard change.agrees(with: derived, schema: start.schema) else {",
        r"guard change.host == derived.host else {", EVIDENCE),
    Guard(
        "evidence", "verdict", "a replay compares the verdict",
        _EVIDENCE + "Replay.swift",
        r"guard ending.agrees(with: conclusion, schema: start.schema) else {",
        r"guard ending.at.duration == conclusion.at else {", EVIDENCE),
    Guard(
        "evidence", "cut-short", "evidence without a verdict is never green",
        _EVIDENCE + "Replay.swift",
        r"let conclusion = ending == nil ? cutOff(verification) : refusal ?? verification.conclusion",
        r"let conclusion = Optional(refusal ?? verification.conclusion ?? cutOff(verification))", EVIDENCE),
    Guard(
        "evidence", "behind-the-verdict", "nothing may follow the verdict",
        _EVIDENCE + "Replay.swift",
        r"guard ending == nil || !reader.endsInside else {",
        r"guard ending == nil || reader.line > 0 else {", EVIDENCE),
    Guard(
        "evidence", "evidence-hole", "after a line that was refused, evidence has no other",
        _EVIDENCE + "EvidenceRecorder.swift",
        r"guard case .open = state.outcome, !state.isClosed else { return }",
        r"guard !state.isClosed else { return }", EVIDENCE),
    Guard(
        9, "transition-queue", "transitions that wait for a slow disk are limited",
        _LEDGER + "Recording/LedgerRecorder.swift",
        r"if state.pending.count - state.taken < limit {",
        r"if state.pending.count - state.taken < limit << 20 {", r"[./]TransitionQueueTests/"),
    Guard(
        9, "stopped-reader", "a reader that stops is not waited for again",
        "Sources/Collector/Support/StreamWriter.swift",
        r"guard insists || !isStopped else { return ETIMEDOUT }",
        r"guard insists || !isStopped || patience > .zero else { return ETIMEDOUT }", STOPPED),
    Guard(
        6, "stopped-result", "a result that its reader did not take is not a success",
        "Sources/Collector/Support/StreamWriter.swift",
        r"wait(for: entry, patience) ? entry.error.load(ordering: .acquiring) : ETIMEDOUT",
        r"wait(for: entry, patience) ? entry.error.load(ordering: .acquiring) : 0", STOPPED),
    Guard(
        "evidence", "evidence-queue", "lines that wait for a slow disk are limited",
        _EVIDENCE + "EvidenceRecorder.swift",
        r"guard state.pending.bytes.count < limit else { return state.outcome = .tooLong }",
        r"guard state.pending.bytes.count < limit << 10 else { return state.outcome = .tooLong }", EVIDENCE),
    Guard(
        "evidence", "evidence-failed", "a file that cannot be written keeps no lines waiting",
        _EVIDENCE + "EvidenceRecorder.swift",
        r"state.isClosed = true",
        r"state.isClosed = false", EVIDENCE),
    Guard(
        "evidence", "evidence-incomplete", "evidence that lacks lines has no hash in the report",
        _EVIDENCE + "EvidenceRecorder.swift",
        r"if case .open = state.outcome { state.outcome = .complete(hash) }",
        r"state.outcome = .complete(hash)", EVIDENCE),
    Guard(
        "evidence", "evidence-disturbed", "a file that another program changes is rejected",
        _EVIDENCE + "EvidenceFile.swift",
        r"guard status.st_size == count else {",
        r"guard status.st_size >= 0 else {", EVIDENCE),
    Guard(
        "evidence", "evidence-removed", "a file that another program removes is rejected",
        _EVIDENCE + "EvidenceFile.swift",
        r"guard status.st_nlink > 0 else {",
        r"guard status.st_nlink > 0 || status.st_size > 0 else {", EVIDENCE),
    Guard(
        "evidence", "unusable-text", "what a host said is kept as it said it",
        "Sources/Shared/Reported.swift",
        r"case .unusable(let text) where keepsText: try container.encode(text)",
        r"case .unusable(let text) where keepsText && text.isEmpty: try container.encode(text)", EVIDENCE),
    # Text
    Guard(
        "text", "page-tag", "a page's text is not markup",
        "Sources/Collector/Reports/HTML/Markup.swift",
        r"""case UInt8(ascii: "<"): bytes += "&lt;".utf8""",
        r"""case UInt8(ascii: "<"): bytes += "<".utf8""", PAGES),
    Guard(
        "text", "page-entity", "a page's text holds no entity of its own",
        "Sources/Collector/Reports/HTML/Markup.swift",
        r"""case UInt8(ascii: "&"): bytes += "&amp;".utf8""",
        r"""case UInt8(ascii: "&"): bytes += "&".utf8""", PAGES),
    Guard(
        "text", "runner-command", "a text is not a command of a pipeline's runner",
        "Sources/Shared/Sanitizer.swift",
        r"if byte == numberSign, last == numberSign { return true }",
        r"if byte == numberSign, last == colon { return true }", SHARED),
    Guard(
        6, "one-outcome", "JUnit, Markdown and annotations are red for the same hosts",
        "Sources/Collector/Reports/HostOutcome.swift",
        r"if causes.contains(category) { return (category, .failing) }",
        r"if causes.contains(category), category != .behind { return (category, .failing) }", PIPELINE),
    # 11. Nothing is promoted past the gate
    Guard(
        11, "ci-highest-id", "of a context's rows the one with the highest id decides",
        _CI + "CIReporters.swift",
        r"if row.id > known.newest.id {",
        r"if row.id > known.newest.id + 1_000_000 {", CI),
    Guard(
        11, "ci-same-id", "two rows of one id that differ decide nothing",
        _CI + "CIReporters.swift",
        r"known.contradictsItself = true",
        r"known.contradictsItself = false", CI),
    Guard(
        11, "ci-views-agree", "two views of one forge must agree",
        _CI + "CIReporters.swift",
        r"if let summary, !Self.agree(rows, summary) { return nil }",
        r"if let summary, !Self.agree(summary, summary) { return nil }", CI),
    Guard(
        11, "ci-every-app", "a check run of another app makes nothing green",
        _CI + "CIReading.swift",
        r"let worst = reporters.max {",
        r"let worst = reporters.min {", CI),
    Guard(
        11, "ci-only-success", "only success satisfies",
        _CI + "CIState.swift",
        r"""case "success": .satisfied""",
        r"""case "success", "warning": .satisfied""", CI),
    Guard(
        11, "ci-skipped", "a skipped job is not a success, and ends the wait",
        _CI + "CIState.swift",
        r""""canceled", "skipped",""",
        r""""canceled",""", CI),
    Guard(
        11, "ci-exact-word", "a word that had to be cleaned is not success",
        _CI + "CIState.swift",
        r"clean == name ? name :",
        r"clean == name || !name.isEmpty ? clean :", CI),
    Guard(
        11, "ci-every-context", "every required context must be green",
        _CI + "CIStateMachine.swift",
        r"!tracks.isEmpty, tracks.allSatisfy({ $0.effect == .satisfied })",
        r"!tracks.isEmpty, tracks.contains(where: { $0.effect == .satisfied })", CI),
    Guard(
        11, "ci-no-context", "nothing is green because nothing was asked for",
        _CI + "CIStateMachine.swift",
        r"} else if !tracks.isEmpty, tracks.allSatisfy",
        r"} else if tracks.allSatisfy", CI),
    Guard(
        11, "ci-empty-list", "a list of contexts that is given but empty is an error",
        "Sources/Collector/Commands/Options/ArgumentText.swift",
        r"guard !given.isEmpty else {",
        r"""guard !given.isEmpty || text.contains(",") else {""", CI),
    Guard(
        11, "ci-unreadable", "a deadline that was spent in unreadable answers is 69",
        _CI + "CIStateMachine.swift",
        r"end(readings == 0 ? .unreadable : .timedOut, at: now)",
        r"end(.timedOut, at: now)", CI),
    Guard(
        11, "ci-long-pause", "a pause that ends after the deadline is not sat out",
        _CI + "CIStateMachine.swift",
        r"if pauseUntil >= timeout { expire(at: now) }",
        r"if pauseUntil >= timeout * 1_000 { expire(at: now) }", CI),
    Guard(
        11, "ci-not-completed", "a check run that is not completed has no conclusion",
        _FORGE + "GitHubForge.swift",
        r"""status == "completed" ? CIState(conclusion ?? "unknown", described: output?.title) : .pending""",
        r"""CIState(conclusion ?? status)""", FORGE),
    Guard(
        11, "gitea-empty-page", "Gitea's pages are read until an empty one",
        _FORGE + "GiteaForge.swift",
        r"if statuses.isEmpty { return rows }",
        r"if statuses.count < 50 { return rows }", FORGE),
    Guard(
        11, "gitea-other-commit", "a row of another commit proves nothing",
        _FORGE + "GiteaForge.swift",
        r"guard last.lowercased() == sha.hex else {",
        r"guard last.lowercased() == sha.hex || !sha.hex.isEmpty else {", FORGE),
    Guard(
        11, "gitea-history-start", "a history that begins elsewhere says nothing about a commit",
        _FORGE + "Forge.swift",
        r"guard try commits.first?.read(at: answer.place) == descendant else {",
        r"guard try commits.first?.read(at: answer.place) != nil else {", FORGE),
    Guard(
        11, "github-withheld", "rows that are announced and do not come are missed",
        _FORGE + "GitHubForge.swift",
        r"guard seen >= total else {",
        r"guard seen >= total || page > 1 else {", FORGE),
    Guard(
        11, "github-merge-base", "a comparison must name our commit as the common one",
        _FORGE + "GitHubForge.swift",
        r"""case "ahead" where mergeBase == sha: return true""",
        r"""case "ahead" where mergeBase.hex.count == sha.hex.count: return true""", FORGE),
    Guard(
        9, "forge-endless", "a list of a forge has at most 200 pages",
        _FORGE + "Forge.swift",
        r"static let limit = 200",
        r"static let limit = 100_000", FORGE),
    Guard(
        2, "forge-html", "an answer that is not JSON is not read",
        _FORGE + "ForgeClient.swift",
        r"guard Self.isJSON(response) else {",
        r"guard Self.isJSON(response) || !response.body.isEmpty else {", FORGE),
    Guard(
        10, "forge-foreign-token", "a token of the environment goes to its own host only",
        "Sources/Collector/Commands/Options/ForgeOptions.swift",
        r".authority == address.authority",
        r""".authority.isEmpty == false""", FORGE),
    Guard(
        10, "forge-clear-text", "a forge is not asked in the clear",
        _FORGE + "ForgeAddress.swift",
        r"guard !HostAddress.isInTheClear(base) else { throw .inTheClear }",
        r"guard !HostAddress.isInTheClear(base) || base.count > 7 else { throw .inTheClear }", FORGE),
    Guard(
        10, "forge-link", "a link of a forge is shown without its query",
        _FORGE + "SafeLink.swift",
        r"""let shown = full.prefix { $0 != "?" && $0 != "#" }""",
        r"""let shown = full.prefix { $0 != "#" }""", FORGE),
    Guard(
        11, "switch-words", "a kill switch is off for the agreed words only",
        _KILL_SWITCH + "KillSwitch.swift",
        r"""["", "0", "false", "no", "off"]""",
        r"""["", "0", "false", "no", "off", "n"]""", KILL_SWITCH),
    Guard(
        11, "switch-blanks", "only ASCII's blanks are left aside",
        _KILL_SWITCH + "KillSwitch.swift",
        r"(9...13).contains(byte) }",
        r"(9...13).contains(byte) || byte >= 0x80 }", KILL_SWITCH),
    Guard(
        11, "switch-every-source", "every kill switch must be off",
        _KILL_SWITCH + "KillSwitch.swift",
        r"if reading != .off { return reading }",
        r"return reading", KILL_SWITCH),
    Guard(
        11, "switch-unreadable", "a kill switch that cannot be read holds",
        _KILL_SWITCH + "KillSwitch.swift",
        r"""case .unreadable(let reason): throw .refused("\(held): the kill switch \(reason)", by: .unreadableKillSwitch)""",
        r"""case .unreadable: return""", KILL_SWITCH),
    Guard(
        11, "switch-environment", "the switch of all environments blocks each of them",
        _KILL_SWITCH + "KillSwitchSource.swift",
        r"return [.standard, .environment(",
        r"return [.environment(", KILL_SWITCH),
    Guard(
        11, "switch-file-folder", "a kill switch's file is absent only where its folder is there",
        _KILL_SWITCH + "KillSwitch.swift",
        r"guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {",
        r"guard stat(folder, &status) == 0 || errno == ENOENT else {", KILL_SWITCH),
    Guard(
        11, "switch-file-link", "a dangling link does not count as an absent file",
        _KILL_SWITCH + "KillSwitch.swift",
        r"guard lstat(path, &status) != 0, errno == ENOENT else {",
        r"guard lstat(path, &status) == 0 || errno == ENOENT else {", KILL_SWITCH),
    Guard(
        11, "switch-url-status", "only a 200 of a kill switch's URL is read",
        _KILL_SWITCH + "KillSwitch.swift",
        r"guard answer.status == 200 else {",
        r"guard answer.status >= 200 else {", KILL_SWITCH),
    Guard(
        11, "switch-url-html", "a page of HTML is not a kill switch's value",
        _KILL_SWITCH + "KillSwitch.swift",
        r"""guard !type.contains("html") else {""",
        r"""guard !type.contains("xhtml") else {""", KILL_SWITCH),
    Guard(
        11, "switch-variable-hidden", "a 404 of a variable counts only where the repository can be read",
        _FORGE + "Forge.swift",
        r"let place = try await client.get(root, before: deadline)",
        r"guard let place = try? await client.get(root, before: deadline) else { return nil }", KILL_SWITCH),
    Guard(
        11, "switch-variable-rights", "a 404 of a variable counts only for a token that may read variables",
        _FORGE + "Forge.swift",
        r"guard kind == .gitea || permissions?.push != false else {",
        r"guard kind == .gitea || permissions?.push != nil else {", KILL_SWITCH),
    Guard(
        11, "switch-404-page", "a 404 of something that is not a forge is not an unset variable",
        _FORGE + "ForgeClient.swift",
        r"case 404 where isForeignPage(response):",
        r"case 404 where isForeignPage(response) && response.body.isEmpty:", KILL_SWITCH),
    Guard(
        11, "superseded-branch", "a commit is promoted only while no newer one of its branch is there",
        _BRANCH + "BranchPosition.swift",
        r"if sha == head { return .head }",
        r"if sha == head || isAncestor { return .head }", FORGE),
    Guard(
        11, "rewritten", "a commit that its branch does not have is not promoted",
        _BRANCH + "BranchPosition.swift",
        r"return isAncestor ? .superseded(by: head) : .rewritten(head: head)",
        r"return isAncestor ? .superseded(by: head) : .head", FORGE),
    Guard(
        11, "rollback-flag", "a tag does not move back unless that is allowed",
        _BRANCH + "BranchPosition.swift",
        r"return allowsRollback",
        r"return allowsRollback || ancestry == .notDescendant", FORGE),
    Guard(
        11, "promote-switch", "a promotion reads the kill switch before anything else",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"try await killSwitch.requireOff(before: .now + timeout, log)",
        r"_ = killSwitch.sources", PROMOTE),
    Guard(
        11, "promote-switch-again", "the kill switch is read again right before the PUT",
        "Sources/Collector/Operations/Tag/TagMover.swift",
        r"try await killSwitch.requireOff(before: registry.deadline)",
        r"_ = killSwitch.sources", PROMOTE),
    Guard(
        11, "promote-green", "a promotion needs green CI",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"try result.requireGreen()",
        r"_ = result", PROMOTE),
    Guard(
        11, "promote-head", "only the branch's head is promoted",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"try await forge.requireHead(request.gitSHA, of: branch, before: deadline)",
        r"_ = (forge, branch, deadline)", PROMOTE),
    Guard(
        11, "promote-candidate", "a commit that a newer candidate follows is superseded",
        _BRANCH + "Forge+Branch.swift",
        r"for commit in newer where try await candidateExists(commit) {",
        r"for commit in newer where try await candidateExists(commit) && commit == sha {", FORGE),
    Guard(
        11, "candidate-unnamed", "a candidate that does not name its commit is superseded by any newer commit",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"} else if supersededBy == .candidate, request.namesCandidates {",
        r"} else if supersededBy == .candidate {", PROMOTE),
    Guard(
        11, "candidate-descends", "only what descends from a commit supersedes it, and what may descend does",
        _BRANCH + "Forge+Branch.swift",
        r"guard commit.parents?.contains(where: known.contains) ?? true else { continue }",
        r"guard commit.parents?.contains(where: known.contains) ?? false else { continue }", FORGE),
    Guard(
        11, "ci-overlap", "runs of one name that overlap are no reruns of each other",
        _CI + "CIReporters.swift",
        r"guard let start = later.startedAt, let end = earlier.newest.endedAt else { return ofOneRun }",
        r"guard let start = later.startedAt, let end = earlier.newest.endedAt, end == start else { return true }", CI),
    Guard(
        11, "ci-workflow", "a run of another workflow or event replaces nothing",
        _CI + "CIReporters.swift",
        r"guard let known = runs[run], let former = runs[formerRun], known.isSameKind(as: former) else {",
        r"guard let known = runs[run], let former = runs[formerRun], known != former || former == known else {", CI),
    Guard(
        11, "ci-unknown-runs", "unknown runs do not replace others",
        _CI + "CIReporters.swift",
        r"case (1?, _), (nil, .status): return false",
        r"case (1?, _): return false", CI),
    Guard(
        11, "ci-summary-rows", "two rows of the forge's own summary are two reporters",
        _CI + "CIReporters.swift",
        r"for row in summary ?? [] where !decisive.contains(where: { $0.id == row.id }) {",
        r"for row in summary ?? [] where decisive.isEmpty {", CI),
    Guard(
        11, "ci-newest-run", "the newest run of a workflow decides, also before it has reported",
        _CI + "CIReporters.swift",
        r"guard let state = run.state, key == newest || state.effect == .waiting else { continue }",
        r"guard let state = run.state, key != newest, state.effect == .waiting else { continue }", CI),
    Guard(
        11, "ci-older-run", "an older run that has not ended is waited for",
        _CI + "CIReporters.swift",
        r"guard let state = run.state, key == newest || state.effect == .waiting else { continue }",
        r"guard let state = run.state, key == newest else { continue }", CI),
    Guard(
        11, "ci-without-job", "a run that succeeded without the job is not green",
        _CI + "CIReporters.swift",
        r"if state == .success, row.source == .status { continue }",
        r"if state == .success { continue }", CI),
    Guard(
        11, "ci-will-replace", "a newer run makes up for a failure only where it began after it",
        _CI + "CIReporters.swift",
        r"return formerNumber < number && end <= start",
        r"return formerNumber < number && end != start", CI),
    Guard(
        11, "github-runs-first", "the runs of Actions are read before green is said",
        _FORGE + "GitHubForge.swift",
        r"reading.needsRuns || isLast || reading.mayBeGreen(contexts) else",
        r"reading.needsRuns || isLast else", FORGE),
    Guard(
        11, "gitea-runs-first", "Gitea's runs are read before green is said",
        _FORGE + "GiteaForge.swift",
        r"hasActions && (reading.needsRuns || reading.mayBeGreen(contexts))",
        r"hasActions && reading.needsRuns", FORGE),
    Guard(
        11, "gitea-tasks", "how a job stands is not taken for how its run stands",
        _FORGE + "GiteaForge.swift",
        r"if !isOfRuns { for key",
        r"if !isOfRuns, sha.hex.isEmpty { for key", FORGE),
    Guard(
        11, "runs-unknown", "a list of runs that fails is not taken for one that is not offered",
        _FORGE + "ForgeClient.swift",
        r"[404, 405, 501].contains(status)",
        r"status >= 404", FORGE),
    Guard(
        11, "ci-described", "a skipped job that is reported as success is not a success",
        _CI + "CIState.swift",
        r"""case ("success", .skipped?): self = .skipped""",
        r"""case ("skipped", .skipped?): self = .skipped""", CI),
    Guard(
        11, "ci-allowed-skip", "only a context that may be skipped is green when it is",
        _CI + "CIState.swift",
        r"allowsSkipped && self == .skipped ? .satisfied : effect",
        r"self == .skipped ? .satisfied : effect", CI),
    Guard(
        11, "flag-only", "what only a flag may permit is not silently ignored in the environment",
        "Sources/Collector/Commands/Invocation.swift",
        r"if let flag = (command?.commandLineOnly ?? []).first(where: isSet) {",
        r"if let flag = (command?.commandLineOnly ?? []).first(where: { isSet($0) && $0.name.isEmpty }) {",
        r"[./]CommandLineMistakesTests/"),
    Guard(
        2, "output-full", "standard output that was not written is not a success",
        "Sources/Collector/Commands/Invocation.swift",
        r"let reason = Terminal.outputFailure else { return code }",
        r"let reason = Terminal.outputFailure, reason.isEmpty else { return code }",
        r"[./]WaitCITests/"),
    Guard(
        2, "table-full", "a final table that was not written is not a success, and the error names the verdict",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"guard stream.isWritable, !stream.write(TextReport(report: report, layout: stream.layout).render()),",
        r"guard !stream.write(TextReport(report: report, layout: stream.layout).render()), !stream.isWritable,",
        r"[./]StreamTests/"),
    Guard(
        9, "frame-height", "a redrawn display is never higher than the screen",
        "Sources/Collector/Support/RedrawnLines.swift",
        r"lines.prefix(max(1, rows - 1)).map {",
        r"lines.prefix(max(1, rows - 1) + lines.count).map {",
        r"[./]RedrawnLinesTests/"),
    Guard(
        "advice", "live-held", "live progress does not advise to deploy a build that failed",
        "Sources/Collector/Operations/Progress/LiveProgress.swift",
        r"isHeld ? reason.text.withoutRollout(reason.code) : reason.text",
        r"isHeld && now < .zero ? reason.text.withoutRollout(reason.code) : reason.text",
        r"[./]ProgressTests/"),
    Guard(
        11, "promote-last", "a build that a later promotion followed is superseded",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"if let later { throw PromotionError.superseded(later, of: request.gitSHA, generation: own.generation) }",
        r"_ = later", PROMOTE),
    Guard(
        11, "promote-descends", "the tag moves forward only, unless going back is meant",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r'throw .refused("\(name): \(reason)", by: ancestry == .notDescendant ? .ancestry : .unknownAncestry)',
        r"return reason", PROMOTE),
    Guard(
        4, "promote-revision", "every platform of a candidate is labelled with the promoted commit",
        "Sources/Collector/Operations/Promote/PromotionGate.swift",
        r"try image.require(request.gitSHA)",
        r"_ = image", PROMOTE),
    Guard(
        11, "promote-written-once", "a tag that names a build is never moved",
        "Sources/Collector/Operations/Promote/PromotionRequest.swift",
        r"if isWrittenOnce(tag) { return .writtenOnce }",
        r"", JOURNAL),
    Guard(
        11, "promote-declared", "a tag that is not declared as moving is left alone",
        "Sources/Collector/Operations/Promote/PromotionRequest.swift",
        r"return moving.contains(tag) ? nil : .undeclared",
        r"return nil", JOURNAL),
    Guard(
        11, "promote-third", "a third digest under the tag is another writer's",
        "Sources/Collector/Operations/Tag/TagReadback.swift",
        r"return now == former ? .unmoved : .contested",
        r"return .unmoved", JOURNAL),
    Guard(
        12, "promote-journal-first", "a tag's change is in the journal before the registry is asked",
        "Sources/Collector/Operations/Tag/TagMover.swift",
        r"case .recorded(let recorded): entry = recorded",
        r"case .recorded(let recorded): entry = try await settle(recorded, .unmoved)", PROMOTE),
    Guard(
        12, "promote-uncertain", "an answer to the PUT that was lost leaves the journal open",
        "Sources/Collector/Operations/Tag/TagMover.swift",
        r"case (_, .uncertainPut(_, let reason)):",
        r"case (_, .uncertainPut(_, let reason)) where reason.isEmpty:", PROMOTE),
    Guard(
        12, "promote-leftover", "what a killed promotion left is settled by what the tag is",
        "Sources/Collector/Operations/Tag/InterruptedPromotionRecovery.swift",
        r"guard settles else {",
        r"guard settles, entry.number < 0 else {", PROMOTE),
    Guard(
        11, "rollback-unproven", "a rollback that was not proven is finished, and goes no build further back",
        "Sources/Collector/Operations/Rollback/RollbackRun.swift",
        r"let build = history.unprovenRollback(at: present?.digest) ?? history.lastProven(before: present?.digest)",
        r"let build = history.lastProven(before: present?.digest)", ROLLBACK),
    Guard(
        11, "rollback-unproven-proof", "only a proven rollback counts as one",
        _LEDGER + "History/BuildHistory.swift",
        r"last.digest == present, last.provenAt == nil else { return nil }",
        r"last.digest == present, last.provenAt != nil else { return nil }", JOURNAL),
    Guard(
        11, "rollback-stale", "no build is gone back from that only a lagging copy of the registry shows",
        "Sources/Collector/Operations/Tag/TagState.swift",
        r"guard left.contains(present.digest) else { return Reading(image: present) }",
        r"guard left.isEmpty else { return Reading(image: present) }", ROLLBACK),
    Guard(
        1, "tag-last-look", "no green end comes without a look at the tag after the last proof",
        _VERDICT + "Verification.swift",
        r"if let since = tagAwaitedSince, since >= lastChange {",
        r"if now >= .zero { return true }; if let since = tagAwaitedSince, since >= lastChange {",
        r"[./]SupersededTests/"),
    Guard(
        "evidence", "evidence-tag-watched", "evidence says that a look at the tag was waited for",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"start.watchesTag = true",
        r"_ = tag", r"[./]RetaggedImageTests/"),
    Guard(
        "gate", "stated-platform-manifest", "a stated platform that a single manifest is not for is refused",
        "Sources/Collector/Operations/Verify/TargetResolver.swift",
        r"host.statedPlatform.map(content.isMadeForOthers(than:)) ?? false",
        r"host.statedPlatform.map(content.lacks) ?? false", r"[./]TargetOptionsTests/"),
    Guard(
        "ledger", "unasked-recorded", "what was interrupted before any host was asked is in the history",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"async let recording = record(built)",
        r"async let recording = built.verdict == .interrupted ? nil : record(built)", r"[./]FieldPromotionTests/"),
    Guard(
        11, "promote-lock", "one change of a tag is under way at a time",
        _LEDGER + "Recording/Ledger+Journal.swift",
        r"return .underWay(found.entry, found.presence)",
        r"_ = found", JOURNAL),
    Guard(
        12, "promote-in-one", "what was moved is a promotion in the same transaction",
        _LEDGER + "Recording/Ledger+Journal.swift",
        r"if generation.isNew {",
        r"if generation.isNew, generation.number < 0 {", JOURNAL),
    Guard(
        11, "promote-permission", "why a tag may go back is in the journal",
        "Sources/Collector/Operations/Promote/PromotionRun.swift",
        r"permission: passed.permission,",
        r"permission: nil,", PROMOTE),
    Guard(
        2, "drift-deadline", "a sweep that takes long leaves the time that looking for drift has",
        "Sources/Collector/Operations/Drift/DriftReader.swift",
        r"named.client.until(.now + named.timeout)",
        r"named.client", DRIFT),
    Guard(
        2, "drift-absent", "a tag that somebody removed is reported",
        "Sources/Collector/Operations/Drift/DriftRules.swift",
        r"guard let tag else {",
        r"guard let tag = tag ?? candidates.first else {", DRIFT),
    Guard(
        "gate", "moved-tag", "a tag that somebody points elsewhere ends a verification",
        _VERDICT + "Verification.swift",
        r"successor != nil || movedTag?.isSettled == true, isEveryHostAsked",
        r"successor != nil, isEveryHostAsked", VERDICT),
    Guard(
        "gate", "moved-tag-doubt", "nothing ends green while the tag shows another build",
        _VERDICT + "Verification.swift",
        r"} else if movedTag == nil, expected > 0,",
        r"} else if expected > 0,", VERDICT),
    Guard(
        "gate", "moved-tag-steady", "what a registry says once of a tag decides nothing",
        "Sources/Collector/Operations/Tag/TagWatch.swift",
        r"guard stability.isStable, !mayLag || stability.span >= timeout else { return .suspected(digest) }",
        r"guard !mayLag || stability.span >= timeout else { return .suspected(digest) }", JOURNAL),
    Guard(
        "gate", "moved-tag-former", "a tag that was put back is not a newer promotion",
        _VERDICT + "VerdictRules.swift",
        r"verification.successor == nil && verification.movedTag?.isFormer == true",
        r"verification.successor != nil && verification.movedTag?.isFormer == true", VERDICT),
    Guard(
        11, "promote-third-steady", "a third digest is another writer's only once it is steady",
        "Sources/Collector/Operations/Tag/TagReadback.swift",
        r"if stability.isStable, isOver || !mayLag { return .contested(digest) }",
        r"if isOver || !mayLag { return .contested(digest) }", JOURNAL),
    Guard(
        12, "promote-on-its-way", "what was acknowledged is not said to have never moved",
        "Sources/Collector/Operations/Tag/TagReadback.swift",
        r"case .unmoved where answer == .notAsked || answer == .refused: return .unmoved",
        r"case .unmoved where answer != .lost: return .unmoved", JOURNAL),
    Guard(
        12, "way-back-proven", "the way back is a build that was proven",
        _LEDGER + "History/BuildHistory.swift",
        r"build.provenAt != nil && build.digest != present && !build.isWithdrawn",
        r"build.digest != present && !build.isWithdrawn", JOURNAL),
    Guard(
        12, "way-back-part", "a part of the fleet proves no way back",
        _LEDGER + "History/Ledger+Builds.swift",
        r"""&& row["is_part"] == false""",
        r"", JOURNAL),
    Guard(
        12, "way-back-children", "children are put back before the index that names them",
        "Sources/Collector/Operations/Tag/TagMover.swift",
        r"try await client.restoreChildren(of: image, in: target)",
        r"_ = client", r"[./]RollbackTests/"),
    Guard(
        2, "shrink-baseline", "small steps of one promotion do not add up",
        "Sources/Collector/Verdict/InventoryCheck.swift",
        r"guard let baseline, size <= baseline else { return size }",
        r"guard let baseline, size < 0 else { return size }", r"[./]InventoryBaselineTests/"),
    Guard(
        1, "instance-health", "an instance that is called serving and unhealthy is not up",
        _VERDICT + "Document+Judgement.swift",
        r"instances.contains { $0.health == .unhealthy }",
        r"instances.contains { $0.health == .unhealthy && $0.state == .unhealthy }", VERDICT),
    Guard(
        4, "emptied-variable", "a digest that came to nothing in the environment is a mistake",
        "Sources/Shared/EnvironmentArguments.swift",
        r"$0.needsText && !isNamed",
        r"$0.needsText && $0.name.isEmpty && !isNamed", r"[./]TextTests/"),
    Guard(
        "evidence", "evidence-whole", "evidence that is not whole is not a success",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"guard let evidence, report.evidence == nil else { return }",
        r"guard let evidence, report.evidence == nil, evidence.path.isEmpty else { return }", r"[./]EvidenceFileTests/"),
    Guard(
        "agent", "stopped-engine", "no connection is made to a stopped engine that systemd would start",
        _ENGINE + "EngineActivation.swift",
        r'guard exists("/run/systemd/units/invocation:\(service)") else {',
        r'guard exists("/run/systemd/units/invocation:\(service)") || !name.isEmpty else {', ADDRESSES),
    Guard(
        "agent", "stopping-engine", "no connection is made to an engine that is being stopped",
        _ENGINE + "EngineActivation.swift",
        r'guard !isMarked || exists("/run/systemd/units/invocation:\(mark)") else {',
        r'guard !isMarked || isMarked || exists("/run/systemd/units/invocation:\(mark)") else {', ADDRESSES),
    Guard(
        3, "plain-engine", "an engine over plain HTTP beyond loopback is refused unless it is permitted",
        _ENGINE + "EngineAddress.swift",
        r"guard tls != nil || allowsPlain || Self.isLoopback(host) else {",
        r"guard tls != nil || allowsPlain || !host.isEmpty || Self.isLoopback(host) else {", ADDRESSES),
    Guard(
        2, "absent-engine", "a folder or a file at a default path is not an engine",
        _ENGINE + "EngineSockets.swift",
        r"guard named.isEmpty, !defaults.contains(where: Self.isSocket) else { return nil }",
        r"guard named.isEmpty, defaults.isEmpty else { return nil }", ADDRESSES),
    Guard(
        2, "file-garbage", "a file with a line of garbage states nothing",
        _CORE + "FileStatement.swift",
        r"guard GitSHA.problem(with: trimmed) != .notHexadecimal else { throw .notCommit }",
        r"guard !trimmed.isEmpty else { throw .notCommit }", r"[./]FileSourceTests/"),
    Guard(
        "agent", "expired-certificate", "an expired certificate does not replace a valid one",
        "Sources/Agent/Serving/Access/FileBacked.swift",
        r"if let rejection = rejection(new, value) { throw rejection }",
        r"_ = rejection(new, value)", r"[./]CertificateTests/"),
    Guard(
        9, "refusal-log", "who is refused cannot fill the log",
        "Sources/Agent/Serving/Access/ConnectionContext.swift",
        r"guard state.lines.count < Self.linesPerMinute, state.lines.insert(line).inserted else {",
        r"guard state.lines.insert(line).inserted else {", r"[./]CertificateTests/"),
    Guard(
        "advice", "advice-failed", "after a failed deploy, hosts on the former build are to be left",
        "Sources/Collector/Reports/Remedy.swift",
        r"if causes.contains(.failedDeploy) || causes",
        r"if causes", ADVICE),
    Guard(
        "advice", "advice-went-back", "after hosts went back, hosts on the former build are to be left",
        "Sources/Collector/Reports/Remedy.swift",
        r" || causes.contains(.rolledBack) ||",
        r" ||", ADVICE),
    Guard(
        "advice", "advice-superseded", "once a newer promotion took over, hosts are to be left",
        "Sources/Collector/Reports/Remedy.swift",
        r"if causes.contains(.superseded) { return .hold(isPutBack ? .putBack : .superseded) }",
        r"if causes.isEmpty { return .hold(isPutBack ? .putBack : .superseded) }", ADVICE),
    Guard(
        "advice", "advice-put-back", "a build that was put back is not reported as a newer promotion",
        "Sources/Collector/Reports/Remedy.swift",
        r"return .hold(isPutBack ? .putBack : .superseded)",
        r"return .hold(isPutBack && hasFailures ? .putBack : .superseded)", ADVICE),
    Guard(
        "advice", "advice-drift", "while a drift is not explained, hosts are to be left",
        "Sources/Collector/Reports/Remedy.swift",
        r"if let drift, !drift.isExplained { return .hold(.drift) }",
        r"if let drift, drift.image.isEmpty { return .hold(.drift) }", ADVICE),
    Guard(
        "advice", "advice-down", "a host that is down on the target speaks against it before it is failed",
        "Sources/Collector/Reports/Remedy.swift",
        r"return hosts[index].facts.isDownOnTarget(status) || status == .failed ||",
        r"return status == .failed ||", ADVICE + "|" + STATUS),
    Guard(
        "advice", "advice-back", "only a proof says that the fleet is back",
        "Sources/Collector/Reports/Remedy.swift",
        r"let digest = rollback.digest, rollback.verdict == .converged {",
        r"let digest = rollback.digest, rollback.verdict != .superseded {", ADVICE),
    Guard(
        "advice", "advice-timeline", "the changes of a host advise no more than its reason",
        "Sources/Collector/Reports/ReasonTexts.swift",
        r"reason.text.finding",
        r"reason.text.sentence", ADVICE),
    Guard(
        "advice", "advice-stored", "advice is settled before anyone gets a report",
        "Sources/Collector/Reports/ReportBuilder.swift",
        r"report.settleAdvice()",
        r"if report.hosts.isEmpty { report.settleAdvice() }", ADVICE),
    Guard(
        "advice", "advice-later", "advice is settled again when the way back or drift is known",
        "Sources/Collector/Reports/Report.swift",
        r"var promotion: PromotionRecord? { didSet { settleAdvice() } }",
        r"var promotion: PromotionRecord?", ADVICE),
    Guard(
        "advice", "advice-command", "advice that is dropped leaves no command behind",
        "Sources/Collector/Reports/Remedy.swift",
        r"command = nil",
        r"command = command ?? nil", ADVICE),
    Guard(
        "advice", "advice-quoted", "no text of a host is unquoted in a command",
        _VERDICT + "ShellWord.swift",
        r"guard text.isEmpty || !text.utf8.allSatisfy(isHarmless) else { return text }",
        r"guard text.isEmpty || text.contains(where: \.isWhitespace) else { return text }", REMEDIES),
    Guard(
        "advice", "advice-option", "no text of a host is an option of a command",
        _VERDICT + "ShellWord.swift",
        r'!text.hasPrefix("-"), ',
        r"", REMEDIES),
    Guard(
        "advice", "advice-pinned", "a pull is no remedy for a container that is pinned",
        _VERDICT + "ServiceSetup.swift",
        r"if let served, names(served, tag) { return true }",
        r"if let served, names(served, tag) { return false }", REMEDIES),
    Guard(
        "advice", "advice-image-id", "an image id is not pulled as a name",
        _VERDICT + "ServiceSetup.swift",
        r"guard let reference = ImageReference(parsing: text), !Self.isImageID(text) else {",
        r"guard let reference = ImageReference(parsing: text) else {", REMEDIES),
    Guard(
        "advice", "advice-apart", "hosts with different causes share no action",
        "Sources/Collector/Reports/Action.swift",
        r"summary: text.summary ?? text.cause, remedy",
        r'summary: text.summary ?? "", remedy', ACTIONS),
    Guard(
        "advice", "status-fine", "a status that must tell what it found does",
        _VERDICT + "SweepRules.swift",
        r"if isGating, isAnyReachable, let worst = reasons.first",
        r"if isGating, !isAnyReachable, let worst = reasons.first", STATUS),
    Guard(
        "advice", "status-waived", "a status is gated by no waived host",
        _VERDICT + "SweepRules.swift",
        r"let gated = verification.tracks.lazy.filter { !$0.host.isWaived }",
        r"let gated = verification.tracks", STATUS),
    Guard(
        "advice", "status-stale", "a watched value that is too old is not shown as on target",
        "Sources/Collector/Operations/Status/StatusDisplay.swift",
        r"case .onTarget, .starting, .answered, .behind, .ahead, .mixed: isOld(at: moment, limit: limit) ? nil : status",
        r"case .onTarget, .starting, .answered, .behind, .ahead, .mixed: status", WATCH),
    Guard(
        "advice", "status-stale-count", "a watched host whose last observation is too old counts as without an answer",
        _VERDICT + "SweepRules.swift",
        r"case _ where isStale: .unanswered",
        r"case _ where isStale && track.evidence == nil: .unanswered", WATCH),
    Guard(
        "advice", "log-reason", "a reason that says nothing yet is not the log's word about a host",
        "Sources/Collector/Operations/Progress/PlainProgress.swift",
        r"case .notAnsweredYet, .askedTooEarly: true",
        r"case .notAnsweredYet: true", PROGRESS),
    Guard(
        "advice", "log-end", "a log ends with what each host is, even if it said so before",
        "Sources/Collector/Operations/Progress/PlainProgress.swift",
        r"guard isNew || isLast && shown[host] != status else { continue }",
        r"guard isNew else { continue }", PROGRESS),
    Guard(
        "gate", "require-label", "what --require names exists",
        "Sources/Collector/Operations/Verify/PolicyCheck.swift",
        r"+ policy.require.map {",
        r"+ policy.require.filter { _ in false }.map {", LIMITS),
    Guard(
        "gate", "tolerance-size", "no tolerance exceeds the fleet",
        "Sources/Collector/Operations/Verify/PolicyCheck.swift",
        r"if case .hosts(let count) = limits.plain, count > inventory.listed.count {",
        r"if case .hosts(let count) = limits.plain, count > inventory.listed.count, count < 0 {", LIMITS),
    Guard(
        "ledger", "refusal-recorded", "a refused inventory is in the history",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"async let recording = record(built)",
        r"async let recording = built.verdict.isRefusal ? nil : record(built)", KINDS),
    Guard(
        "ledger", "refusal-no-promotion", "a refused inventory is of no promotion",
        _LEDGER + "Recording/Ledger+Recording.swift",
        r"if report.verdict.isRefusal { target.generation = nil }",
        r"if report.verdict.isRefusal { target.generation = target.generation ?? 1 }", KINDS),
    Guard(
        "ledger", "check-selection", "a selection is not a contradiction",
        _LEDGER + "Maintenance/LedgerChecker.swift",
        r"SELECT id FROM verifications WHERE json_extract(inventory, '$.expected') != (",
        r"SELECT id FROM verifications WHERE listed != (", KINDS),
    Guard(
        "ledger", "check-keeps", "what merely contradicts itself is not to be thrown away",
        _LEDGER + "Maintenance/LedgerCheckResult.swift",
        r"findings.contains { $0.kind == .damage }",
        r"findings.contains { $0.kind != .note }", KINDS),
    Guard(
        "ledger", "hangup", "a hangup ends a verification with its report",
        "Sources/Collector/Support/EndingSignals.swift",
        r"trapping: .sigint, .sigterm, .sighup)",
        r"trapping: .sigint, .sigterm)", r"[./]StatusTests/"),
    Guard(
        "ledger", "nohup", "a hangup that is ignored ends nothing",
        "Sources/Collector/Support/EndingSignals.swift",
        r"guard sigaction(SIGHUP, nil, &action) == 0 else { return false }",
        r"guard sigaction(SIGHUP, nil, &action) != 0 else { return false }", r"[./]StatusTests/"),
    Guard(
        "ledger", "certificate-ends", "a certificate that ends soon is reported",
        "Sources/Collector/Transfer/TransferSlot.swift",
        r"buildinfo_curl_easy_get_certificate_end(easy, start, text.count) != 0",
        r"buildinfo_curl_easy_get_certificate_end(easy, start, 8) != 0", r"[./]CertificateEndsTests/"),
    Guard(
        "ledger", "moment-changed", "what lies between two different builds is unknown",
        _LEDGER + "History/HostMoment.swift",
        r"let isSame = before.observation.showsSameBuild(as: after.observation)",
        r"let isSame = before.observation.hasBuild || after.observation.hasBuild", HISTORY),
    Guard(
        "ledger", "moment-silent", "a host that gave no answer is not taken to serve what it served before",
        _LEDGER + "History/Ledger+Moments.swift",
        r"(observation.gitSHA, observation.digest) = (nil, nil)",
        r"observation.gitSHA = row.gitSHA", HISTORY),
    Guard(
        "ledger", "status-unlisted", "a host that left the inventory is not taken for unchanged",
        _LEDGER + "Recording/Ledger+Statuses.swift",
        r"for host in known where !listed.contains(host) {",
        r"for host in known where host.isEmpty {", HISTORY),
    Guard(
        "ledger", "status-series", "the sweeps of two inventories are not mixed",
        _LEDGER + "Recording/Ledger+Statuses.swift",
        r"WHERE service = ? AND source = ? AND selected = ?",
        r"WHERE service = ? AND (source = ? OR TRUE) AND selected = ?", HISTORY),
    Guard(
        "ledger", "status-outdated", "a sweep that ended earlier changes no later state",
        _LEDGER + "Recording/Ledger+Statuses.swift",
        r"""if let last, last["at"] >= at { return .outdated }""",
        r"""if let last, last["at"] == at { return .outdated }""", HISTORY),
    Guard(
        "ledger", "cut-off-late", "a host that a failure cut off is not late",
        _LEDGER + "History/HistoryStatistics.swift",
        r"status.category != .behind || !verification.isCutShort",
        r"status.category != .behind || !verification.service.isEmpty", HISTORY),
    Guard(
        "ledger", "rollback-link", "a promotion undoes nothing",
        _LEDGER + "History/RollbackLinks.swift",
        r"AND kind = ? AND",
        r"AND (kind = ? OR TRUE) AND", HISTORY),
    Guard(
        "ledger", "from-start-first", "a host that was not up at first has a time to converge",
        _VERDICT + "FirstAnswer.swift",
        r"case _ where runtime != .serving: state = .changed",
        r"case _ where runtime == .absent: state = .changed", HISTORY),
    Guard(
        "ledger", "from-start-same", "only a host that never changed served the target from the start",
        _VERDICT + "FirstAnswer.swift",
        r"if !isSame { state = .changed }",
        r"if !isSame { state = .unchanged(evidence, fingerprint) }", HISTORY),
    Guard(
        "ledger", "from-start-answered", "a host that gave no answer at first has a time to converge",
        _VERDICT + "FirstAnswer.swift",
        r"if case .awaited = state { state = .changed }",
        r"if case .awaited = state { state = .awaited }", HISTORY),
    Guard(
        "text", "csv-separator", "text behind a semicolon runs as no formula",
        "Sources/Collector/Support/CommaSeparatedTable.swift",
        r"""isStart = ";|".contains(character) ||""",
        r"""isStart = ";|".contains(character) && result.isEmpty ||""", HISTORY),
    Guard(
        "ledger", "environment-key", "promotions, sizes and proofs of another environment do not count",
        _LEDGER + "Store/LedgerCoding.swift",
        r"""{ environment.isStandard ? name : "\(name)@\(environment)" }""",
        r"""{ name }""", ENVIRONMENTS),
    Guard(
        "ledger", "environment-spelling", "an environment in other letters does not start a second history",
        _LEDGER + "Recording/Ledger+Recording.swift",
        r"lower(environment) = lower(?)",
        r"environment = ?", ENVIRONMENTS),
    Guard(
        "ledger", "backup-checked", "a damaged copy does not become a backup",
        _LEDGER + "Maintenance/Ledger+Backup.swift",
        r"if let damage = check.damage { throw LedgerCopyError.damagedLedger(path: path, finding: damage) }",
        r"", LEDGER_COPIES),
    Guard(
        "ledger", "restore-checked", "a damaged backup does not replace a ledger",
        _LEDGER + "Maintenance/Ledger+Restore.swift",
        r"if let damage = check.damage { throw LedgerCopyError.damagedBackup(path: source, finding: damage) }",
        r"", LEDGER_COPIES),
    Guard(
        "ledger", "restore-stale-log", "a log that was left behind is not applied to a restored ledger",
        _LEDGER + "Maintenance/PartialFile.swift",
        r"for companion in Self.companions { unlink(target + companion) }",
        r"", LEDGER_COPIES),
    Guard(
        "ledger", "restore-open-work", "an open promotion or a running verification is not forgotten",
        _LEDGER + "Maintenance/Ledger+Restore.swift",
        r"if let open, !ignoresOpenWork { throw open }",
        r"if let open, !ignoresOpenWork, path.isEmpty { throw open }", LEDGER_COPIES),
    Guard(
        "ledger", "restore-in-use", "a ledger that another process has open is not replaced",
        _LEDGER + "Maintenance/Ledger+Restore.swift",
        r"guard lock.l_type == Int16(F_UNLCK) else { throw .inUse(path: path) }",
        r"", r"[./]SharedLedgerTests/"),
    Guard(
        "text", "headline-reach", "a host without a usable answer is not counted as serving anything",
        "Sources/Collector/Reports/Serving.swift",
        r"guard facts.reach == .ok, facts.runtime != .unknown else {",
        r"guard facts.runtime != .unknown else {", HEADLINE),
    Guard(
        "text", "headline-links", "a stored link that is not safe is not shown",
        "Sources/Collector/Reports/ReportOrigin.swift",
        r"url.flatMap { Self.isSafe($0) ? (name, $0) : nil }",
        r"url.flatMap { (name, $0) }", HEADLINE),
    Guard(
        "text", "output-host-names", "the name of a host cannot add an output or a command",
        "Sources/Collector/Operations/Pipeline/StepOutputs.swift",
        r'return isHarmless ? character : "_"',
        r'return isHarmless || !name.isEmpty ? character : "_"', HEADLINE),
    Guard(
        "text", "pin-rolled-back", "a build that was rolled back is not given to pin",
        "Sources/Collector/Reports/Headline.swift",
        r"promotion.rollback.map({ $0.effect == .unchanged }) ?? true,",
        r"", HEADLINE),
    Guard(
        "text", "lost-report-code", "a pipeline shows the exit code of a report that could not be written",
        "Sources/Collector/Operations/Verify/VerificationRun.swift",
        r"ending.exitCode = failure.exitCode",
        r"", r"[./]PipelineRunTests/"),
    Guard(
        10, "init-token-clear", "a token that was meant for TLS is not sent over plain HTTP to find the scheme",
        "Sources/Collector/Operations/Init/InitRun.swift",
        r'scheme == "https" || access[index].bearerToken == nil',
        r'scheme == "https" || access[index].clientKey == nil', INIT),
    Guard(
        3, "init-id-of-conflict", "the id of another host does not become an expected one",
        "Sources/Collector/Operations/Examination/ExaminedHost.swift",
        r"sweep == .conflict ? nil : answer?.document",
        r"answer?.document", INIT),
    Guard(
        5, "init-absent-hosts", "a host that does not answer is in the written inventory",
        "Sources/Collector/Operations/Init/InventoryDraft.swift",
        r"let entries = hosts.enumerated().map { index, host in",
        r"let entries = hosts.enumerated().filter(\.element.hasAnswered).map { index, host in", INIT),
    Guard(
        "ledger", "init-overwrites", "init does not replace a file without --force",
        "Sources/Collector/Commands/InitCommand.swift",
        r"guard !force, FilePresence.exists(path) else { return }",
        r"guard !force, path.isEmpty, FilePresence.exists(path) else { return }", INIT),
    Guard(
        6, "doctor-exit", "a problem that doctor shows is its exit code",
        "Sources/Collector/Operations/Doctor/Diagnosis.swift",
        r"count(.problem) > 0 ? ExitStatus.stragglers : .success",
        r"count(.problem) > checks.count ? ExitStatus.stragglers : .success", DOCTOR),
    Guard(
        "text", "doctor-lines", "a host's text in a diagnosis is one clean line",
        "Sources/Collector/Operations/Doctor/Diagnosis.swift",
        r"self.text = Sanitizer.singleLine(text, limit: 512)",
        r"self.text = text", DOCTOR),
    Guard(
        9, "doctor-names", "a diagnosis lists the first few hosts, however many there are",
        "Sources/Collector/Operations/Doctor/Diagnosis.swift",
        r"finding.hosts.listed(limit: maximumNames)",
        r'finding.hosts.joined(separator: ", ")', DOCTOR),
    Guard(
        "agent", "init-existing", "init replaces a file only on request",
        "Sources/Agent/Init/NewFile.swift",
        r"guard replacingExisting else { throw .outputExists(shown) }",
        r"", r"[./]InitCommandTests/"),
    Guard(
        "agent", "init-race", "init replaces no file that was made while it asked the engine",
        "Sources/Agent/Init/NewFile.swift",
        r"let result = replacesExisting ? rename(temporary, path) : link(temporary, path)",
        r"let result = rename(temporary, path)", r"[./]InitCommandTests/"),
    Guard(
        "agent", "init-limit", "init declares no more containers than an agent observes",
        "Sources/Agent/Init/EngineSurvey.swift",
        r"guard count > EngineScan.containerLimit else { continue }",
        r"guard count < 0 else { continue }", r"[./]InitCommandTests/"),
    Guard(
        "agent", "init-folders", "init takes containers of two projects with one name for no replicas",
        "Sources/Agent/Init/EngineSurvey.swift",
        r"candidate.hasFixedCount && content.folders.count <= 1",
        r"candidate.hasFixedCount", r"[./]InitCommandTests/"),
    Guard(
        "agent", "init-ours", "init declares no container of the agent",
        "Sources/Agent/Init/EngineSurvey.swift",
        r"if container.entry.isOurs {",
        r"if container.entry.isOurs, container.entry.id.isEmpty {", r"[./]InitCommandTests/"),
    Guard(
        "text", "init-words", "init quotes a name that YAML takes for another value",
        "Sources/Agent/Init/ConfigurationDraft.swift",
        r"&& !reserved.contains(text.lowercased())",
        r"", r"[./]InitCommandTests/"),
    Guard(
        "text", "init-selector", "init declares nothing that the agent would read as another selector",
        "Sources/Agent/Init/EngineSurvey.swift",
        r"guard declaration.canBeWritten, count <= EngineScan.containerLimit else {",
        r"guard count <= EngineScan.containerLimit else {", r"[./]InitCommandTests/"),
    Guard(
        1, "page-stale-fleet", "a page shows a fleet that is not fresh as unknown",
        _PAGES + "FleetView.swift",
        r"guard isFresh, counts.expected > 0 else { return .unknown }",
        r"guard counts.expected > 0 else { return .unknown }", SERVICE_PAGES),
    Guard(
        1, "page-stale-number", "a page counts no host of a fleet as proven that is not fresh",
        _PAGES + "OverviewPage.swift",
        r'fleet.isFresh ? ReportText.count(fleet.counts.proven) : "?"',
        r"ReportText.count(fleet.counts.proven)", SERVICE_PAGES),
    Guard(
        1, "page-old", "an open page whose service is gone turns grey",
        _PAGES + "ServiceStyle.swift",
        r"animation:old 1ms 15s forwards}",
        r"}", SERVICE_PAGES),
    Guard(
        "advice", "page-advice", "a page does not advise hosts to follow a build that failed",
        _PAGES + "FleetView.swift",
        r"guard hasFailures else { return host.reason }",
        r"guard hasFailures, counts.expected < 0 else { return host.reason }", SERVICE_PAGES),
    Guard(
        10, "page-scope", "a page needs the scope to read",
        "Sources/Collector/Service/HTTP/Routes.swift",
        r"paths.get(path, read, use: page)",
        r"paths.get(path, router, use: page)", SERVICE_PAGES),
    Guard(
        "service", "page-form", "without a script, a form is not loaded again while it is filled in",
        _PAGES + "Page.swift",
        r"""!["off", "later"].contains""",
        r"""!["off"].contains""", SERVICE_PAGES),
    Guard(
        6, "badge-tag", "a badge is not green while its fleet's page is red for the watched tag",
        _PAGES + "Badge.swift",
        r"FleetView(entry.board.snapshot, tag: entry.tag?.snapshot, at: PageMoment())",
        r"FleetView(entry.board.snapshot, at: PageMoment())", TAGS),
    Guard(
        "service", "query-empty", "a filter without a value is refused, and not ignored",
        _SERVICE + "HTTP/Query.swift",
        r"guard !value.isEmpty || canBeEmpty.contains(name) else {",
        r"guard !value.isEmpty || !known.isEmpty else {", SERVICE),
    # Access to the service
    Guard(
        10, "session-signature", "a cookie that this service did not sign is no session",
        _ACCESS + "Sessions.swift",
        r"""guard ConstantTime.areEqual(sign("session", content), Array(bytes[Self.length...])) else { return nil }""",
        r"", SESSIONS),
    Guard(
        10, "session-age", "a session ends after its time",
        _ACCESS + "Sessions.swift",
        r"guard now - session.begun < Session.longest, now - session.seen < Session.idle else { return nil }",
        r"", SESSIONS),
    Guard(
        10, "session-end", "a sign-out ends every copy of the cookie",
        _ACCESS + "Sessions.swift",
        r"return state.withLock({ $0.ended[Hexadecimal.encode(session.id)] }) == nil ? session : nil",
        r"return session", SESSIONS),
    Guard(
        9, "session-bound", "the file of ended sessions stays small",
        _ACCESS + "Sessions.swift",
        r"if state.ended.count > Self.mostEnded {",
        r"if state.ended.count < 0 {", SESSIONS),
    Guard(
        10, "session-file", "other users of the machine cannot read the key of sessions",
        _ACCESS + "Sessions.swift",
        r"isPrivate: true",
        r"isPrivate: false", LOGIN),
    Guard(
        "service", "session-token", "a session ends with its token",
        _ACCESS + "AccessControl.swift",
        r"merged { $0.tokens.mapHashes { sessions.tag(of: $0) }.contains(session.token) }",
        r"merged { !$0.tokens.mapHashes { sessions.tag(of: $0) }.isEmpty && !session.token.isEmpty }", LOGIN),
    Guard(
        "service", "cookie-attributes", "scripts and other sites have no use of the cookie",
        _ACCESS + "SessionCookie.swift",
        r"; HttpOnly; SameSite=Strict",
        r"", LOGIN),
    Guard(
        "service", "cookie-secure", "the cookie crosses no network in the clear",
        _ACCESS + "AccessGate.swift",
        r"isEncrypted || reach == .network || !AccessControl.isLoopbackName(host)",
        r"isEncrypted && reach == .network && !AccessControl.isLoopbackName(host)", LOGIN),
    Guard(
        "service", "form-token", "a write with a cookie needs the form's token",
        _ACCESS + "AccessGate.swift",
        r"""let isOwn = owner.map { sessions.isFormToken(token ?? "", for: $0) } ?? false""",
        r"""let isOwn = owner.map { sessions.isFormToken(token ?? "", for: $0) || true } ?? false""", LOGIN),
    Guard(
        "service", "form-origin", "another site cannot make a browser write",
        _ACCESS + "AccessGate.swift",
        r"guard isOwn, origin(of: request) != .foreign else {",
        r"guard isOwn else {", LOGIN),
    Guard(
        "service", "open-redirect", "the sign-in leads to no other site",
        _ACCESS + "RequestOrigin.swift",
        r""", !text.hasPrefix("//")""",
        r"", LOGIN),
    Guard(
        9, "failed-tokens", "an address guesses tokens slowly",
        _ACCESS + "AccessGate.swift",
        r"if let seconds = failures.refusal(address.name, now: Self.uptime) { return tooManyFailures(seconds) }",
        r"", LOGIN),
    Guard(
        9, "failed-tokens-wait", "an address that guesses learns nothing from a right guess",
        _ACCESS + "AccessGate.swift",
        r"guard !address.isShared, let seconds = failures.wait(address.name, now: Self.uptime) else { return }",
        r"guard address.name.isEmpty, let seconds = failures.wait(address.name, now: Self.uptime) else { return }", LOGIN),
    Guard(
        "service", "identity-issuer", "the token chooses among the configured issuers alone",
        _ACCESS + "IdentityRule.swift",
        r"let rules = rules.filter { $0.issuer == token.issuer }",
        r"let rules = rules.filter { token.issuer?.hasPrefix($0.issuer) ?? true }", IDENTITY),
    Guard(
        "service", "identity-audience", "a token for another audience is refused",
        _ACCESS + "IdentityRule.swift",
        r"guard isFor(token) else {",
        r"guard isFor(token) || !claims.isEmpty else {", IDENTITY),
    Guard(
        "service", "identity-claim", "a job that no rule describes is refused",
        _ACCESS + "IdentityRule.swift",
        r"guard permitted.isDisjoint(with: values) else { continue }",
        r"guard permitted.isDisjoint(with: values), permitted.isEmpty else { continue }", IDENTITY),
    Guard(
        "service", "identity-signature", "a token that its issuer did not sign is refused",
        _ACCESS + "IdentityRule.swift",
        r"guard candidates.contains(where: { $0.signed(token) }) else {",
        r"guard candidates.contains(where: { $0.signed(token) || true }) else {", IDENTITY),
    Guard(
        "service", "identity-key-name", "a token is verified with the key that it names",
        _ACCESS + "IdentityRule.swift",
        r"candidates = candidates.filter { $0.id == id }",
        r"candidates = candidates.filter { _ in !id.isEmpty }", IDENTITY),
    Guard(
        "service", "identity-end", "a token after its end is refused",
        _ACCESS + "IdentityToken.swift",
        r"guard now < end + Self.leeway else {",
        r"guard now < end + Self.leeway * 1_000 else {", IDENTITY),
    Guard(
        "service", "identity-begin", "a token before its time is refused",
        _ACCESS + "IdentityToken.swift",
        r"guard begin <= now + Self.leeway else {",
        r"guard begin <= now + Self.leeway * 1_000 else {", IDENTITY),
    Guard(
        "service", "identity-critical", "a token with headers that must be understood is refused",
        _ACCESS + "IdentityToken.swift",
        r"guard decoded.crit == nil else {",
        r"guard decoded.crit?.isEmpty != true else {", IDENTITY),
    Guard(
        9, "identity-size", "a token of any size is not parsed",
        _ACCESS + "IdentityToken.swift",
        r"guard text.utf8.count <= Self.sizeLimit else {",
        r"guard text.utf8.count <= Self.sizeLimit * 1_000 else {", IDENTITY),
    Guard(
        "service", "identity-key-use", "a key verifies only with the algorithm that it is for",
        _ACCESS + "SigningKey.swift",
        r"if let only = member.algorithm { algorithms = algorithms.filter { $0.key == only } }",
        r"", IDENTITY),
    Guard(
        "service", "identity-redirect", "keys come from the address that the issuer names",
        _ACCESS + "IssuerKeys.swift",
        r"guard response.status == 200 else {",
        r"guard response.status < 400 else {", IDENTITY),
    Guard(
        "service", "identity-issuer-name", "keys are those of the issuer that names itself so",
        _ACCESS + "IssuerKeys.swift",
        r"guard description.issuer == issuer else {",
        r"guard !description.issuer.isEmpty else {", IDENTITY),
    Guard(
        "service", "identity-keys-age", "keys that could not be read again for an hour are not used",
        _ACCESS + "IssuerKeys.swift",
        r"guard let known, now() - known.at < Self.longestAge else { return nil }",
        r"guard let known else { return nil }", IDENTITY),
    Guard(
        9, "identity-reads", "tokens cannot make the service ask an issuer all the time",
        _ACCESS + "IssuerKeys.swift",
        r"guard reading == nil, next.map({ now() >= $0 }) ?? true else { return }",
        r"guard reading == nil else { return }", IDENTITY),
    Guard(
        "service", "identity-whose", "a rule must have a claim that says whose job it is",
        "Sources/Collector/Service/Configuration/ConfigurationReader+Identities.swift",
        r"guard identity.claims.keys.contains(where: { !Self.commonClaims.contains($0) }) else {",
        r"guard !identity.claims.isEmpty else {", r"[./]ServiceConfigurationTests/"),
    # The service
    Guard(
        13, "event-age", "clients learn that a status became unknown by its age alone",
        _SERVICE + "Events/EventHub.swift",
        r"""HostMark(status: snapshot.status($0, at: now), number: $0.number) }
        isFresh = snapshot.isFresh(at: now)""",
        r"""HostMark(status: $0.status, number: $0.number) }
        isFresh = now == .now""", SERVICE_EVENTS),
    Guard(
        13, "event-tag", "clients learn that the watched tag moved, or is unknown, although no host changed",
        _SERVICE + "Events/EventHub.swift",
        r"self.tag = tag.map { TagMark($0, in: snapshot, at: now) }",
        r"self.tag = nil", SERVICE_EVENTS),
    Guard(
        13, "event-restart", "a number from before a restart is answered with everything",
        _SERVICE + "Events/EventHub.swift",
        r"guard number >= model.sequence.first, number <= model.sequence.number else {",
        r"guard number <= model.sequence.number else {", SERVICE_EVENTS),
    Guard(
        13, "event-idle", "what happened while nobody listened counts as changed",
        _SERVICE + "Events/EventHub.swift",
        r"if clients.isEmpty { listedAt = model.sequence.next() }",
        r"", SERVICE_EVENTS),
    Guard(
        9, "event-cut", "a client that does not read is disconnected",
        _SERVICE + "Events/EventClient.swift",
        r"guard state.bytes > Self.limit else { return }",
        r"guard state.bytes > Self.limit * 1_000 else { return }", SERVICE_EVENTS),
    Guard(
        "service", "event-scope", "events need the scope to read",
        _SERVICE + "HTTP/Routes.swift",
        r"""paths.get("/api/v1/events", read,""",
        r"""paths.get("/api/v1/events", router,""", SERVICE_EVENTS),
    Guard(
        "service", "event-reload", "a reload of the configuration ends streams, so that tokens are asked for again",
        _SERVICE + "Running/CollectorService.swift",
        r"await parts.events.disconnect(isLast: false)",
        r"", SERVICE_EVENTS),
    Guard(
        13, "ready-listens", "a service that cannot listen does not tell systemd that it is ready",
        _SERVICE + "Running/CollectorService.swift",
        r"guard !Task.isCancelled else { return false }",
        r"", r"[./]ListeningTests/"),
    Guard(
        12, "acknowledged-in-ledger", "a verification is acknowledged once the ledger has it",
        _SERVICE + "Verifications/Verifications.swift",
        r"if !(await monitor.begin()) {",
        r"if id.isEmpty {", r"[./]VerificationAPITests/"),
    Guard(
        13, "status-age", "a status is unknown once the host was not asked for too long",
        _STANDING + "FleetBoard.swift",
        r"guard isKept(host.askedAt, at: now) else { return nil }",
        r"", BOARD),
    Guard(
        13, "proof-age", "a proof counts for three intervals, by the time at which somebody asks",
        _STANDING + "FleetBoard.swift",
        r"return isFresh(host.observedAt, at: now) ? host.status : nil",
        r"return host.status", BOARD),
    Guard(
        13, "fleet-heard", "a fleet in which no host answers is not fresh",
        _STANDING + "FleetBoard.swift",
        r"isKept(roundAt, at: now) && isFresh(heardAt, at: now)",
        r"isKept(roundAt, at: now)", BOARD),
    Guard(
        "service", "standing-endless", "a standing check ends with no verdict",
        _VERDICT + "Verification.swift",
        r"""guard !purpose.isStanding else { return }
        if budget""",
        r"if budget", BOARD),
    Guard(
        3, "successor-alone", "two machines that answer in turns stay in conflict, however long they do",
        _VERDICT + "IdentityTracker.swift",
        r"guard id != firstID, answer.nonce == sample.nonce else { return candidate = nil }",
        r"guard id != firstID, answer.nonce == sample.nonce else { return }", BOARD),
    Guard(
        "service", "unknown-token", "a token that is not known is refused, and not taken for none",
        _ACCESS + "AccessGate.swift",
        r"guard let grant = model.access.grant(of: token) else {",
        r"""let grant = model.access.grant(of: token) ?? (name: "", scopes: [.read])
        if address.name.isEmpty {""", ROUTE_ACCESS),
    Guard(
        "service", "scope", "a route needs a token with its scope",
        _ACCESS + "AccessGate.swift",
        r"if !caller.scopes.permit(scope) {",
        r"if !caller.scopes.permit(scope), caller.name == nil {", ROUTE_ACCESS),
    Guard(
        "service", "anonymous", "beyond loopback, nobody reads without a token unless the configuration says so",
        _ACCESS + "AccessControl.swift",
        r"case .network: false",
        r"case .network: !allowsAnonymous", ROUTE_ACCESS),
    Guard(
        "service", "rebound-name", "a web page that points a name of its own to loopback reads nothing there",
        _ACCESS + "AccessControl.swift",
        r'return name == "localhost" ||',
        r'return !name.isEmpty || name == "localhost" ||', SERVICE),
    Guard(
        "service", "stricter-policy", "a request cannot make the fleet's policy laxer",
        _SERVICE + "Verifications/VerificationRequest.swift",
        r"guard !key.isLaxer((policy, check), than: fleet, hosts: inventory.hosts) else {",
        r"guard !key.isLaxer((policy, check), than: fleet, hosts: inventory.hosts) || !shown.isEmpty else {", SERVICE),
    Guard(
        "service", "idempotency", "a key stands for one request",
        _SERVICE + "Verifications/Verifications.swift",
        r"guard known.request == request else {",
        r"guard known.request == known.request else {", SERVICE),
    Guard(
        "service", "exposed-listener", "an address that the network reaches needs tokens, or anonymous access by choice",
        _SERVICE + "Configuration/ConfigurationReader.swift",
        r"for address in configuration.listen where address.value.reach == .network {",
        r"for address in configuration.listen where address.value.reach == .network && address.place.isEmpty {", SERVICE),
    Guard(
        "text", "cursor-full", "a program that is stopped while the terminal is full shows the cursor",
        "Sources/Collector/Support/HiddenCursor.swift",
        r"guard poll(&ready, 1, patience) == 1 else {",
        r"guard poll(&ready, 1, 0) == 1 else {", r"[./]TerminalRunTests/"),
    Guard(
        13, "tag-age", "a tag that was read too long ago is unknown",
        _STANDING + "TagBoard.swift",
        r"return now - readAt <= freshness",
        r"return now >= readAt", TAG_BOARD),
    Guard(
        13, "tag-failure", "a tag whose last read failed is unknown, however young the read before is",
        _STANDING + "TagBoard.swift",
        r"guard let readAt, !hasFailed else { return false }",
        r"guard let readAt else { return false }", TAG_BOARD),
    Guard(
        13, "tag-promotion", "a tag is compared with the last promotion, and not with the one before",
        _STANDING + "TagBoard.swift",
        r"guard rules.promotions.last?.generation == fleet.target?.generation, !rules.promotions.isEmpty else {",
        r"guard !rules.promotions.isEmpty else {", TAG_BOARD),
    Guard(
        "service", "tag-doubt", "a tag that has just moved is no drift yet, because its promotion may be recorded next",
        _STANDING + "TagBoard.swift",
        r"return isDoubted ? .pending : .found",
        r"return .found", TAG_BOARD),
    Guard(
        2, "tag-unusable", "a tag that was moved to something that cannot run is a tag that moved",
        _STANDING + "TagCheck.swift",
        r"return ResolvedImage(reference: tag.image, manifest: manifest, entries: [])",
        r"return known", TAGS),
    Guard(
        2, "tag-no-entries", "an image without platforms has no commit that could be the promoted one",
        "Sources/Collector/Operations/Drift/DriftRules.swift",
        r"last.digest == nil, !tag.entries.isEmpty, tag.entries.allSatisfy({ $0.revision == last.gitSHA })",
        r"last.digest == nil, tag.entries.allSatisfy({ $0.revision == last.gitSHA })", TAGS),
    Guard(
        "service", "hook-spacing", "many notices cause few requests to the registry",
        _STANDING + "TagCheck.swift",
        r"do { try await Task.sleep(until: start + spacing) } catch { return }",
        r"if spacing < .zero { return }", HOOKS),
    Guard(
        "service", "hook-pulls", "the service's own reads of a tag cause no other read",
        _SERVICE + "Hooks/HookNotice.swift",
        r"!event.isPull && (event.repository",
        r"(event.repository", HOOKS),
    Guard(
        "service", "hook-signature", "a notice needs a signature over its bytes, or a token with the scope hook",
        _SERVICE + "Hooks/HookRoutes.swift",
        r"guard hasToken || signature.isValid() else {",
        r"guard hasToken || signature.isValid() || hook != nil else {", HOOKS),
    Guard(
        "service", "hook-time", "a signed notice is accepted within five minutes only",
        _SERVICE + "Hooks/HookSignature.swift",
        r"abs(now - Double(seconds)) <= Self.tolerance",
        r"seconds != 0", HOOKS),
    Guard(
        9, "hook-size", "a notice may have 1 MiB",
        _SERVICE + "Hooks/HookRoutes.swift",
        r"guard count <= Self.maximumBody else {",
        r"guard count <= Self.maximumBody * 8 else {", HOOKS),
    Guard(
        "ledger", "retention-evidence", "evidence is kept for as long as the ledger has its verification",
        _LEDGER + "Maintenance/Ledger+Pruning.swift",
        r"return ids.filter { !known.contains($0) }",
        r"return known.isEmpty ? [] : ids", r"[./]RetentionTests/"),
    Guard(
        6, "remote-verdict", "a service's report counts only if its evidence leads to it",
        _REMOTE + "RemoteVerification.swift",
        r"guard report.verdict == ended.conclusion.verdict.rawValue,",
        r"guard !report.verdict.isEmpty,", REMOTE),
    Guard(
        "evidence", "remote-hash", "the evidence that was followed is the one that the service's report names",
        _REMOTE + "RemoteVerification.swift",
        r"guard !hasVerdict || report.evidence?.hash == ended.context.evidence?.hash else {",
        r"guard !hasVerdict || report.evidence != nil else {", REMOTE),
    Guard(
        1, "remote-target", "the evidence of another verification proves nothing for this one",
        _REMOTE + "RemoteVerification.swift",
        r"if let begun = follower.start, start == nil { try check(begun, of: id) }",
        r"if let begun = follower.start, begun.verification.isEmpty { try check(begun, of: id) }", REMOTE),
    Guard(
        1, "remote-over", "a verification that is over is not joined: its verdict is an old one",
        _REMOTE + "RemoteVerification.swift",
        r"guard state.isFinished, !isNew else { return (state.id, isNew) }",
        r"guard state.isFinished, !isNew, state.id.isEmpty else { return (state.id, isNew) }", REMOTE),
    Guard(
        2, "remote-offset", "an answer without the offset that was asked for is no evidence",
        _REMOTE + "ServiceClient.swift",
        r"""guard response.headers["buildinfo-offset"] == "\(offset)" else {""",
        r"""guard response.headers["buildinfo-offset"] != "" else {""", REMOTE),
    Guard(
        10, "remote-in-the-clear", "a service's token and answers do not cross a network unencrypted",
        _REMOTE + "ServiceAddress.swift",
        r"guard !HostAddress.isInTheClear(base) else { throw .inTheClear }",
        r"guard !HostAddress.isInTheClear(base) || base.isEmpty == false else { throw .inTheClear }", REMOTE),
    Guard(
        11, "remote-tag", "a tag that was moved since makes a promotion through a service not green",
        _REMOTE + "VerificationRun+Remote.swift",
        r"let reason = await tag.objection(promoted: digest, logger: logger)",
        r"let reason = await tag.objection(promoted: digest, logger: logger), reason.message.isEmpty",
        r"[./]RemotePromotionTests/"),
    Guard(
        1, "remote-image", "the evidence of another image proves nothing for the one that a service was asked to read",
        _REMOTE + "RemoteVerification.swift",
        r"""image.map({ theirs.image == "\($0)" && theirs.digest != nil }) ?? true""",
        r"""image.map({ _ in theirs.service == target.service }) ?? true""",
        r"[./]RemoteImageTests/"),
    Guard(
        11, "remote-start", "no tag is moved for a service that would not verify it",
        _REMOTE + "VerificationRun+Remote.swift",
        r"if let remote { try await remote.check(",
        r"if let remote, remote.place.isEmpty { try await remote.check(",
        r"[./]RemotePromotionTests/"),
    Guard(
        1, "request-labels", "a request by label tolerates no more than the fleet's policy",
        "Sources/Collector/Verdict/Tolerances.swift",
        r"return most <= otherLimits[other]",
        r"return most <= otherLimits[other] || !byLabel.isEmpty", r"[./](TolerancesTests|RemotePolicyTests)/"),
    Guard(
        1, "request-requirements", "a request adds to the fleet's requirements, and removes none",
        "Sources/Collector/Service/Verifications/VerificationRequest.swift",
        r"policy.require = fleet.policy.require + own.require.filter { !fleet.policy.require.contains($0) }",
        r"policy.require = own.require", r"[./]RemotePolicyTests/"),
    Guard(
        "ledger", "adopted-once", "the record that a service made stays, in the ledger that is its own",
        _LEDGER + "Recording/Ledger+Recording.swift",
        r"if let known, ProcessIdentity(known) != process { return }",
        r"if let known, ProcessIdentity(known) != process, report.hosts.isEmpty { return }",
        r"[./]LedgerRecordingTests/"),
    Guard(
        13, "wait-short", "a wait ends although its time is over before it begins",
        _STANDING + "ChangeSignal.swift",
        r"guard isOpen, state.number == number,",
        r"guard isOpen || state.number == number, state.number == number,", r"[./]ChangeSignalTests/"),
    Guard(
        "ledger", "standing-restart", "a restart of the service is no change of a host",
        _STANDING + "HostLog.swift",
        r"isResumed = last != nil && isSameTarget",
        r"isResumed = last == nil && isSameTarget", HOST_LOG),
    Guard(
        "ledger", "standing-between", "a change that nobody saw happen is dated from the last time before it",
        _STANDING + "HostLog.swift",
        r"""seenAt = Date(rfc3339: max(last.at, seenUntil ?? ""))""",
        r"seenAt = seenUntil == nil ? Date(rfc3339: last.at) : Date()", HOST_LOG),
    Guard(
        "ledger", "standing-silence", "a host that does not answer is not seen as it was",
        _STANDING + "HostLog.swift",
        r"guard let last, last.isServed == sight.isServed else { return }",
        r"guard last != nil else { return }", HOST_LOG),
    Guard(
        "ledger", "standing-clock", "no change is dated from after it, whatever the clock does",
        _STANDING + "HostLog.swift",
        r"guard last != nil, let seenAt, seenAt <= now else { return nil }",
        r"guard last != nil, let seenAt else { return nil }", HOST_LOG),
    Guard(
        9, "standing-loop", "a crash loop is one change, however often the container starts",
        _STANDING + "HostLog.swift",
        r"let isRestart = !isNewBuild && isOtherInstance && !isLooping",
        r"let isRestart = !isNewBuild && isOtherInstance || isLooping && isOtherInstance", HOST_LOG),
    Guard(
        9, "standing-kept", "a host keeps a hundred changes in the ledger",
        _LEDGER + "Recording/Ledger+Standing.swift",
        r"host.fleet, host.name, host.fleet, host.name, Ledger.standingChangesOfHost,",
        r"host.fleet, host.name, host.fleet, host.name, Ledger.standingChangesOfHost * 1_000,", STANDING_CHANGES),
    Guard(
        9, "standing-waiting", "changes that cannot be written take a limited amount of memory",
        _STANDING + "ChangeRecorder.swift",
        r"if changes.count > Self.limit {",
        r"if changes.count > Self.limit * 1_000 {", RECORDER),
    Guard(
        "ledger", "standing-dropped", "what came before a dropped change was last seen before it",
        _STANDING + "ChangeRecorder.swift",
        r"changes[0].change.notBefore = notBefore",
        r"changes[0].change.notBefore = changes[0].change.notBefore ?? notBefore", RECORDER),
    Guard(
        12, "standing-seen", "no fleet counts as seen while changes of its hosts wait",
        _STANDING + "ChangeRecorder.swift",
        r"if batch.isLast { batch.seen = seen.filter { services.contains($0.key) } }",
        r"batch.seen = seen.filter { services.contains($0.key) }", RECORDER),
    Guard(
        "ledger", "standing-unasked", "a host that was not asked has not changed",
        _STANDING + "FleetBoard.swift",
        r"guard reach != .never, reach != .notSent, isServed || host.status != .pending else { return nil }",
        r"guard isServed || host.status != .conflict else { return nil }", RECORDER),
    Guard(
        "ledger", "standing-order", "a clock that is set back changes no order",
        _LEDGER + "Recording/Ledger+Standing.swift",
        r"ORDER BY c.number DESC LIMIT ?",
        r"ORDER BY c.at DESC LIMIT ?", STANDING_CHANGES),
    Guard(
        "ledger", "standing-last", "pruning leaves the last change of a host that is still checked",
        _LEDGER + "Maintenance/Ledger+StandingPruning.swift",
        r"guard isWatched else { return .max }",
        r"guard isWatched, fleet < 0 else { return .max }", STANDING_CHANGES),
    Guard(
        "ledger", "standing-served", "a host that does not answer is not seen to serve what it served",
        _LEDGER + "History/Ledger+Commits.swift",
        r"JOIN standing_changes standing ON standing.build = b.number AND standing.is_served",
        r"JOIN standing_changes standing ON standing.build = b.number", STANDING_CHANGES),
    Guard(
        "ledger", "standing-moment", "what lies between two changes that a standing check did not see happen is unknown",
        _LEDGER + "History/StandingSpans.swift",
        r"ELSE n.not_before END",
        r"ELSE n.at END", HISTORY),
    Guard(
        "service", "standing-ready", "a service that cannot record changes of hosts is not ready",
        _SERVICE + "API/ServiceModel.swift",
        r"if obstacles.isEmpty, let problem = entries.first?.board.recorder?.problem {",
        r"if !obstacles.isEmpty, let problem = entries.first?.board.recorder?.problem {", r"[./]RecordingHealthTests/"),
]
