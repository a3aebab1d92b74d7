import Testing

@testable import Agent

/// The schedule under a made-up clock.
@Suite struct RefreshScheduleTests {
    /// What happens when, in milliseconds since the start.
    private struct World {
        var schedule: RefreshSchedule
        let origin = ContinuousClock.now
        var now = 0
        /// How long a look takes.
        var lookTime = 20
        /// When looks began.
        private(set) var looks: [Int] = []
        var succeeds = true
        /// Whether the next look finds a change.
        var changes = false
        /// When the look under way ends.
        private var ends: Int?

        init(_ pace: RefreshSchedule.Pace = .engines) { schedule = RefreshSchedule(pace) }

        func instant(_ time: Int) -> ContinuousClock.Instant { origin + .milliseconds(time) }

        /// Runs until a time, with events on the way.
        mutating func run(to end: Int, events: [Int] = []) {
            var events = events[...]
            while true {
                while let event = events.first, event <= now {
                    schedule.told(at: instant(now))
                    events = events.dropFirst()
                }
                var times = [end]
                if let event = events.first { times.append(event) }
                if let ends { times.append(ends) }
                switch schedule.next(at: instant(now)) {
                case .look:
                    schedule.began(at: instant(now))
                    looks.append(now)
                    ends = now + lookTime
                    continue
                case .wait(let until):
                    // Never in the past: that would be a loop without a pause.
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

        /// A stream stands, and the look that had to follow was made.
        mutating func becomeCalm() {
            schedule.follows(true, at: instant(now))
            run(to: now + 4_000)
        }
    }

    @Test("Without a stream it looks every two seconds")
    func wary() {
        var world = World()
        world.run(to: 9_000)
        #expect(world.looks == [0, 2_000, 4_000, 6_000, 8_000])
    }

    @Test("With a stream it looks once more after a moment, since engines subscribe late, then every 30 seconds")
    func calm() {
        var world = World()
        world.run(to: 500)
        world.schedule.follows(true, at: world.instant(500))
        world.run(to: 100_000, events: [500])
        #expect(world.looks == [0, 500, 2_500, 32_500, 62_500, 92_500])
    }

    @Test("A file's announcements count from the look that set them up: ten seconds at once")
    func files() {
        var world = World(.files)
        world.schedule.follows(true, at: world.instant(0))
        world.run(to: 25_000)
        #expect(world.looks == [0, 10_000, 20_000])
    }

    @Test("An event is looked at in the same moment")
    func immediate() {
        var world = World()
        world.becomeCalm()
        let before = world.looks.count
        world.run(to: 12_000, events: [10_123])
        #expect(world.looks.dropFirst(before) == [10_123])
    }

    @Test("Events during a look cause exactly one more look, behind it", arguments: [1, 2, 50])
    func duringLook(count: Int) {
        var world = World()
        world.becomeCalm()
        world.lookTime = 500
        let before = world.looks.count
        world.run(to: 15_000, events: [10_000] + (0..<count).map { 10_100 + $0 * 3 })
        #expect(world.looks.dropFirst(before) == [10_000, 10_500])
    }

    @Test(
        "A storm of 10,000 events causes at most 20 looks in any second, starves nobody, and its last event is seen",
        arguments: [(1, 5), (20, 5), (90, 5), (700, 5), (20, 1), (20, 50)], [0, 7])
    func storm(shape: (lookTime: Int, perFiveMilliseconds: Int), offset: Int) throws {
        var world = World()
        world.becomeCalm()
        world.lookTime = shape.lookTime
        let before = world.looks.count
        let events = (0..<10_000).map { 5_000 + offset + $0 / shape.perFiveMilliseconds * 5 }
        let last = try #require(events.last)
        world.run(to: last + 2_000, events: events)
        let looks = Array(world.looks.dropFirst(before))
        #expect(looks.first == events.first)
        let densest = looks.map { look in looks.count { (look..<look + 1_000).contains($0) } }.max() ?? 0
        #expect(densest <= 20)
        let pauses = zip(looks, looks.dropFirst()).filter { $0.0 < last }.map { $0.1 - $0.0 }
        #expect(pauses.max() ?? 0 <= max(75, shape.lookTime) + 1)
        // A look that began before the event may have missed it.
        let final = try #require(looks.first { $0 >= last })
        #expect(final - last <= max(75, shape.lookTime) + 1)
        #expect(looks.last == final, "and nothing more is looked at behind it")
    }

    @Test("A few events close together are each looked at at once")
    func burst() {
        var world = World()
        world.becomeCalm()
        world.lookTime = 5
        let before = world.looks.count
        world.run(to: 20_000, events: [10_000, 10_010, 10_020, 10_030, 10_040])
        #expect(world.looks.dropFirst(before) == [10_000, 10_010, 10_020, 10_030, 10_040])
    }

    @Test("When the stream ends it looks at once and then every two seconds; a new stream starts anew")
    func lost() {
        var world = World()
        world.becomeCalm()
        world.run(to: 10_000)
        let before = world.looks.count
        world.schedule.follows(false, at: world.instant(10_000))
        world.run(to: 14_900, events: [10_000])
        #expect(world.looks.dropFirst(before) == [10_000, 12_000, 14_000])
        world.schedule.follows(true, at: world.instant(14_900))
        world.run(to: 60_000, events: [14_900])
        #expect(world.looks.dropFirst(before + 3) == [14_900, 16_900, 46_900])
    }

    @Test("While looks fail it looks every two seconds, stream or not: an engine that hangs keeps its stream")
    func failing() {
        var world = World()
        world.becomeCalm()
        world.succeeds = false
        let before = world.looks.count
        world.run(to: 16_900, events: [10_000])
        #expect(world.looks.dropFirst(before) == [10_000, 12_000, 14_000, 16_000])
        world.succeeds = true
        world.run(to: 70_000)
        #expect(world.looks.dropFirst(before + 4) == [18_000, 48_000])
    }

    @Test("After a change that nobody announced, it looks every two seconds for a minute")
    func surprise() {
        var world = World()
        world.becomeCalm()
        let before = world.looks.count
        world.changes = true
        world.run(to: 99_000)
        let looks = world.looks.dropFirst(before)
        #expect(looks.prefix(3) == [32_000, 34_000, 36_000])
        #expect(looks.last == 92_000 || looks.last == 94_000)
        #expect(looks.count >= 30)
        world.run(to: 130_000)
        #expect(world.looks.count <= before + looks.count + 2)
    }

    @Test("A change that was announced is no surprise, also when the announcement comes during the look")
    func announced() {
        for event in [10_000, 32_010] {
            var world = World()
            world.becomeCalm()
            world.changes = event == 32_010
            let before = world.looks.count
            if event == 10_000 {
                world.run(to: 9_999)
                world.changes = true
            }
            world.run(to: 50_000, events: [event])
            #expect(world.looks.dropFirst(before).count <= 3, "\(world.looks)")
        }
    }

    @Test("A look that somebody asked for counts: the next regular one is due later, and an older event is seen by it")
    func joined() {
        var world = World()
        world.run(to: 1_000)
        world.schedule.told(at: world.instant(1_000))
        world.schedule.began(at: world.instant(1_000))
        world.schedule.ended(at: world.instant(1_020), succeeded: true, changed: true)
        #expect(world.schedule.next(at: world.instant(1_020)) == .wait(until: world.instant(3_000)))
    }

    @Test("What is not over is looked at a moment later, and at once when it is over")
    func delayed() {
        var world = World(.files)
        world.schedule.follows(true, at: world.instant(0))
        world.run(to: 5_000)
        world.schedule.told(at: world.instant(5_000), after: .milliseconds(200))
        // Later ones do not push it away.
        world.schedule.told(at: world.instant(5_100), after: .milliseconds(200))
        #expect(world.schedule.next(at: world.instant(5_100)) == .wait(until: world.instant(5_200)))
        world.schedule.told(at: world.instant(5_150))
        #expect(world.schedule.next(at: world.instant(5_150)) == .look)
    }

    @Test("A look that begins before what is under way is over does not count for it")
    func delayedKept() {
        var world = World(.files)
        world.run(to: 100)
        world.schedule.told(at: world.instant(100), after: .milliseconds(200))
        world.schedule.began(at: world.instant(150))
        world.schedule.ended(at: world.instant(160), succeeded: true, changed: false)
        #expect(world.schedule.next(at: world.instant(160)) == .wait(until: world.instant(300)))
    }
}
