import CollectorSupport
import FoundationEssentials
import Glibc
import Shared
import Verdict

/// The faults that the gate is tested with. Each has happened in practice.
extension DrillCase {
    /// All cases, the healthy fleets first.
    static let all: [DrillCase] = fine + late + failed + unreadable + strangers + whole

    // MARK: - Times

    /// For a case that ends by itself: generous, so that a loaded machine is not mistaken for a fault of the gate.
    private static let generous = policy(timeout: .seconds(8))
    /// For a case that ends at the deadline. Its verdict needs only one answer from each host.
    private static let untilDeadline = policy(timeout: .seconds(3))

    private static func policy(timeout: Duration) -> Policy {
        Policy(
            timeout: timeout, interval: .milliseconds(100), requestTimeout: .seconds(1), soak: .milliseconds(400))
    }

    /// Two healthy hosts and the faulty one.
    private static func fleet(with faulty: DrillHost) -> [DrillHost] { DrillHost.fine(2) + [faulty] }

    /// A fleet of three hosts. The third makes this statement.
    private static func host3(_ statement: DrillStatement, expectedID: String? = nil) -> [DrillHost] {
        fleet(with: .stating("host-3", statement, expectedID: expectedID))
    }

    // MARK: - Healthy fleets, which must be green

    private static let fine: [DrillCase] = [
        DrillCase(
            name: "fine", fault: "none: every host serves the target", hosts: DrillHost.fine(3), policy: generous,
            expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "late", fault: "none: a host converges late",
            hosts: fleet(with: .changing("host-3", after: 3, from: DrillStatement(.older), to: DrillStatement())),
            policy: generous, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "tolerated", fault: "none beyond the tolerance: one of three hosts is down",
            hosts: fleet(with: .dead("host-3")), policy: generous.with { $0.maxUnreachable = .hosts(1) },
            expectation: DrillExpectation(.convergedTolerated, .unreachable)),
        DrillCase(
            name: "restarted-once", fault: "none: a container restarts once during its soak, then stays up",
            hosts: host3(
                DrillStatement {
                    $0.edit = { document, request in document.instances[0].restartCount = request.number < 3 ? 0 : 1 }
                }), policy: generous, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "plain", fault: "none: a host without an agent reports its commit",
            hosts: plain([#""service":"drill""#, #""state":"serving""#]), policy: generous,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.converged, .converged)),
        DrillCase(
            name: "emulated", fault: "none: a host runs an image of another platform than its engine's",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.engine?.platform = "linux/riscv64" } }),
            policy: generous, target: DrillBuild.promoted.targetWithContent,
            expectation: DrillExpectation(.converged, .converged)),
    ]

    /// A fleet whose third host has no agent and reports its commit.
    private static func plain(
        _ members: [String] = [], headers: [String: String] = [:]
    ) -> [DrillHost] {
        let commit = #""git_sha":"\#(DrillBuild.promoted.gitSHA?.hex ?? "")""#
        let body = "{\(([commit] + members).joined(separator: ","))}"
        return fleet(with: .replying("host-3", .page(status: 200, headers: headers, body: body)))
    }

    /// A container that a supervisor recreates repeatedly, with gaps in between.
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

    // MARK: - Hosts that are behind

