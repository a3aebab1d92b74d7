import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Evidence
@testable import Reports
@testable import Verdict

@Suite("Evidence and its replay")
struct ReplayTests {
    /// A short verification that goes through several statuses, its evidence, and its conclusion.
    private struct Sampled {
        var recording: Recording
        var verification: Verification
        var conclusion = Conclusion(verdict: .inconclusive, exitCode: 31, reasons: [], at: .zero)

        /// - Parameter repeats: true if a host's further answers repeat its first, and a longer interval is kept.
        init(plain: Bool = false, repeats: Bool = false) throws {
            var policy = Policy.short
            policy.timeout = .seconds(8)
            policy.soak = .seconds(2)
            let target = plain ? Target(service: "canvas", gitSHA: .of("a")) : .promoted
            let hosts = (0..<(plain ? 1 : 3)).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0)/") }
            verification = Verification(target: target, hosts: hosts, policy: policy, promotions: .upToTarget)
            recording = Recording(verification)
            take(.started)
            for second in 1..<(plain ? 5 : 9) where verification.conclusion == nil {
                let moment = Duration.seconds(second)
                take(.time(moment))
                if repeats { take(.paced(interval: .milliseconds(2_000 + second), at: moment)) }
                take(.asked(Array(hosts.indices), at: moment))
                for host in hosts.indices where verification.conclusion == nil {
                    let nonce = "n\(second)-\(host)"
                    let finding: Sample.Answer =
                        switch host {
                        case 1: .unusable(.refused, detail: "made up")
                        case 2: .document(Answer(build: .unlabelled).document(host: host, nonce: nonce))
                        case _ where repeats && second > 1:
                            .repeated(
                                RepeatedDocument(
                                    nonce: nonce, ageSeconds: 0.25, observedAt: "2026-01-01T00:00:0\(second)Z"))
                        default:
                            plain
                                ? .plain(PlainAnswer(gitSHA: .known(.of("a"))))
                                : .document(Answer().document(host: host, nonce: nonce))
                        }
                    take(
                        .sample(
                            Sample(
                                host: host, askedAt: moment, answeredAt: moment + .milliseconds(3), nonce: nonce,
                                answer: finding)))
                }
            }
            take(.time(policy.timeout))
            conclusion = try #require(verification.conclusion)
        }

        private mutating func take(_ input: Verification.Input) {
            guard verification.conclusion == nil else { return }
            let actions = verification.take(input)
            recording.take(input, actions, by: verification)
        }

