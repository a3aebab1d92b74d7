import CollectorSupport
import FoundationEssentials
import Glibc
import Shared
import Verdict

/// The faults that the gate is tried with. Each happened to somebody.
extension DrillCase {
    /// All of them; the fleets that are fine first.
    package static let all: [DrillCase] = fine + late + failed + unreadable + strangers + whole

    // MARK: - Times

    /// For a case that ends by itself: generous, because a loaded machine is no defect of the gate's.
    private static let generous = policy(timeout: .seconds(8))
    /// For a case that only the deadline ends. Its verdict needs an answer of each host within it, and not more.
    private static let untilDeadline = policy(timeout: .seconds(3))

    private static func policy(timeout: Duration) -> Policy {
        Policy(
            timeout: timeout, interval: .milliseconds(100), requestTimeout: .seconds(1), soak: .milliseconds(400))
    }

    /// Two hosts on which all is well, and the one that is not.
    private static func fleet(with faulty: DrillHost) -> [DrillHost] { DrillHost.fine(2) + [faulty] }

    /// A fleet of three whose third host states this.
    private static func host3(_ statement: DrillStatement, expectedID: String? = nil) -> [DrillHost] {
        fleet(with: .says("host-3", statement, expectedID: expectedID))
    }

    // MARK: - A gate that is always red is none

