package import CollectorSupport
import FoundationEssentials
package import Reports
import Shared
package import Verdict

/// Runs a recorded verification through the state machine again, and checks that it has the same statuses and verdict.
package struct Replay {
    /// The result of a replay.
    package struct Outcome: Sendable {
        /// The report of the verification or, if the file was cut short, of an interrupted one.
        package var report: Report
        /// The way in which the file was cut short, in one line; nil if it is complete.
        package var cut: String?
        /// The number of lines read.
        package var lines: Int
    }

    private var reader: EvidenceReader
    let start: EvidenceStart
    private var hosts: [ExpectedHost] = []
    private(set) var verification: Verification?
    private var refusal: Conclusion?
    /// Changes that the state machine made and that must come next in the file, in reverse order.
    private var expected: [EvidenceLine.StatusChange] = []
    private(set) var ending: EvidenceLine.Ending?
    /// The time of the last input.
    private(set) var latest = Duration.zero

    /// Called with every input, the actions that followed from it, and the verification after it.
    package typealias Observing = (Verification.Input, [Verification.Action], Verification) -> Void

    /// Replays a file; `-` is standard input.
    ///
    /// - Parameters:
    ///   - documents: a faster reading of documents than `JSONDecoder`, with the same result.
    ///   - progress: called with the number of lines after every few thousand.
    package static func run(
        _ path: String, documents: @escaping EvidenceReader.DocumentReading = { _ in nil },
        progress: (Int) -> Void = { _ in }
    ) throws(EvidenceError) -> Outcome {
        let reader = try EvidenceReader(opening: path, documents: documents)
        defer { reader.close() }
        return try run(reader, progress: progress)
    }

    package static func run(_ reader: EvidenceReader, progress: (Int) -> Void = { _ in }) throws(EvidenceError)
        -> Outcome
    {
        var replay = try Replay(reader)
        return try replay.run(progress: progress)
    }

    init(_ reader: EvidenceReader) throws(EvidenceError) {
        self.reader = reader
        guard case .start(let start)? = try self.reader.next() else {
            throw self.reader.line == 0 && !self.reader.endsInside ? .empty(reader.path) : .notEvidence(reader.path)
        }
        guard EvidenceStart.knownSchemas.contains(start.schema) else {
            throw .otherSchema(reader.path, schema: start.schema)
        }
        self.start = start
    }

    private mutating func run(progress: (Int) -> Void) throws(EvidenceError) -> Outcome {
        try advance(progress: progress) { _, _, _ in }
        let conclusion = try conclude()
        var report = ReportBuilder(verification: conclusion.verification, context: conclusion.context).build(
            conclusion.conclusion)
        report.verification.collector.version = start.collector
        return Outcome(report: report, cut: conclusion.cut, lines: reader.line)
    }

    /// Appends bytes of evidence that is still arriving, and takes their whole lines.
    mutating func append(_ bytes: [UInt8], observe: Observing) throws(EvidenceError) {
        reader.append(bytes)
        try advance(progress: { _ in }, observe: observe)
    }

    /// Takes all lines that the reader has.
    mutating func advance(progress: (Int) -> Void, observe: Observing) throws(EvidenceError) {
        while let line = try reader.next() {
            guard ending == nil else { throw misread("comes after the verdict") }
            try take(line, observe)
            if reader.line.isMultiple(of: 5_000) { progress(reader.line) }
        }
    }

    private mutating func take(_ line: EvidenceLine, _ observe: Observing) throws(EvidenceError) {
        switch line {
        case .start: throw misread("starts a second verification")
        case .host(let host):
            guard verification == nil, hosts.count < start.inventory.hosts else {
                throw misread("is a host beyond the announced number")
            }
            hosts.append(host)
        case .status(let change): try compare(change)
        case .refused(let refusal):
            guard hosts.count == start.inventory.hosts else { throw misread("comes before all hosts are known") }
            self.refusal = refusal.check.refusal(
                of: hosts, listed: refusal.listed ?? hosts, selector: refusal.selector,
                requirements: start.policy.require, previous: refusal.lastTime)
        case .verdict(let ending):
            try expectNothing()
            self.ending = ending
            try compareVerdict(ending)
        default:
            guard hosts.count == start.inventory.hosts else { throw misread("comes before all hosts are known") }
            try expectNothing()
            try feed(line, observe)
        }
    }

    // MARK: - The state machine

    private mutating func feed(_ line: EvidenceLine, _ observe: Observing) throws(EvidenceError) {
        guard let (input, moment) = try input(line) else { return }
        latest = max(latest, moment)
        if verification == nil {
            verification = Verification(
                target: start.target, hosts: hosts, policy: start.policy, promotions: start.promotions,
                learnsImages: start.learnsImages ?? false, watchesTag: start.watchesTag ?? false)
            _ = verification?.take(.started)
        }
        let actions = verification?.take(input) ?? []
        expected = actions.compactMap(EvidenceLine.StatusChange.init).reversed()
        if let verification { observe(input, actions, verification) }
    }

    private func input(_ line: EvidenceLine) throws(EvidenceError) -> (Verification.Input, Duration)? {
        func known(_ host: Int) throws(EvidenceError) {
            guard hosts.indices.contains(host) else { throw misread("is about an unknown host") }
        }
        switch line {
        case .asked(let asked):
            for host in asked.hosts { try known(host) }
            return (.asked(asked.hosts, at: asked.at.duration), asked.at.duration)
        case .sample(let sample):
            try known(sample.host)
            return (.sample(sample), sample.answeredAt)
        case .time(let moment): return (.time(moment.at.duration), moment.at.duration)
        case .paced(let paced):
            return (.paced(interval: paced.interval.duration, at: paced.at.duration), paced.at.duration)
        case .suspended(let suspended):
            let suspension = Suspension(from: suspended.from.duration, until: suspended.at.duration)
            return (.suspended(suspension), suspension.until)
        case .promotions(let list):
            return (.promotions(list.promotions, at: list.at.duration), list.at.duration)
        case .unlisted(let list):
            let names = Set(hosts.map(\.name)).subtracting(list.hosts)
            return (.listed(names, at: list.at.duration), list.at.duration)
        case .learned(let learned): return (.learned(learned.image, at: learned.at.duration), learned.at.duration)
        case .moved(let moved): return (.moved(moved.tag, at: moved.at.duration), moved.at.duration)
        case .tagSeen(let seen):
            return (.tagSeen(lookedAt: seen.lookedAt.duration, at: seen.at.duration), seen.at.duration)
        case .signal(let signal): return (.signal(signal.number, at: signal.at.duration), signal.at.duration)
        case .start, .host, .refused, .status, .verdict: return nil
        }
    }

    // MARK: - Comparison

    private mutating func compare(_ change: EvidenceLine.StatusChange) throws(EvidenceError) {
        guard let derived = expected.popLast() else { throw differs(words(change), "no change there") }
        guard change.agrees(with: derived, schema: start.schema) else {
            throw differs(words(change), words(derived))
        }
    }

    private func expectNothing() throws(EvidenceError) {
        if let derived = expected.last { throw differs("no change there", words(derived)) }
    }

    private func compareVerdict(_ ending: EvidenceLine.Ending) throws(EvidenceError) {
        guard let conclusion = refusal ?? verification?.conclusion else {
            throw differs("'\(ending.verdict.rawValue)'", "no verdict yet")
        }
        guard ending.agrees(with: conclusion, schema: start.schema) else {
            throw differs(words(ending), words(EvidenceLine.Ending(conclusion, notes: [])))
        }
    }

    private func words(_ change: EvidenceLine.StatusChange) -> String {
        let code = start.schema < 2 ? "" : " (\(change.code?.rawValue ?? "no reason"))"
        return "host \(change.host) '\(change.status.rawValue)'\(code) at \(change.at.duration.brief)"
    }

    private func words(_ ending: EvidenceLine.Ending) -> String {
        let reasons = ending.reasons.map { "\($0.hosts) \($0.code?.rawValue ?? $0.verdict.rawValue)" }
        return "'\(ending.verdict.rawValue)' (exit \(ending.exitCode); \(reasons.joined(separator: ", "))) at "
            + ending.at.duration.brief
    }

    private func misread(_ reason: String) -> EvidenceError {
        .misread(reader.path, line: reader.line, reason: reason)
    }

    private func differs(_ recorded: String, _ derived: String) -> EvidenceError {
        .differs(
            reader.path, line: reader.line, recorded: recorded, derived: derived,
            writer: Sanitizer.singleLine(start.collector, limit: 40))
    }

    // MARK: - The end

    /// A verification at its end, with everything that its report is built from.
    package struct Ended: Sendable {
        package let verification: Verification
        package let conclusion: Conclusion
        package let context: ReportBuilder.Context
        /// The way in which the evidence was cut short, in one line; nil if it is complete.
        package let cut: String?
    }

    /// Ends the evidence: no more lines follow.
    mutating func conclude() throws(EvidenceError) -> Ended {
        reader.end()
        try advance(progress: { _ in }, observe: { _, _, _ in })
        // The verification wrote nothing after its verdict.
        guard ending == nil || !reader.endsInside else { throw .changed(reader.path, line: reader.line + 1) }
        let verification =
            verification
            ?? Verification(target: start.target, hosts: hosts, policy: start.policy, promotions: start.promotions)
        let startedAt = Date(timeIntervalSince1970: Double(start.startedAtMilliseconds) / 1_000)
        let cut = ending == nil ? "the evidence was cut short \(place): it has no verdict" : nil
        let conclusion = ending == nil ? cutOff(verification) : refusal ?? verification.conclusion
        guard let conclusion else { throw misread("is a verdict without a verification") }
        var context = ReportBuilder.Context(
            id: start.verification, startedAt: startedAt,
            finishedAt: startedAt.addingTimeInterval(conclusion.at.seconds),
            inventorySource: start.inventory.source,
            inventoryHash: start.inventory.hash,
            selected: start.inventory.selected ?? [], listed: start.inventory.listed, warnings: start.warnings,
            notes: (ending?.notes ?? []) + [cut].compactMap { $0 })
        context.origin = start.origin
        context.evidence = Report.EvidenceFile(hash: reader.hash)
        return Ended(verification: verification, conclusion: conclusion, context: context, cut: cut)
    }

    private var place: String { reader.endsInside ? "in line \(reader.line + 1)" : "after line \(reader.line)" }

    /// Never green, because there was no verdict yet.
    private func cutOff(_ verification: Verification) -> Conclusion {
        let proven = verification.proven(at: latest)
        let reason = Reason(
            verdict: .interrupted, code: .evidenceCut, hosts: verification.expected - proven,
            message: "the evidence ends \(latest.brief) after the start, without a verdict: "
                + "\(proven) of \(verification.expected) hosts were proven by then")
        return Conclusion(
            verdict: .interrupted, exitCode: Verdict.interrupted.exitCode, reasons: [reason], at: latest)
    }
}

/// Reports a replay on standard error: its progress, at a terminal, and its result.
package struct ReplayProgress {
    private let terminal: Terminal
    private let isInteractive: Bool

    package init(on terminal: Terminal, environment: [String: String]) {
        self.terminal = terminal
        isInteractive = terminal.isInteractive(environment: environment)
    }

    package func show(lines: Int) {
        if isInteractive { terminal.write("\r\(lines) lines") }
    }

    package func finish(_ outcome: Replay.Outcome) {
        let clear = isInteractive ? "\r\u{1B}[K" : ""
        let lines = "\(outcome.lines) lines, each as it was written"
        terminal.write("\(clear)\(outcome.cut ?? "the same statuses and verdict"): \(lines)\n")
    }
}