        var bytes: [UInt8] { get throws { try recording.bytes(conclusion) } }
        var lines: [EvidenceLine] { recording.lines + [.verdict(.init(conclusion, notes: ["a note"]))] }
        func report() -> Report { recording.report(verification, conclusion) }
    }

    private static func replay(_ bytes: some Sequence<UInt8>) throws(EvidenceError) -> Replay.Outcome {
        try Replay.run(EvidenceReader(Array(bytes), named: "e.ndjson"))
    }

    @Test("Replayed evidence gives the very report of the verification")
    func same() throws {
        for (plain, repeats) in [(false, false), (true, false), (false, true)] {
            let sampled = try Sampled(plain: plain, repeats: repeats)
            let outcome = try sampled.recording.replay(sampled.conclusion)
            #expect(outcome.cut == nil)
            #expect(try ReportFormat.json.render(outcome.report) == ReportFormat.json.render(sampled.report()))
            #expect(outcome.report.hosts.flatMap(\.transitions).count > (plain ? 1 : 3))
        }
    }

    @Test("Not one byte can be changed without being noticed")
    func everyByte() throws {
        let whole = try Sampled(plain: true).bytes
        #expect(try Self.replay(whole).report.exitCode == 0)
        var unnoticed: [Int] = []
        for index in whole.indices {
            var changed = whole
            changed[index] ^= UInt8(1 << (index % 7))
            do throws(EvidenceError) {
                let outcome = try Self.replay(changed)
                // The last newline: without it, the last line is incomplete.
                if outcome.cut == nil || outcome.report.exitCode == 0 { unnoticed.append(index) }
            } catch {
                if case .differs = error { unnoticed.append(index) }
            }
        }
        #expect(unnoticed.isEmpty, "of \(whole.count) bytes")
    }

    @Test("Not one byte of a repeated answer or a kept interval can be changed without being noticed")
    func everyByteOfRepetition() throws {
        let sampled = try Sampled(repeats: true)
        let whole = try sampled.bytes
        #expect(try Self.replay(whole).cut == nil)
        let lines = whole.split(separator: UInt8(ascii: "\n"))
        for text in ["\"repeated\":{", "\"interval_ns\":"] {
            let line = try #require(
                lines.last { String(decoding: $0, as: UTF8.self).contains(text) }, "there is no line with \(text)")
            let number = try #require(lines.firstIndex { $0.startIndex == line.startIndex }) + 1
            // Up to this line, because the rest need not be read.
            for index in line.indices {
                var changed = Array(whole[...line.endIndex])
                changed[index] ^= UInt8(1 << (index % 7))
                let error = #expect(throws: EvidenceError.self) { try Self.replay(changed) }
                // A byte that became a newline ends the line early.
                #expect([.changed("e.ndjson", line: number), .misplaced("e.ndjson", line: number)].contains(error))
            }
        }
        // The document that is repeated is as safe.
        let first = try #require(lines.firstIndex { String(decoding: $0, as: UTF8.self).contains("\"document\":{") })
        var changed = whole
        changed[lines[first].startIndex + 200] ^= 1
        #expect(throws: EvidenceError.changed("e.ndjson", line: first + 1)) { try Self.replay(changed) }
    }

    @Test("A line that is gone, moved, doubled or added is noticed, and the line is named")
    func lines() throws {
        let lines = try Sampled().bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
        func join(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [UInt8(ascii: "\n")] } }
        for index in 1..<lines.count - 1 {
            var gone = lines
            gone.remove(at: index)
            #expect(throws: EvidenceError.misplaced("e.ndjson", line: index + 1)) { try Self.replay(join(gone)) }
            var moved = lines
            moved.swapAt(index, index + 1)
            #expect(throws: EvidenceError.misplaced("e.ndjson", line: index + 1)) { try Self.replay(join(moved)) }
            var doubled = lines
            doubled.insert(lines[index], at: index)
            #expect(throws: EvidenceError.misplaced("e.ndjson", line: index + 2)) { try Self.replay(join(doubled)) }
        }
        #expect(throws: EvidenceError.self) { try Self.replay(join(lines) + join([lines[4]])) }
        #expect(throws: EvidenceError.self) { try Self.replay(join(lines) + [UInt8(ascii: " ")]) }
        #expect(throws: EvidenceError.self) { try Self.replay(join(Array(lines.dropFirst()))) }
    }

    @Test("A file that was cut short replays to its last line, reports the cut, and is never green")
    func cut() throws {
        let sampled = try Sampled(plain: true)
        let whole = try sampled.bytes
        let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }
        for (index, end) in ends.dropLast().enumerated() {
            let between = try Self.replay(whole[...end])
            let inside = try Self.replay(whole[..<(end + 20)])
            for outcome in [between, inside] {
                #expect(outcome.lines == index + 1)
                #expect(outcome.report.verdict == .interrupted && outcome.report.exitCode == 130)
                #expect(outcome.report.warnings.contains { $0.contains("cut short") })
            }
            #expect(between.cut?.contains("after line \(index + 1)") == true)
            #expect(inside.cut?.contains("in line \(index + 2)") == true)
        }
        // The status is the last recorded one, although the verdict is missing.
        let last = try Self.replay(whole[...ends[ends.count - 2]])
        #expect(last.report.hosts.map(\.status) == [.converged])
    }

    @Test("A record that differs from what follows is refused with exit code 1")
    func differs() throws {
        let sampled = try Sampled()
        let first = try #require(sampled.lines.firstIndex { $0.kind == .status })
        for (index, edit) in [
            (first, { (line: EvidenceLine) in line.relabelled(.converged) }),
            (sampled.lines.count - 1, { (line: EvidenceLine) in line.concluded(.converged, 0) }),
        ] {
            var lines = sampled.lines
            lines[index] = edit(lines[index])
            let bytes = try Recording.file(lines)
            #expect {
                try Self.replay(bytes)
            } throws: { error in
                guard let error = error as? EvidenceError, case .differs(_, line: index + 1, _, _, _) = error else {
                    return false
                }
                return error.exitCode == 1
            }
        }
        // A changed sample leads to another result than the recorded one.
        let samples = sampled.lines.indices.filter { sampled.lines[$0].kind == .sample }
        var lines = sampled.lines
        for index in samples { lines[index] = lines[index].refused() }
        #expect(throws: EvidenceError.self) { try Self.replay(try Recording.file(lines)) }
    }

    @Test("Evidence whose sentences were all replaced replays to the same report: only codes and values are compared")
    func sentences() throws {
        let sampled = try Sampled()
        let reworded = sampled.lines.map { $0.reworded() }
        #expect(reworded != sampled.lines)
        var report = try Self.replay(try Recording.file(reworded)).report
        var original = try Self.replay(try sampled.bytes).report
        (report.evidence, original.evidence) = (nil, nil)
        #expect(report == original)
    }

    @Test("Any other change of a result is said to differ: status, time, host, code, verdict, exit code, count")
    func results() throws {
        let lines = try Sampled().lines
        let first = try #require(lines.firstIndex { $0.kind == .status })
        func differs(_ index: Int, _ edit: (inout EvidenceLine.StatusChange) -> Void) throws {
            guard case .status(var change) = lines[index] else { return }
            edit(&change)
            try expectDiffering(lines, index, .status(change))
        }
        try differs(first) { $0.status = .starting }
        try differs(first) { $0.at = Nanoseconds($0.at.duration + .nanoseconds(1)) }
        try differs(first) { $0.host += 1 }
        try differs(first) { $0.code = .flapping }
        try differs(first) { $0.code = nil }
        func ends(_ edit: (inout EvidenceLine.Ending) -> Void) throws {
            guard case .verdict(var ending)? = lines.last else { return }
            edit(&ending)
            try expectDiffering(lines, lines.count - 1, .verdict(ending))
        }
        try ends { $0.verdict = .stalled }
        try ends { $0.exitCode = 11 }
        try ends { $0.at = Nanoseconds($0.at.duration + .nanoseconds(1)) }
        try ends { $0.reasons[0].hosts += 1 }
        try ends { $0.reasons[0].code = .notConverged }
        try ends { $0.reasons[0].code = nil }
        try ends { $0.reasons.removeLast() }
    }

    private func expectDiffering(_ lines: [EvidenceLine], _ index: Int, _ line: EvidenceLine) throws {
        var lines = lines
        lines[index] = line
        let bytes = try Recording.file(lines)
        #expect {
            try Self.replay(bytes)
        } throws: { error in
            guard let error = error as? EvidenceError, case .differs(_, line: index + 1, _, _, _) = error else {
                return false
            }
            return true
        }
    }

    // MARK: - Schema 1

    private static let recordings: [(String, Verdict, Int32, [HostStatus])] = [
        ("converged", .converged, 0, [.converged, .converged]),
        ("straggler", .stragglers, 10, [.converged, .straggler]),
        ("rolled_back", .rolledBack, 21, [.straggler, .rolledBack]),
    ]

    private static func recording(_ name: String) throws -> [UInt8] {
        let path = try SourceTree.path("Tests/EvidenceTests/Recordings/schema1-\(name).ndjson")
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test("A file of the first schema, written by an earlier collector, still replays", arguments: recordings)
    func schema1(name: String, verdict: Verdict, exitCode: Int32, statuses: [HostStatus]) throws {
        let outcome = try Self.replay(try Self.recording(name))
        #expect(outcome.cut == nil)
        #expect(outcome.report.verdict == verdict && outcome.report.exitCode == exitCode)
        #expect(outcome.report.hosts.map(\.status) == statuses)
        #expect(outcome.report.hosts.allSatisfy { $0.reasonCode != nil })
    }

    @Test("A changed status, time or verdict of the first schema is said to differ, and a sentence is not compared")
    func schema1Changes() throws {
        let text = String(decoding: try Self.recording("straggler"), as: UTF8.self)
        func replay(_ pattern: String, _ replacement: String) throws -> Replay.Outcome {
            var chain = HashChain()
            let edited = text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression)
            #expect(edited != text)
            return try Self.replay(
                edited.split(separator: "\n").reduce(into: []) { bytes, line in
                    let end = line.range(of: ",\"previous\":")?.lowerBound ?? line.endIndex
                    chain.seal(Array((line[..<end] + "}").utf8)[...], onto: &bytes)
                })
        }
        #expect(try replay("\"reason\":\"[^\"]*\"", "\"reason\":\"x\"").cut == nil)
        #expect(try replay("\"message\":\"[^\"]*\"", "\"message\":\"x\"").cut == nil)
        for (pattern, replacement) in [
            ("\"label\":\"straggler\"", "\"label\":\"starting\""),
            ("(\"kind\":\"label\",\"at_ns\":)", "$11"), ("\"exit_code\":10", "\"exit_code\":0"),
            ("\"verdict\":\"stragglers\"\\}\\]", "\"verdict\":\"stalled\"}]"),
            ("\"hosts\":1,\"message\"", "\"hosts\":2,\"message\""),
        ] {
            #expect(throws: EvidenceError.self, "\(pattern)") { try replay(pattern, replacement) }
        }
    }

    @Test(
        "Lines that make no sense where they stand are refused, not followed",
        arguments: [EvidenceLine.Kind.start, .host, .asked, .sample, .verdict])
    func outOfPlace(_ kind: EvidenceLine.Kind) throws {
        let lines = try Sampled().lines
        let line = try #require(lines.last { $0.kind == kind })
        // At the front, after the verdict, and among the samples, except in valid positions.
        for index in [1, lines.count] {
            guard !(index == 1 && kind == .host) else { continue }
            var wrong = lines
            wrong.insert(line, at: index)
            #expect(throws: EvidenceError.self) { try Self.replay(try Recording.file(wrong)) }
        }
    }

    @Test("A host that there is not cannot be spoken of")
    func unknownHost() throws {
        var lines = try Sampled().lines
        let index = try #require(lines.firstIndex { $0.kind == .asked })
        lines[index] = .asked(.init(at: Nanoseconds(.seconds(1)), hosts: [99]))
        #expect(throws: EvidenceError.self) { try Self.replay(try Recording.file(lines)) }
    }

    @Test(
        "A file that is not evidence is refused as such",
        arguments: [
            ("", EvidenceError.empty("e.ndjson")), ("\n", .notEvidence("e.ndjson")),
            ("{\"kind\": \"start\"}\n", .notEvidence("e.ndjson")), ("<html>", .notEvidence("e.ndjson")),
            ("{\"schema\": 1}\n{}\n", .notEvidence("e.ndjson")),
        ])
    func junk(_ text: String, _ error: EvidenceError) {
        #expect(throws: error) { try Self.replay(text.utf8) }
        #expect(error.exitCode == 64)
    }

    @Test("Evidence of a later schema is not guessed at")
    func laterSchema() throws {
        var lines = try Sampled().lines
        guard case .start(var start) = lines[0] else { return }
        start.schema = EvidenceStart.schema + 1
        lines[0] = .start(start)
        #expect(throws: EvidenceError.otherSchema("e.ndjson", schema: EvidenceStart.schema + 1)) {
            try Self.replay(try Recording.file(lines))
        }
    }

    @Test("A refused inventory replays to its refusal")
    func refused() throws {
        let check = InventoryCheck(minimumHosts: 3)
        let hosts = ["eu", "us"].map { ExpectedHost(name: $0, url: "http://\($0)/", labels: ["region": $0]) }
        let selector = HostSelector([try #require(HostSelector.Term(parsing: "region=eu"))])
        let verification = Verification(target: .promoted, hosts: [hosts[0]], policy: Policy())
        let lastTime = InventoryCheck.Previous(listed: 2, selected: 9)
        let refusal = try #require(
            check.refusal(of: [hosts[0]], listed: hosts, selector: selector, previous: lastTime))
        let lines =
            Recording(verification).lines + [
                .refused(.init(check: check, selector: selector, listed: hosts, lastTime: lastTime)),
                .verdict(.init(refusal, notes: [])),
            ]
        let report = try Self.replay(try Recording.file(lines)).report
        #expect(report.verdict == .inventoryShrunk && report.exitCode == 50 && report.reasons == refusal.reasons)
    }

    @Test("The hashes can be checked with nothing but a hash program")
    func independentCheck() throws {
        var previous = String(repeating: "0", count: 64)
        for line in try Sampled().bytes.split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: line, as: UTF8.self)
            let parts = text.components(separatedBy: ",\"hash\":\"")
            #expect(parts.count == 2)
            #expect(parts[0].hasSuffix(",\"previous\":\"\(previous)\""))
            previous = Hexadecimal.encode(SHA256.hash(Array(parts[0].utf8)))
            #expect(parts[1] == "\(previous)\"}")
            #expect(try JSONSerialization.jsonObject(with: Data(line)) is [String: Any])
        }
    }

    // MARK: - Coding

    @Test("A policy comes back as it was, every field of it")
    func policy() throws {
        let policy = Policy(
            timeout: .milliseconds(61_001), interval: .milliseconds(333), requestTimeout: .milliseconds(1_777),
            soak: .milliseconds(2_222), stall: .milliseconds(44_444), failAfter: 7, maxStragglers: .percent(12.5),
            maxUnreachable: .hosts(3), maxFailed: .percent(1),
            maxStragglersByLabel: [try #require(GroupTolerance(parsing: "region=eu:10%"))],
            maxUnreachableByLabel: [try #require(GroupTolerance(parsing: "a:b=c:d:3"))],
            maxFailedByLabel: [try #require(GroupTolerance(parsing: "group=:0"))], minProven: .hosts(9),
            require: [try #require(Requirement(parsing: "group=canary:100%"))], supersededOK: true)
        let standard = Policy()
        for (child, other) in zip(Mirror(reflecting: policy).children, Mirror(reflecting: standard).children) {
            #expect("\(child.value)" != "\(other.value)", "\(child.label ?? "") is not tried")
        }
        #expect(try JSONDecoder().decode(Policy.self, from: JSONEncoder().encode(policy)) == policy)
    }

    @Test("A sample comes back as it was, whatever the host said", arguments: Self.findings)
    func sample(_ finding: Sample.Answer) throws {
        let sample = Sample(
            host: 3, askedAt: .nanoseconds(1_000_000_001), answeredAt: .nanoseconds(1_234_567_891), nonce: "n",
            answer: finding)
        let coding = EvidenceCoding()
        var json = JSONLine()
        try coding.append(.sample(sample), to: &json)
        #expect(try coding.decode(json.bytes) == .sample(sample))
    }

    private static var findings: [Sample.Answer] {
        let detail = "line \u{2028} \u{1B}[31m \"quoted\" \\ ::error::"
        var findings = RequestOutcome.allCases.map { Sample.Answer.unusable($0, detail: detail) }
        for text in ["dev", "", "0000000", String(repeating: "A", count: 40)] {
            let reported = GitSHA(contractText: text).map(Reported.known) ?? .unusable(text)
            findings.append(.plain(PlainAnswer(gitSHA: reported, nonce: nil)))
        }
        findings.append(.plain(PlainAnswer(gitSHA: .absent, nonce: "x")))
        var answer = Answer(build: .unlabelled, state: .unhealthy)
        answer.restarts = nil
        answer.age = 0.1 + 0.2
        answer.oomKilled = true
        answer.reason = "\u{202E}\n"
        answer.others = [.old]
        findings.append(.document(answer.document(host: 1, nonce: "n")))
        var document = Answer().document(host: 1, nonce: "n")
        document.gitSHA = .unusable("dev")
        document.engine = nil
        document.nonce = nil
        document.served = ProbeResult(url: "u", outcome: .ok, status: 200, gitSHA: .absent)
        findings.append(.document(document))
        return findings
    }

    // MARK: - The file

    private static func unsealed(_ lines: [EvidenceLine]) throws -> [UInt8] {
        var json = JSONLine()
        for line in lines { try EvidenceCoding().append(line, to: &json) }
        return json.bytes
    }

    @Test("A file that is there is kept until there is something to write, and one that stays empty goes")
    func file() async throws {
        let folder = try TemporaryFolder()
        let kept = try folder.write("kept", "what was there before, which is longer than what comes")
        let untouched = try EvidenceFile(opening: kept)
        untouched.removeIfEmpty()
        #expect(try folder.read("kept").hasPrefix("what was"))
        let fresh = try EvidenceFile(opening: folder.path("fresh"))
        fresh.removeIfEmpty()
        #expect(!folder.contains("fresh"))
        var writer = EvidenceWriter(untouched)
        try await writer.write(try Self.unsealed(try Sampled().lines))
        let hash = writer.hash
        try await untouched.close(after: writer.count)
        let bytes = Array(try folder.read("kept").utf8)
        #expect(bytes == (try Sampled().bytes))
        #expect(hash == "sha256:\(Hexadecimal.encode(SHA256.hash(bytes)))")
    }

    @Test("An unwritable path is reported at once, and a full disk when it is full")
    func unwritable() async throws {
        #expect(throws: EvidenceError.unwritable("/nowhere/e", reason: "No such file or directory")) {
            try EvidenceFile(opening: "/nowhere/e")
        }
        var writer = EvidenceWriter(try EvidenceFile(opening: "/dev/full"))
        let lines = try Self.unsealed(try Sampled().lines)
        await #expect(throws: EvidenceError.unwritable("/dev/full", reason: "No space left on device")) {
            try await writer.write(lines)
        }
    }
}

extension EvidenceLine {
    fileprivate func relabelled(_ status: HostStatus) -> EvidenceLine {
        guard case .status(var line) = self else { return self }
        line.status = status
        return .status(line)
    }

    fileprivate func reworded() -> EvidenceLine {
        switch self {
        case .status(var line):
            line.reason = "other words"
            return .status(line)
        case .verdict(var line):
            for index in line.reasons.indices { line.reasons[index].message = "other words" }
            return .verdict(line)
        default: return self
        }
    }

    fileprivate func concluded(_ verdict: Verdict, _ exitCode: Int32) -> EvidenceLine {
        guard case .verdict(var line) = self else { return self }
        (line.verdict, line.exitCode) = (verdict, exitCode)
        return .verdict(line)
    }

    fileprivate func refused() -> EvidenceLine {
        guard case .sample(var sample) = self else { return self }
        sample.answer = .unusable(.refused, detail: "made up")
        return .sample(sample)
    }
}