    private static let fine: [DrillCase] = [
        DrillCase(
            name: "fine", fault: "nothing: every host serves the target", hosts: DrillHost.fine(3), policy: generous,
            expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "late", fault: "nothing: a host arrives late",
            hosts: fleet(with: .turns("host-3", after: 3, from: DrillStatement(.older), to: DrillStatement())),
            policy: generous, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "tolerated", fault: "nothing more than what is tolerated: one dead host of three",
            hosts: fleet(with: .dead("host-3")), policy: generous.with { $0.maxUnreachable = .hosts(1) },
            expectation: DrillExpectation(.convergedTolerated, .unreachable)),
        DrillCase(
            name: "restarted-once", fault: "nothing: a container that restarts once in its soak, and holds then",
            hosts: host3(
                DrillStatement {
                    $0.edit = { document, request in document.instances[0].restartCount = request.number < 3 ? 0 : 1 }
                }), policy: generous, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "plain", fault: "nothing: a host without an agent that tells its commit",
            hosts: plain([#""service":"drill""#, #""state":"serving""#]), policy: generous,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "emulated", fault: "nothing: a host that runs an image of another platform than its engine's",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.engine?.platform = "linux/riscv64" } }),
            policy: generous, target: DrillBuild.promoted.target(for: amd64),
            expectation: DrillExpectation(.converged, .converged)),
    ]

    /// What a host without an agent says, with its commit and these headers.
    private static func plain(
        _ members: [String] = [], headers: [String: String] = [:]
    ) -> [DrillHost] {
        let commit = #""git_sha":"\#(DrillBuild.promoted.gitSHA?.hex ?? "")""#
        let body = "{\(([commit] + members).joined(separator: ","))}"
        return fleet(with: .answers("host-3", .page(status: 200, headers: headers, body: body)))
    }

    private static let amd64 = Platform(os: "linux", architecture: "amd64")

    /// A container that a supervisor makes again and again, with a gap in which there is none.
    private static let recreated = DrillStatement {
        $0.edit = { document, request in
            if request.number % 2 == 0 {
                document.instances = []
                (document.state, document.gitSHA, document.digest) = (.absent, .absent, .absent)
            } else {
                document.instances[0].id += "-\(request.number)"
            }
        }
    }

    // MARK: - Hosts that are not there

    private static let late: [DrillCase] = [
        DrillCase(
            name: "straggler", fault: "a host goes on serving the older build",
            hosts: host3(DrillStatement(.older)), policy: untilDeadline,
            expectation: DrillExpectation(.stragglers, .straggler)),
        DrillCase(
            name: "stalled", fault: "a host never moves, and nothing else does",
            hosts: host3(DrillStatement(.older)), policy: generous.with { $0.stall = .seconds(1) },
            expectation: DrillExpectation(.stalled, .straggler)),
        DrillCase(
            name: "rolled-back", fault: "a host serves the target, and then the older build again",
            // One answer alone never proves, however slow this machine is.
            hosts: fleet(with: .turns("host-3", after: 1, from: DrillStatement(), to: DrillStatement(.older))),
            policy: untilDeadline, expectation: DrillExpectation(.rolledBack, .rolledBack)),
        DrillCase(
            name: "too-few", fault: "fewer instances than were declared",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.instancesExpected = 3 } }),
            policy: untilDeadline, expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "plain-starting", fault: "a host without an agent that says that it is starting",
            hosts: plain([#""state":"starting""#]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "superseded", fault: "a newer promotion starts meanwhile", hosts: host3(DrillStatement(.older)),
            policy: generous, circumstance: .newerPromotion, expectation: DrillExpectation(.superseded)),
    ]

    // MARK: - Deploys that failed

    private static let failed: [DrillCase] = [
        DrillCase(
            name: "crash-loop", fault: "a container restarts between any two looks",
            hosts: host3(DrillStatement { $0.restartsWithEachAnswer = true }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "recreate-loop", fault: "a new container again and again, and none in between",
            hosts: host3(recreated),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "restarted-outside",
            fault: "a container that something else than its engine restarts again and again",
            hosts: host3(
                DrillStatement {
                    $0.edit = { document, request in
                        document.instances[0].startedAt =
                            Date(timeIntervalSince1970: 1_700_000_000 + Double(request.number)).rfc3339
                    }
                }), policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "other-platform", fault: "an index that holds nothing for a host's platform",
            hosts: host3(
                DrillStatement(.older) {
                    $0.edit = { document, _ in
                        document.engine?.platform = "linux/riscv64"
                        document.instances[0].image.platform = "linux/riscv64"
                    }
                }), policy: generous, target: DrillBuild.promoted.target(for: amd64),
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "wrong-digest", fault: "the right commit in another image", hosts: host3(DrillStatement(.rebuilt)),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "wrong-commit", fault: "the right image labelled with another commit",
            hosts: host3(DrillStatement(.mislabelled)), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "other-served", fault: "the service serves another commit than its image",
            hosts: host3(
                DrillStatement { $0.served = .drill(.ok, status: 200, gitSHA: Reported(DrillBuild.older.gitSHA)) }),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "not-served", fault: "a container that runs, and a service in it that does not answer",
            // The agent says so, too; that the gate judges the probe by itself shows when it does not.
            hosts: host3(DrillStatement { $0.served = .drill(.refused) }), policy: untilDeadline,
            expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "paused", fault: "the container is paused",
            hosts: host3(DrillStatement { $0.state = .paused }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "unhealthy", fault: "the container runs, and its health check fails",
            hosts: host3(DrillStatement { $0.state = .unhealthy }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
    ]

    // MARK: - Answers that are none

    private static let unreadable: [DrillCase] = [
        DrillCase(
            name: "refused", fault: "nobody listens on a host", hosts: fleet(with: .dead("host-3")),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "silent", fault: "a host accepts and never answers",
            hosts: fleet(with: .answers("host-3", .silence)), policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "not-found", fault: "a 404 page of HTML",
            hosts: fleet(
                with: .answers("host-3", .page(status: 404, body: "<html><h1>404 Not Found</h1></html>"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "parked", fault: "a page of HTML that answers 200",
            hosts: fleet(
                with: .answers("host-3", .page(status: 200, body: "<html>This domain is for sale</html>"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "redirect", fault: "a redirect to a login page",
            hosts: fleet(
                with: .answers("host-3", .page(status: 302, location: "http://127.0.0.1/login", body: "moved"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "blind-agent", fault: "an agent that cannot see its engine",
            hosts: host3(
                DrillStatement {
                    $0.state = .unknown
                    $0.reason = "the engine's socket refuses permission"
                }), policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "old-look", fault: "an answer from before the verification",
            hosts: host3(DrillStatement { $0.age = 45 }), policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "contradiction", fault: "an answer that says serving, and lists no instance",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.instances = [] } }),
            policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "other-service", fault: "the agent answers for another service",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.service = "worker" } }),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "plain-other-service", fault: "a host without an agent that is another service",
            hosts: plain([#""service":"worker""#]), policy: untilDeadline, target: DrillBuild.promoted.targetByCommit,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "stored", fault: "a cache answers for a host without an agent, and says so",
            hosts: plain(headers: ["Age": "900", "X-Cache": "HIT"]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "frozen-date", fault: "a cache answers for a host without an agent, and only the Date shows it",
            hosts: plain(headers: ["Date": "Sun, 06 Nov 1994 08:49:37 GMT"]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "no-commit", fault: "the right image without a commit", hosts: host3(DrillStatement(.unlabelled)),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "commit-dev", fault: "a service that says its commit is 'dev'",
            hosts: fleet(with: .answers("host-3", .page(status: 200, body: #"{"git_sha":"dev"}"#))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
    ]

    // MARK: - Answers of somebody else

    private static let strangers: [DrillCase] = [
        DrillCase(
            name: "no-nonce", fault: "an answer without the request's nonce",
            hosts: host3(DrillStatement { $0.nonce = .missing }), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "other-nonce", fault: "an answer to another request, as from a cache",
            hosts: host3(DrillStatement { $0.nonce = .another }), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "same-id", fault: "two hosts of the inventory with one id",
            hosts: host3(DrillStatement { $0.hostID = "drill-host-1" }), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "cloned", fault: "two machines with one machine id",
            hosts: host3(
                DrillStatement {
                    $0.hostID = "drill-host-1"
                    $0.edit = { document, _ in document.host.bootID = "another-boot" }
                }), policy: untilDeadline, expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "other-host", fault: "another host than the inventory expects",
            hosts: host3(DrillStatement(), expectedID: "drill-host-of-the-inventory"), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
    ]

    // MARK: - The whole

    private static let whole: [DrillCase] = [
        DrillCase(
            name: "empty", fault: "an inventory without a host", hosts: [], policy: generous,
            expectation: DrillExpectation(.emptyInventory)),
        DrillCase(
            name: "shrunk", fault: "an inventory that lost most of its hosts", hosts: DrillHost.fine(4),
            policy: generous, circumstance: .shrunkInventory, expectation: DrillExpectation(.inventoryShrunk)),
        DrillCase(
            name: "none-proven", fault: "one host, dead, where one is tolerated", hosts: [.dead("host-1")],
            policy: untilDeadline.with { $0.maxUnreachable = .hosts(1) },
            expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "lost-together", fault: "every host answers once, and then none",
            hosts: (1...6).map { number in
                DrillHost(name: "host-\(number)") { request in
                    request.number > 1 ? .hangUp : .document(DrillStatement().document(for: request))
                }
            },
            // Lost within one interval: a long one allows for the time that a slow machine takes to ask all of them.
            policy: untilDeadline.with { $0.interval = .seconds(1) },
            expectation: DrillExpectation(.inconclusive, .agentError)),
        DrillCase(
            name: "interrupted", fault: "the verification is interrupted (SIGINT)",
            hosts: host3(DrillStatement(.older)), policy: generous, circumstance: .signal(SIGINT),
            expectation: DrillExpectation(.interrupted)),
    ]
}

extension ProbeResult {
    fileprivate static func drill(
        _ outcome: Outcome, status: Int? = nil, gitSHA: Reported<GitSHA>? = nil
    ) -> ProbeResult {
        ProbeResult(url: "http://127.0.0.1:3000/api/buildinfo", outcome: outcome, status: status, gitSHA: gitSHA)
    }
}

extension Policy {
    fileprivate func with(_ change: (inout Policy) -> Void) -> Policy {
        var copy = self
        change(&copy)
        return copy
    }
}
