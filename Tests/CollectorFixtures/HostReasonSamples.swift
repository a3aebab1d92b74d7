import Shared

@testable import Verdict

extension HostReason {
    /// At least one of each code.
    static var samples: [HostReason] { samples(.dockerCompose, .moving("registry.example/canvas:latest")) }

    /// The same, for a service that runs in a given way.
    static func samples(_ docker: ServiceSetup, _ latest: ImageTracking) -> [HostReason] {
        let old = Served(build: "bbbbbbbbbbbb", generation: 1)
        let down = Condition(
            state: .exited, instance: "shop-canvas-1", setup: docker, exitCode: 1, restartCount: 13)
        let paused = Condition(state: .paused, instance: "shop-canvas-1", setup: docker)
        let sick = Condition(
            state: .unhealthy, instance: "shop-canvas-1", setup: docker,
            healthOutput: "curl: (7) Failed to connect to localhost port 8080: Connection refused")
        let failed = Condition(
            state: .exited, instance: "shop-canvas-1", setup: docker, exitCode: 128,
            error: "driver failed programming external connectivity: port is already allocated")
        let probe = ProbeResult(url: "http://127.0.0.1:8080/", outcome: .httpStatus, status: 503)
        return [
            .wrongHost(given: "a", expected: "b", isFromInventory: true),
            .wrongHost(given: nil, expected: "b", isFromInventory: false),
            .wrongHost(given: nil, expected: nil, isFromInventory: false), .machineIDChanged(given: "a", first: "b"),
            .duplicateID("a", other: "host-1"), .duplicateID("a", other: nil), .clonedMachineID("a", other: "host-1"),
            .sameHostTwice("a", other: "host-1"), .nonceNotEchoed, .notAnsweredYet, .noAnswerYet(waited: .seconds(5)),
            .noFreshAnswer(for: .seconds(7)), .notListed(FailedRequest(.timeout, detail: "no answer within 5s")),
            .negativeAge,
            .sourceUnreadable(said: "containers of 2 projects match"), .sourceUnreadable(said: nil),
            .sourceLost(age: .seconds(61)), .sourceStale(age: .seconds(9)), .sourceStale(age: nil),
            .askedTooEarly(age: .milliseconds(506)), .noAnswerSinceStart(age: .seconds(34)),
            .otherService("worker", expected: "canvas"), .contradiction("it lists an instance twice"),
            .agentMissing(expectedID: "a"), .unusablePlainAnswer("its 'service' is not a name"),
            .cachedAnswer(by: "X-Cache: HIT"), .agedAnswer(.seconds(90)), .noInstance(service: "canvas", said: nil),
            .noInstance(service: "canvas", said: "canvas-run-1 is a one-off"), .noRevision(.absent, said: nil),
            .noRevision(.unusable("dev"), said: nil), .noRevisionOfDigest(.absent, said: nil), .noRegistryDigest,
            .noAgent, .nothingToCompare, .pulledNotRecreated(docker, latest, serves: old),
            .neverPulled(docker, latest, serves: old),
            .leftTarget(serves: "bbbbbbbbbbbb"), .summaryDiffers(serves: "bbbbbbbbbbbb"),
            .serviceServesOther("bbbbbbbbbbbb", image: "aaaaaaaaaaaa", url: "http://127.0.0.1/"),
            .instancesDiffer(matching: 1, of: 2, other: "shop-canvas-2", docker, latest),
            .promotedLater(serves: "cccccccccccc", generation: 3), .promotedLater(serves: "x", generation: nil),
            .promotedConfigDigest, .wrongImage(serves: "sha256:555555555555", lookup: .notPossible),
            .wrongImage(serves: "sha256:555555555555", lookup: .isAnotherImage),
            .wrongImage(serves: "sha256:555555555555", lookup: .failed("HTTP 503")),
            .digestLookupPending(serves: "sha256:555555555555"),
            .platformMissing(Platform(os: "linux", architecture: "arm64")), .wrongCommit(serves: "eeeeeeeeeeee"),
            .wentBack(to: "bbbbbbbbbbbb"), .replacedByUnpromoted("dddddddddddd"),
            .crashLoop(.init(instance: "canvas-1", count: 3, span: .seconds(10), lastExitCode: 1), down),
            .crashLoopNotSoaked(down), .probeFailed(probe),
            .startFailed(said: "shop-canvas-1 could not be started", failed),
            .down(down, answers: 1), .down(down, answers: 3), .down(paused, answers: 3), .down(sick, answers: 3),
            .down(failed, answers: 3), .tooFewInstances(running: 1, expected: 3),
            .starting(said: "canvas-1 waits for its start"), .notServing(down), .onTarget,
            .soaking(
                held: .seconds(3), of: .seconds(10), changes: 2, restarts: RestartSummary(count: 1, lastExitCode: 1)),
            .flapping(changes: 3), .converged(.matchIndex, hasHealthCheck: false, isSilentAboutCommit: true),
        ] + RequestOutcome.allCases.map { .requestFailed(FailedRequest($0, detail: "made up")) }
    }
}

extension ServiceSetup {
    /// A service of Docker Compose in the folder `/srv/shop`.
    static let dockerCompose = ServiceSetup(
        service: "canvas", engine: .docker,
        deployment: Instance.Deployment(tool: .compose, group: "shop", name: "canvas", directory: "/srv/shop"),
        container: "shop-canvas-1", reference: "registry.example/canvas:latest")
}
