import Shared

@testable import Verdict

extension HostReason {
    /// At least one of each code.
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