    private static let late: [DrillCase] = [
        DrillCase(
            name: "straggler", fault: "a host keeps serving the older build",
            hosts: host3(DrillStatement(.older)), policy: untilDeadline,
            expectation: DrillExpectation(.stragglers, .straggler)),
        DrillCase(
            name: "stalled", fault: "a host stays on the older build, and no host changes",
            hosts: host3(DrillStatement(.older)), policy: generous.with { $0.stall = .seconds(1) },
            expectation: DrillExpectation(.stalled, .straggler)),
        DrillCase(
            name: "rolled-back", fault: "a host serves the target, then the older build again",
            // A single answer never proves the target, however slow this machine is.
            hosts: fleet(with: .changing("host-3", after: 1, from: DrillStatement(), to: DrillStatement(.older))),
            policy: untilDeadline, expectation: DrillExpectation(.rolledBack, .rolledBack)),
        DrillCase(
            name: "too-few", fault: "fewer instances than declared",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.instancesExpected = 3 } }),
            policy: untilDeadline, expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "plain-starting", fault: "a host without an agent reports that it is starting",
            hosts: plain([#""state":"starting""#]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "superseded", fault: "a newer promotion starts meanwhile", hosts: host3(DrillStatement(.older)),
            policy: generous, disturbance: .newerPromotion, expectation: DrillExpectation(.superseded)),
    ]

    // MARK: - Deploys that failed

    private static let failed: [DrillCase] = [
        DrillCase(
            name: "crash-loop", fault: "a container restarts between any two observations",
            hosts: host3(DrillStatement { $0.restartsWithEachAnswer = true }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "recreate-loop", fault: "a container is recreated repeatedly, with gaps",
            hosts: host3(recreated),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "restarted-outside",
            fault: "a container is restarted repeatedly, but not by its engine",
            hosts: host3(
                DrillStatement {
                    $0.edit = { document, request in
                        document.instances[0].startedAt =
                            Date(timeIntervalSince1970: 1_700_000_000 + Double(request.number)).rfc3339
                    }
                }), policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "other-platform", fault: "an index has no image for a host's platform",
            hosts: host3(
                DrillStatement(.older) {
                    $0.edit = { document, _ in
                        document.engine?.platform = "linux/riscv64"
                        document.instances[0].image.platform = "linux/riscv64"
                    }
                }), policy: generous, target: DrillBuild.promoted.targetWithContent,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "wrong-digest", fault: "the right commit in another image", hosts: host3(DrillStatement(.rebuilt)),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "wrong-commit", fault: "the right image with another commit in its label",
            hosts: host3(DrillStatement(.mislabelled)), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "other-served", fault: "the service reports another commit than its image",
            hosts: host3(
                DrillStatement { $0.served = .drill(.ok, status: 200, gitSHA: Reported(DrillBuild.older.gitSHA)) }),
            policy: generous, expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "not-served", fault: "the container runs, but the service does not answer",
            // The gate must judge the probe's result itself, even if the agent's state does not reflect it.
            hosts: host3(DrillStatement { $0.served = .drill(.refused) }), policy: untilDeadline,
            expectation: DrillExpectation(.stragglers, .starting)),
        DrillCase(
            name: "paused", fault: "the container is paused",
            hosts: host3(DrillStatement { $0.state = .paused }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
        DrillCase(
            name: "unhealthy", fault: "the container runs, but its health check fails",
            hosts: host3(DrillStatement { $0.state = .unhealthy }), policy: generous,
            expectation: DrillExpectation(.failedDeploy, .failed)),
    ]

    // MARK: - Unusable answers

    private static let unreadable: [DrillCase] = [
        DrillCase(
            name: "refused", fault: "a host refuses connections", hosts: fleet(with: .dead("host-3")),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "silent", fault: "a host accepts connections and never answers",
            hosts: fleet(with: .replying("host-3", .silence)), policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "not-found", fault: "an HTML page with status 404",
            hosts: fleet(
                with: .replying("host-3", .page(status: 404, body: "<html><h1>404 Not Found</h1></html>"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "parked", fault: "an HTML page with status 200",
            hosts: fleet(
                with: .replying("host-3", .page(status: 200, body: "<html>This domain is for sale</html>"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "redirect", fault: "a redirect to a login page",
            hosts: fleet(
                with: .replying("host-3", .page(status: 302, location: "http://127.0.0.1/login", body: "moved"))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "blind-agent", fault: "an agent cannot read its engine",
            hosts: host3(
                DrillStatement {
                    $0.state = .unknown
                    $0.reason = "the engine's socket refuses permission"
                }), policy: untilDeadline, expectation: DrillExpectation(.unreachable, .agentError)),
        DrillCase(
            name: "old-look", fault: "an answer observed before the verification",
            hosts: host3(DrillStatement { $0.age = 45 }), policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "contradiction", fault: "an answer with state serving and no instance",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.instances = [] } }),
            policy: untilDeadline,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "other-service", fault: "the agent answers for another service",
            hosts: host3(DrillStatement { $0.edit = { document, _ in document.service = "worker" } }),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "plain-other-service", fault: "a host without an agent reports another service",
            hosts: plain([#""service":"worker""#]), policy: untilDeadline, target: DrillBuild.promoted.targetByCommit,
            expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "stored", fault: "a cache answers for a host without an agent, with an Age",
            hosts: plain(headers: ["Age": "900", "X-Cache": "HIT"]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "frozen-date", fault: "a cache answers for a host without an agent; only the Date shows it",
            hosts: plain(headers: ["Date": "Sun, 06 Nov 1994 08:49:37 GMT"]), policy: untilDeadline,
            target: DrillBuild.promoted.targetByCommit, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "no-commit", fault: "the right image without a commit", hosts: host3(DrillStatement(.unlabelled)),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
        DrillCase(
            name: "commit-dev", fault: "a service reports the commit 'dev'",
            hosts: fleet(with: .replying("host-3", .page(status: 200, body: #"{"git_sha":"dev"}"#))),
            policy: untilDeadline, expectation: DrillExpectation(.unreachable, .unverifiable)),
    ]

    // MARK: - Answers of other hosts

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
            name: "same-id", fault: "two hosts of the inventory have one id",
            hosts: host3(DrillStatement { $0.hostID = "drill-host-1" }), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "cloned", fault: "two machines have one machine id",
            hosts: host3(
                DrillStatement {
                    $0.hostID = "drill-host-1"
                    $0.edit = { document, _ in document.host.bootID = "another-boot" }
                }), policy: untilDeadline, expectation: DrillExpectation(.identityConflict, .conflict)),
        DrillCase(
            name: "other-host", fault: "another host than the inventory names",
            hosts: host3(DrillStatement(), expectedID: "drill-host-of-the-inventory"), policy: untilDeadline,
            expectation: DrillExpectation(.identityConflict, .conflict)),
    ]

    // MARK: - The whole fleet

    private static let whole: [DrillCase] = [
        DrillCase(
            name: "empty", fault: "an inventory without hosts", hosts: [], policy: generous,
            expectation: DrillExpectation(.emptyInventory)),
        DrillCase(
            name: "shrunk", fault: "an inventory that lost most of its hosts", hosts: DrillHost.fine(4),
            policy: generous, disturbance: .shrunkInventory, expectation: DrillExpectation(.inventoryShrunk)),
        DrillCase(
            name: "none-proven", fault: "the only host is down, and one is tolerated", hosts: [.dead("host-1")],
            policy: untilDeadline.with { $0.maxUnreachable = .hosts(1) },
            expectation: DrillExpectation(.unreachable, .unreachable)),
        DrillCase(
            name: "lost-together", fault: "every host answers once, then none answers",
            hosts: (1...6).map { number in
                DrillHost(name: "host-\(number)") { request in
                    request.number > 1 ? .hangUp : .document(DrillStatement().document(for: request))
                }
            },
            // Lost within one interval: a long one leaves a slow machine the time to ask every host.
            policy: untilDeadline.with { $0.interval = .seconds(1) },
            expectation: DrillExpectation(.inconclusive, .agentError)),
        DrillCase(
            name: "interrupted", fault: "the verification is interrupted (SIGINT)",
            hosts: host3(DrillStatement(.older)), policy: generous, disturbance: .signal(SIGINT),
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
