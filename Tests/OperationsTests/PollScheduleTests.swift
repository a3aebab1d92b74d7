import Testing
import Verdict

@testable import CollectorFixtures
@testable import Operations

@Suite("The queue of hosts and the interval that it keeps")
struct PollScheduleTests {
    @Test("A host that was due in time keeps the wanted interval")
    func inTime() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2))
        for round in 0..<20 {
            queue.schedule(0, at: .seconds(round * 2))
            let moment = Duration.seconds(round * 2) + .milliseconds(20)
            for (id, _) in queue.takeDue(at: moment) { _ = queue.finish(id) }
            #expect(queue.keptInterval(at: moment) == .seconds(2))
        }
    }

    @Test("A suspension of the collector does not stretch the interval, and the waits beside it do")
    func suspended() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 1)
        for host in 0..<2 { queue.schedule(host, at: .seconds(2)) }
        queue.resume(after: Suspension(from: .seconds(1), until: .seconds(35)))
        let first = queue.takeDue(at: .seconds(35))
        #expect(first.count == 1)
        #expect(queue.keptInterval(at: .seconds(35)) == .seconds(2))
        #expect(queue.takeDue(at: .seconds(38)).isEmpty)
        #expect(queue.keptInterval(at: .seconds(38)) == .seconds(5))
    }

    @Test("Hosts that wait for room stretch the interval by their wait, and it recovers afterwards")
    func late() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 1)
        for host in 0..<3 { queue.schedule(host, at: .zero) }
        let first = queue.takeDue(at: .zero)
        #expect(first.count == 1)
        #expect(queue.takeDue(at: .seconds(3)).isEmpty)
        #expect(queue.keptInterval(at: .seconds(3)) == .seconds(5))
        for (id, _) in first { _ = queue.finish(id) }
        for moment in 4...5 {
            for (id, _) in queue.takeDue(at: .seconds(moment)) { _ = queue.finish(id) }
        }
        #expect(queue.keptInterval(at: .seconds(5)) == .seconds(7))
        for round in 0..<10 {
            let moment = Duration.seconds(20 + round * 2)
            queue.schedule(0, at: moment)
            for (id, _) in queue.takeDue(at: moment) { _ = queue.finish(id) }
            _ = queue.keptInterval(at: moment)
        }
        #expect(queue.keptInterval(at: .seconds(40)) == .seconds(2))
    }

    @Test("The announced interval is never above the kept one, and not more than a 32nd below it while it grows")
    func announced() throws {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 1)
        for host in 0..<2 { queue.schedule(host, at: .zero) }
        _ = queue.takeDue(at: .zero)
        var known = Duration.seconds(2)
        var announcements = 0
        for turn in 0..<10_000 {
            let now = Duration.milliseconds(turn * 10)
            let kept = queue.keptInterval(at: now)
            if let announced = queue.announcedInterval(at: now, known: known) {
                try #require(announced == kept)
                known = announced
                announcements += 1
            }
            try #require(known <= kept && kept - known <= known / 32)
        }
        #expect(known > .seconds(95))
        // In steps, because evidence records each of them.
        #expect((10..<150).contains(announcements))
    }

    @Test("Open hosts go before settled ones, which are not starved")
    func order() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 1)
        queue.schedule(0, at: .zero, .settled)
        queue.schedule(1, at: .milliseconds(500), .open)
        queue.schedule(2, at: .seconds(30), .open)
        var order: [Int] = []
        for moment in 31...33 {
            for (id, request) in queue.takeDue(at: .seconds(moment)) {
                order.append(request.host)
                _ = queue.finish(id)
            }
        }
        #expect(order == [1, 0, 2])
    }

    @Test("A host that is not due is not queried, however urgent it is")
    func notDue() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2))
        queue.schedule(0, at: .seconds(5), .open)
        #expect(queue.takeDue(at: .milliseconds(4_999)).isEmpty)
        #expect(queue.next == .seconds(5))
        #expect(queue.takeDue(at: .seconds(5)).count == 1)
        #expect(queue.next == nil)
    }

    @Test("Hosts that do not answer leave room for the others, and do not stretch the interval")
    func silent() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 10)
        for host in 0..<100 { queue.schedule(host, at: .zero, .silent) }
        #expect(queue.takeDue(at: .zero).count == 5)
        for host in 100..<105 { queue.schedule(host, at: .seconds(1)) }
        let others = queue.takeDue(at: .seconds(1)).map(\.pending.host)
        #expect(others == Array(100..<105))
        #expect(queue.keptInterval(at: .seconds(60)) == .seconds(2))
    }

    @Test(
        "A host that was silent once is queried again while the others fill the window for good",
        arguments: [8, 400, 5_000])
    func silentAmongMany(_ limit: Int) {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: limit)
        for host in 0..<20_000 { queue.schedule(host, at: .zero) }
        for host in 20_000..<20_010 { queue.schedule(host, at: .seconds(1), .silent) }
        var asked: Set<Int> = []
        var others = 0
        for turn in 0..<400 {
            let now = Duration.milliseconds(turn * 10)
            for (id, request) in queue.takeDue(at: now) {
                _ = queue.finish(id, latency: .milliseconds(5))
                if request.host >= 20_000 {
                    asked.insert(request.host)
                } else {
                    others += 1
                    queue.schedule(request.host, at: now)
                }
            }
            #expect(queue.next.map { $0 <= now } == true)
        }
        #expect(asked.count == 10)
        #expect(others >= 400 * min(limit, 256) - 10)
    }

    @Test("A slow request frees its place in the window, and keeps its socket")
    func slow() {
        var queue = PollSchedule(noncePrefix: "run", interval: .seconds(2), limit: 400)
        for host in 0..<1_000 { queue.schedule(host, at: .zero) }
        let first = queue.takeDue(at: .zero)
        #expect(first.count == 256)
        #expect(queue.takeDue(at: .milliseconds(50)).isEmpty)
        #expect(queue.next == .milliseconds(100))
        // 400 sockets at most, however long the first ones take.
        #expect(queue.takeDue(at: .milliseconds(100)).count == 144)
        #expect(queue.takeDue(at: .seconds(30)).isEmpty)
        #expect(queue.next == nil)
    }

    @Test("The window shrinks while answers wait to be processed, and grows while requests wait and answers do not")
    func window() {
        var window = RequestWindow(limit: 5_000)
        func size() -> Int {
            var copy = window
            var count = 0
            while copy.hasRoom {
                copy.sent()
                count += 1
            }
            return count
        }
        #expect(size() == 256)
        for _ in 0..<2_000 {
            window.sent()
            window.wasFull()
            window.ended(isSlow: false, latency: .milliseconds(5), lag: .milliseconds(1))
        }
        #expect(size() == 1_000)
        for _ in 0..<2_000 {
            window.sent()
            window.ended(isSlow: false, latency: .milliseconds(5), lag: .milliseconds(80))
        }
        #expect(size() == 256)
    }

    @Test(
        "A fleet larger than the machine can query converges, and no host is called stale on the way",
        arguments: [50, 1_000, 4_000])
    func overloaded(_ size: Int) {
        // One answer every 5 ms: 4,000 hosts take 20 s, which is twice the soak and ten intervals.
        let policy = Policy(timeout: .seconds(300), soak: .seconds(10))
        let hosts = (0..<size).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0)") }
        var session = OverloadedSession(Verification(target: .bySHA, hosts: hosts, policy: policy))
        session.run(every: .milliseconds(5))
        #expect(session.verification.conclusion?.verdict == .converged)
        let statuses = Set(session.verification.tracks.flatMap { $0.transitions.map(\.status) })
        #expect(statuses == [.soaking, .converged])
        // A sweep to see all of them, a soak, and at most three sweeps to confirm it.
        let sweep = Duration.milliseconds(5 * size)
        #expect((session.verification.conclusion?.at ?? .seconds(300)) <= policy.soak + sweep * 4 + .seconds(4))
        #expect((session.verification.longestInterval > policy.interval) == (size > 400))
    }
}

