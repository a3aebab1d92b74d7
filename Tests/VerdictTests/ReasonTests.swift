import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// An agent's explanation of its host's problem reaches the report.
@Suite("Reasons with the agent's own words")
struct ReasonTests {
    private static let waiting = "canvas-1 was created and waits for its start"

    private func reason(_ answer: Answer) -> String {
        var bench = Bench(policy: .short)
        bench.finish { _, _ in .answer(answer) }
        return bench.reason()
    }

    @Test("Field 16: a container that waits, and one that could not be started, are explained by the agent")
    func started() {
        let waits = Answer(state: .starting, startedAt: nil).with { $0.reason = Self.waiting }
        #expect(reason(waits) == "on the target, \(Self.waiting)")
        let failed = Answer(state: .exited, startedAt: nil, edit: { $0.instances[0].exitCode = 128 }).with {
            $0.reason = "canvas-1 could not be started (exit code 128): port is already allocated"
        }
        #expect(
            reason(failed)
                == "on the target, canvas-1 could not be started (exit code 128): port is already allocated: correct its "
                + "command, image or settings")
    }

    @Test("Of an engine's chain of errors the end is kept, and a container that never ran is not sent to its logs")
    func startErrors() {
        let cause = "exec: \"/bin/nosuch\": stat /bin/nosuch: no such file or directory"
        let chain =
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
            + "error during container init: \(cause)"
        for startedAt in [nil, "2026-01-01T00:00:00Z"] {
            let failed = Answer(state: .exited, startedAt: startedAt) {
                $0.instances[0].exitCode = 127
                $0.instances[0].error = chain
            }.with { $0.reason = "canvas-1 could not be started (exit code 127): failed to create shim … no such fi" }
            let text = reason(failed)
            #expect(text.contains(cause), "\(text)")
            #expect(!text.contains("shim task") && !text.contains("docker logs"), "\(text)")
            #expect(text.contains("correct its command, image or settings"), "\(text)")
        }
    }

    @Test("A container that runs out of memory needs memory, not its logs")
    func outOfMemory() {
        let text = reason(Answer(state: .exited, edit: { $0.instances[0].oomKilled = true }))
        #expect(text.contains("raise its memory limit") && !text.contains("logs"), "\(text)")
    }

    @Test(
        "An engine that does not answer is checked on the host",
        arguments: [
            ("asking the engine at unix:///run/docker.sock: connection refused", "systemctl status docker on"),
            ("the engine at unix:///run/podman/podman.sock did not answer /info within 5s", "status podman.socket on"),
        ])
    func lostEngine(_ said: String, _ command: String) {
        let text = reason(Answer(state: .unknown).with { $0.reason = said })
        #expect(text.hasPrefix("the agent cannot tell: \(said)") && text.contains(command), "\(text)")
    }

    @Test("Field 3: an agent that cannot tell projects apart has named the remedy, and no other is added")
    func projects() {
        let said = "containers of 2 projects match (shop, staging): name one with compose:PROJECT/SERVICE"
        #expect(reason(Answer(state: .unknown).with { $0.reason = said }) == "the agent cannot tell: \(said)")
    }

    @Test("Field 14: where the agent explains a missing commit, no other cause is assumed")
    func platform() {
        let said = "canvas-1: the engine describes its image for another platform"
        let answer = Answer(edit: {
            $0.gitSHA = .absent
            $0.instances[0].gitSHA = .absent
        }).with { $0.reason = said }
        #expect(
            reason(answer) == "the digest is right, but git_sha is null: \(said), or ask for --digest alone")
        #expect(reason(answer.with { $0.reason = nil }).contains(": label the image, or"))
    }

    @Test("Field 4: where only one-offs match, the reason is the agent's")
    func oneOff() {
        let said = "canvas-run-1 was started for one command and is not an instance"
        let answer = Answer(edit: {
            $0.instances = []
            $0.state = .absent
            $0.gitSHA = .absent
            $0.digest = .absent
            $0.leftOut = [LeftOutContainer(id: "c9", name: "canvas-run-1", reason: .oneOff, state: .serving)]
        }).with { $0.reason = said }
        #expect(reason(answer) == "no instance of the service on the host: \(said)")
    }

    @Test("The instance that does not serve the target is named")
    func mixed() {
        let other = Answer.old.with { $0.container = "c2" }
        #expect(reason(Answer(others: [other])).contains("1 of 2 instances serves the target, canvas-"))
    }

    @Test("The end explains a host whose answers all come from before the start")
    func early() {
        var policy = Policy.short
        policy.timeout = .seconds(30)
        var bench = Bench(policy: policy)
        bench.finish { _, moment in .answer(Answer(age: moment + 5)) }
        #expect(bench.status() == .unverifiable)
        #expect(bench.hostReason() == .noAnswerSinceStart(age: .seconds(34)))
    }

    @Test("A host that left the target is watched, and its reason has no advice to fetch the build again")
    func wentBack() {
        var bench = Bench()
        bench.poll(1...4, Answer())
        bench.see(at: 5, .old)
        #expect(bench.status() == .pending)
        #expect(bench.reason().hasPrefix("served the target, and serves "))
    }
}
