import Testing

@testable import Agent
@testable import AgentCore

/// The schedule under a simulated clock.
@Suite struct RefreshScheduleTests {
    /// A simulation, with times in milliseconds since its start.
    private struct World {
        var schedule: RefreshSchedule
        let origin = ContinuousClock.now
        var now = 0
        /// The duration of a refresh.
        var duration = 20
        /// The start times of the refreshes.
        private(set) var starts: [Int] = []
        var succeeds = true
        /// True if the next refresh finds a change.
        var changes = false
        /// The end of the refresh in flight.
        private var ends: Int?

        init(_ pace: RefreshSchedule.Pace = .engines) { schedule = RefreshSchedule(pace) }

        func instant(_ time: Int) -> ContinuousClock.Instant { origin + .milliseconds(time) }

        /// Runs until a time, with events at the given times.
        mutating func run(to end: Int, events: [Int] = []) {
            var events = events[...]
            while true {
                while let event = events.first, event <= now {
                    schedule.request(at: instant(now))
                    events = events.dropFirst()
                }
                var times = [end]
                if let event = events.first { times.append(event) }
                if let ends { times.append(ends) }
                switch schedule.next(at: instant(now)) {
                case .refresh:
                    schedule.began(at: instant(now))
                    starts.append(now)
                    ends = now + duration
                    continue
                case .wait(let until):
                    // A time in the past would cause a loop without a pause.
                    #expect(until > instant(now))
                    times.append(milliseconds(until))
                case .busy: #expect(ends != nil)
                }
                now = max(now, times.min() ?? end)
                if let over = ends, over <= now {
                    schedule.ended(at: instant(now), succeeded: succeeds, changed: changes)
                    changes = false
                    ends = nil
                }
                if now >= end, events.isEmpty { break }
            }
        }

        private func milliseconds(_ instant: ContinuousClock.Instant) -> Int {
            let (seconds, attoseconds) = (instant - origin).components
            return Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        }

        /// Makes events available, and runs past the refresh that has to follow.
        mutating func becomeCalm() {
            schedule.setEventsAvailable(true, at: instant(now))
            run(to: now + 4_000)
        }
    }

    @Test("Without events, a refresh starts every two seconds")
    func wary() {
        var world = World()
        world.run(to: 9_000)
        #expect(world.starts == [0, 2_000, 4_000, 6_000, 8_000])
    }

    @Test("With events, one more refresh follows, since engines subscribe late; then one every 30 seconds")
    func calm() {
        var world = World()
        world.run(to: 500)
        world.schedule.setEventsAvailable(true, at: world.instant(500))
        world.run(to: 100_000, events: [500])
        #expect(world.starts == [0, 500, 2_500, 32_500, 62_500, 92_500])
    }

    @Test("A file's events count from the refresh that armed the watch: the next one is ten seconds later")
    func files() {
        var world = World(.files)
        world.schedule.setEventsAvailable(true, at: world.instant(0))
        world.run(to: 25_000)
        #expect(world.starts == [0, 10_000, 20_000])
    }

    @Test("An event makes a refresh due at once")
    func immediate() {
        var world = World()
        world.becomeCalm()
        let before = world.starts.count
        world.run(to: 12_000, events: [10_123])
        #expect(world.starts.dropFirst(before) == [10_123])
    }

    @Test("Events during a refresh cause exactly one more after it", arguments: [1, 2, 50])
    func duringLook(count: Int) {
        var world = World()
        world.becomeCalm()
        world.duration = 500
        let before = world.starts.count
        world.run(to: 15_000, events: [10_000] + (0..<count).map { 10_100 + $0 * 3 })
        #expect(world.starts.dropFirst(before) == [10_000, 10_500])
    }

    @Test(
        "10,000 events cause at most 20 refreshes per second, and the last event is seen",
        arguments: [(1, 5), (20, 5), (90, 5), (700, 5), (20, 1), (20, 50)], [0, 7])
    func storm(shape: (duration: Int, perFiveMilliseconds: Int), offset: Int) throws {
        var world = World()
        world.becomeCalm()
        world.duration = shape.duration
        let before = world.starts.count
        let events = (0..<10_000).map { 5_000 + offset + $0 / shape.perFiveMilliseconds * 5 }
        let last = try #require(events.last)
        world.run(to: last + 2_000, events: events)
        let starts = Array(world.starts.dropFirst(before))
        #expect(starts.first == events.first)
        let densest = starts.map { start in starts.count { (start..<start + 1_000).contains($0) } }.max() ?? 0
        #expect(densest <= 20)
        let pauses = zip(starts, starts.dropFirst()).filter { $0.0 < last }.map { $0.1 - $0.0 }
        #expect(pauses.max() ?? 0 <= max(75, shape.duration) + 1)
        // A refresh that began before the event can have missed it.
        let final = try #require(starts.first { $0 >= last })
        #expect(final - last <= max(75, shape.duration) + 1)
        #expect(starts.last == final, "and no refresh follows it")
    }