/// A session in simulated time over hosts that all serve the target, with one answer per turn.
private struct OverloadedSession {
    private(set) var verification: Verification
    private var queue: PollSchedule
    private var inFlight: [(id: UInt64, host: Int, nonce: String, askedAt: Duration)] = []

    init(_ verification: Verification) {
        self.verification = verification
        queue = PollSchedule(noncePrefix: "run", interval: verification.policy.interval, limit: 64)
    }

    mutating func run(every turn: Duration) {
        take(.started)
        var now = Duration.zero
        while verification.conclusion == nil, now < verification.policy.timeout {
            for (id, request) in queue.takeDue(at: now) {
                inFlight.append((id, request.host, request.nonce, now))
                take(.asked([request.host], at: now))
            }
            now += turn
            if !inFlight.isEmpty {
                let (id, host, nonce, askedAt) = inFlight.removeFirst()
                _ = queue.finish(id, latency: now - askedAt)
                take(
                    .sample(
                        Sample(
                            host: host, askedAt: askedAt, answeredAt: now, nonce: nonce,
                            answer: .document(Answer().document(host: host, nonce: nonce)))))
            }
            if let kept = queue.announcedInterval(at: now, known: verification.timing.interval) {
                take(.paced(interval: kept, at: now))
            }
            take(.time(now))
        }
    }

    private mutating func take(_ input: Verification.Input) {
        for case .ask(let host, let moment) in verification.take(input) {
            queue.schedule(host, at: moment, verification.tracks[host].status == .converged ? .settled : .open)
        }
    }
}
