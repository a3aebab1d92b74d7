import Shared
import Testing

@testable import Verdict

/// Codes and sentences of host reasons.
@Suite("Reasons of hosts")
struct HostReasonTests {
    @Test("Every code has a sample, so that no sentence goes untested")
    func complete() {
        #expect(Set(HostReason.samples.map(\.code)) == Set(HostReason.Code.allCases))
    }

    @Test("A reason is one clean line, with a cause", arguments: HostReason.samples)
    func clean(_ reason: HostReason) {
        let text = reason.text
        for line in [text.sentence, text.finding, text.cause] {
            #expect(!line.isEmpty && line == Sanitizer.singleLine(line))
            #expect(!line.contains("  ") && !line.hasSuffix(":") && !line.hasSuffix("."))
        }
        #expect(text.remedy?.isEmpty != true && text.note?.isEmpty != true)
    }

    @Test("Hostile text of a peer stays on one line", arguments: ["a\nb", "\u{1B}[2J", "\u{202E}x"])
    func hostile(_ text: String) {
        let reasons: [HostReason] = [
            .wrongHost(given: text, expected: text, isFromInventory: true), .duplicateID(text, other: text),
            .otherService(text, expected: "canvas"), .agentMissing(expectedID: text),
            .noRevision(.unusable(text), said: nil),
            .instancesDiffer(matching: 1, of: 2, other: text, service: "canvas"),
            .crashLoop(
                .init(instance: text, count: 2, span: .seconds(4)),
                .init(state: .exited, instance: text, logged: text)),
        ]
        for reason in reasons {
            #expect(reason.text.sentence == Sanitizer.singleLine(reason.text.sentence), "\(reason.code)")
        }
    }

    @Test("A recorded sentence is read back in its parts")
    func recorded() {
        let reason = HostReason.neverPulled(
            .init(service: "canvas", engine: .docker), serves: .init(build: "bbbbbbbbbbbb", generation: 1))
        #expect(reason.text.sentence.hasPrefix("never pulled: run docker compose pull canvas && "))
        #expect(reason.text.finding == "never pulled (serves bbbbbbbbbbbb, generation 1)")
    }
}

extension HostReason {
    /// At least one reason for each code.
    static var samples: [HostReason] {
        let docker = Deployment(service: "canvas", engine: .docker)
        let old = Served(build: "bbbbbbbbbbbb", generation: 1)
        let down = Condition(state: .exited, instance: "canvas-1", logged: "canvas-1", exitCode: 1)
        let probe = ProbeResult(url: "http://127.0.0.1:8080/", outcome: .httpStatus, status: 503)
        return [
            .wrongHost(given: "a", expected: "b", isFromInventory: true),
            .wrongHost(given: nil, expected: "b", isFromInventory: false),
            .wrongHost(given: nil, expected: nil, isFromInventory: false), .machineIDChanged(given: "a", first: "b"),
            .duplicateID("a", other: "host-1"), .duplicateID("a", other: nil), .clonedMachineID("a", other: "host-1"),
            .sameHostTwice("a", other: "host-1"), .nonceNotEchoed, .notAnsweredYet, .noAnswerYet(waited: .seconds(5)),
            .noFreshAnswer(for: .seconds(7)), .notListed(.timeout, detail: "no answer within 5s"), .negativeAge,
            .sourceUnreadable(said: "containers of 2 projects match"), .sourceUnreadable(said: nil),
            .sourceLost(age: .seconds(61)), .sourceStale(age: .seconds(9)), .sourceStale(age: nil),
            .askedTooEarly(age: .milliseconds(506)), .noAnswerSinceStart(age: .seconds(34)),
            .otherService("worker", expected: "canvas"), .contradiction("it lists an instance twice"),
            .agentMissing(expectedID: "a"), .unusablePlainAnswer("its 'service' is not a name"),
            .cachedAnswer(by: "X-Cache: HIT"), .agedAnswer(.seconds(90)), .noInstance(service: "canvas", said: nil),
            .noInstance(service: "canvas", said: "canvas-run-1 is a one-off"), .noRevision(.absent, said: nil),
            .noRevision(.unusable("dev"), said: nil), .noRevisionOfDigest(.absent, said: nil), .noRegistryDigest,
            .noAgent, .nothingToCompare, .pulledNotRecreated(docker, serves: old), .neverPulled(docker, serves: old),
            .leftTarget(serves: "bbbbbbbbbbbb"), .summaryDiffers(serves: "bbbbbbbbbbbb"),
            .serviceServesOther("bbbbbbbbbbbb", image: "aaaaaaaaaaaa", url: "http://127.0.0.1/"),
            .instancesDiffer(matching: 1, of: 2, other: "canvas-2", service: "canvas"),
            .promotedLater(serves: "cccccccccccc", generation: 3), .promotedLater(serves: "x", generation: nil),
            .promotedConfigDigest, .wrongImage(serves: "sha256:555555555555", lookup: .notPossible),
            .wrongImage(serves: "sha256:555555555555", lookup: .isAnotherImage),
            .wrongImage(serves: "sha256:555555555555", lookup: .failed("HTTP 503")),
            .digestLookupPending(serves: "sha256:555555555555"),
            .platformMissing(Platform(os: "linux", architecture: "arm64")), .wrongCommit(serves: "eeeeeeeeeeee"),
            .wentBack(to: "bbbbbbbbbbbb"), .replacedByUnpromoted("dddddddddddd"),
            .crashLoop(.init(instance: "canvas-1", count: 3, span: .seconds(10), lastExitCode: 1), down),
            .crashLoopNotSoaked(down), .probeFailed(probe), .startFailed(said: "canvas-1 could not be started"),
            .down(down, answers: 1), .down(down, answers: 3), .tooFewInstances(running: 1, expected: 3),
            .starting(said: "canvas-1 waits for its start"), .notServing(down), .onTarget,
            .soaking(
                held: .seconds(3), of: .seconds(10), changes: 2, restarts: RestartSummary(count: 1, lastExitCode: 1)),
            .flapping(changes: 3), .converged(.matchIndex, hasHealthCheck: false, isSilentAboutCommit: true),
        ] + RequestOutcome.allCases.map { .requestFailed($0, detail: "made up") }
    }
}