    @Test("Each of a few events close together makes a refresh due at once")
    func burst() {
        var world = World()
        world.becomeCalm()
        world.duration = 5
        let before = world.starts.count
        world.run(to: 20_000, events: [10_000, 10_010, 10_020, 10_030, 10_040])
        #expect(world.starts.dropFirst(before) == [10_000, 10_010, 10_020, 10_030, 10_040])
    }

    @Test("Without events again, a refresh is due at once and then every two seconds")
    func lost() {
        var world = World()
        world.becomeCalm()
        world.run(to: 10_000)
        let before = world.starts.count
        world.schedule.setEventsAvailable(false, at: world.instant(10_000))
        world.run(to: 14_900, events: [10_000])
        #expect(world.starts.dropFirst(before) == [10_000, 12_000, 14_000])
        world.schedule.setEventsAvailable(true, at: world.instant(14_900))
        world.run(to: 60_000, events: [14_900])
        #expect(world.starts.dropFirst(before + 3) == [14_900, 16_900, 46_900])
    }

    @Test("While refreshes fail, one starts every two seconds, since a hung engine keeps its stream open")
    func failing() {
        var world = World()
        world.becomeCalm()
        world.succeeds = false
        let before = world.starts.count
        world.run(to: 16_900, events: [10_000])
        #expect(world.starts.dropFirst(before) == [10_000, 12_000, 14_000, 16_000])
        world.succeeds = true
        world.run(to: 70_000)
        #expect(world.starts.dropFirst(before + 4) == [18_000, 48_000])
    }

    @Test("After a change without an event, a refresh starts every two seconds for a minute")
    func surprise() {
        var world = World()
        world.becomeCalm()
        let before = world.starts.count
        world.changes = true
        world.run(to: 99_000)
        let starts = world.starts.dropFirst(before)
        #expect(starts.prefix(3) == [32_000, 34_000, 36_000])
        #expect(starts.last == 92_000 || starts.last == 94_000)
        #expect(starts.count >= 30)
        world.run(to: 130_000)
        #expect(world.starts.count <= before + starts.count + 2)
    }

    @Test("A change with an event does not reduce the trust in events, even if the event comes during the refresh")
    func announced() {
        for event in [10_000, 32_010] {
            var world = World()
            world.becomeCalm()
            world.changes = event == 32_010
            let before = world.starts.count
            if event == 10_000 {
                world.run(to: 9_999)
                world.changes = true
            }
            world.run(to: 50_000, events: [event])
            #expect(world.starts.dropFirst(before).count <= 3, "\(world.starts)")
        }
    }

    @Test("A refresh on request replaces the next regular one, and covers earlier events")
    func joined() {
        var world = World()
        world.run(to: 1_000)
        world.schedule.request(at: world.instant(1_000))
        world.schedule.began(at: world.instant(1_000))
        world.schedule.ended(at: world.instant(1_020), succeeded: true, changed: true)
        #expect(world.schedule.next(at: world.instant(1_020)) == .wait(until: world.instant(3_000)))
    }

    @Test("An incomplete change is refreshed after a delay, and at once when it is complete")
    func delayed() {
        var world = World(.files)
        world.schedule.setEventsAvailable(true, at: world.instant(0))
        world.run(to: 5_000)
        world.schedule.request(at: world.instant(5_000), after: .milliseconds(200))
        // Later requests do not delay it.
        world.schedule.request(at: world.instant(5_100), after: .milliseconds(200))
        #expect(world.schedule.next(at: world.instant(5_100)) == .wait(until: world.instant(5_200)))
        world.schedule.request(at: world.instant(5_150))
        #expect(world.schedule.next(at: world.instant(5_150)) == .refresh)
    }

    @Test("A refresh before the end of the delay does not cover the change")
    func delayedKept() {
        var world = World(.files)
        world.run(to: 100)
        world.schedule.request(at: world.instant(100), after: .milliseconds(200))
        world.schedule.began(at: world.instant(150))
        world.schedule.ended(at: world.instant(160), succeeded: true, changed: false)
        #expect(world.schedule.next(at: world.instant(160)) == .wait(until: world.instant(300)))
    }
}
