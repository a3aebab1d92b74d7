import CCurl
import Glibc
import Synchronization

/// The loop of the transfer thread. Each turn acts on sockets, collects results, takes commands, starts requests, publishes
/// completions and waits.
///
/// Not `Sendable`: handed to the thread once and used by no other. All libcurl calls and callbacks happen inside ``run()``.
final class TransferLoop {
    private let limits: TransferLimits
    private let commands: CommandQueue
    private let completions: CompletionQueue
    private let poller: SocketPoller
    private let multis: [CurlMulti]
    private let budget: ConnectionBudget
    private let trust = DefaultTrust()

    private var queue = TransferQueue()
    private var active: [TransferSlot] = []
    private var idle: [TransferSlot] = []
    private var batch: [TransferCompletion] = []
    private var isStopping = false
    /// The last start of a transfer.
    private var lastStart = ContinuousClock.now
    /// The last time at which this machine lacked a port, a descriptor or memory.
    private var lastShortage: ContinuousClock.Instant?

    /// After a shortage, connections are not kept for this time, so that every host gets its turn.
    private static let thrift = Duration.seconds(60)
    /// The most transfers started in one turn, so that sockets and commands are served in between.
    private static let startsPerTurn = 16
    /// After so long without a start, all transfers in progress are held by their hosts or silent.
    private static let calm = Duration.seconds(1)
    /// How long the first end after a calm waits for others, in microseconds: held requests of one round end together.
    private static let gathering: useconds_t = 50_000
    /// The most handles kept between requests, of about 10 KB each.
    private static let idleSlots = 512

    init(
        limits: TransferLimits,
        commands: CommandQueue,
        completions: CompletionQueue,
        wakeup: WakeupDescriptor
    ) throws(TransferClientError) {
        self.limits = limits
        self.commands = commands
        self.completions = completions
        budget = ConnectionBudget(limits: limits)
        poller = try SocketPoller(wakeup: wakeup)
        var multis: [CurlMulti] = []
        do {
            for index in 0..<limits.multiHandles {
                multis.append(try CurlMulti(index: index, poller: poller, connections: limits.connectionsPerMulti))
            }
        } catch {
            for multi in multis { multi.close() }
            poller.close()
            throw error
        }
        self.multis = multis
    }

    /// Runs until stopped, then ends the remaining requests and frees all resources.
    func run() {
        while !isStopping {
            if let lastShortage { poller.isShort = ContinuousClock.now - lastShortage < Self.thrift }
            for event in poller.events { multis[event.multi].act(on: event) }
            collect()
            // Before the budget is read: requests that just ended wait for the reader, too.
            publish()
            for command in commands.takeAll() { perform(command) }
            budget.waiting = completions.waitingBytes(holdBack: limits.memoryBytes - budget.arriving)
            start()
            expire()
            collect()
            publish()
            guard !isStopping else { break }
            poller.wait(milliseconds: waitTime())
            if !poller.events.isEmpty, queue.isEmpty, ContinuousClock.now - lastStart >= Self.calm { gather() }
        }
        guard !commands.isAbandoned.load(ordering: .relaxed) else { return completions.finish() }
        cancelActive { _ in true }
        cancelQueued { _ in true }
        publish()
        completions.finish()
        // To close thousands of connections takes as long as to report on them, and gives way to the report.
        _ = nice(5)
        close()
    }

    /// Lets the ends of held requests come together, so that they take one turn of every thread instead of one each.
    private func gather() {
        usleep(Self.gathering)
        poller.takeAgain()
    }

    /// Frees all resources. Called by ``run()``, or instead of it.
    func close() {
        // Kept connections close through the poller. By now all slots have left their multi handles.
        for multi in multis { multi.close() }
        for slot in idle { slot.close() }
        idle = []
        poller.close()
    }

    // MARK: Commands

    private func perform(_ command: CommandQueue.Command) {
        switch command {
        case .submit(let requests):
            queue.append(requests)
        case .cancelIDs(let ids):
            cancelActive { ids.contains($0.id) }
            cancelQueued { ids.contains($0.id) }
        case .cancelLane(let lane):
            cancelActive { $0.lane == lane }
            cancelQueued { $0.lane == lane }
        case .stop:
            isStopping = true
        }
    }

    private func cancelActive(where matches: (TransferSlot) -> Bool) {
        for slot in active.filter(matches) { end(slot, .failure(.cancelled)) }
    }

    private func cancelQueued(where matches: (TransferRequest) -> Bool) {
        for request in queue.removeAll(where: matches) { fail(request, .cancelled) }
    }

    // MARK: Start and end

    private func multi(of lane: Int) -> CurlMulti {
        multis[limits.multiHandle(lane: lane)]
    }

    /// True if the request's connection stays open after its response.
    private func keepsConnection(of request: TransferRequest) -> Bool {
        !poller.isShort && request.keepsConnection && limits.keepsConnection(lane: request.lane)
    }

    private var canStart: Bool {
        !queue.isEmpty && active.count < limits.concurrency && budget.hasRoom
    }

    private func start() {
        guard !isStopping else { return }
        var started = 0
        while started < Self.startsPerTurn, canStart, let request = queue.popFirst() {
            started += 1
            start(request)
        }
    }

    private func start(_ request: TransferRequest) {
        guard let slot = idle.popLast() ?? TransferSlot(poller: poller, budget: budget) else {
            fail(request, .local("out of memory"))
            return
        }
        let failure = slot.prepare(request, keepsConnection: keepsConnection(of: request), trust: trust)
        guard failure == nil, multi(of: request.lane).add(slot.easy) else {
            slot.wipe(isReusable: false)
            retire(slot)
            fail(request, failure ?? .local("libcurl did not take the transfer"))
            return
        }
        slot.position = active.count
        active.append(slot)
        lastStart = slot.startedAt
    }

    private func fail(_ request: TransferRequest, _ failure: TransferFailure) {
        let now = ContinuousClock.now
        batch.append(
            TransferCompletion(
                id: request.id, lane: request.lane, startedAt: now, finishedAt: now, outcome: .failure(failure)))
    }

    private func end(_ slot: TransferSlot, _ outcome: Result<TransferResponse, TransferFailure>) {
        if case .failure(.local) = outcome {
            lastShortage = .now
            poller.isShort = true
        }
        multi(of: slot.lane).remove(slot.easy)
        batch.append(
            TransferCompletion(
                id: slot.id, lane: slot.lane, startedAt: slot.startedAt, finishedAt: .now, outcome: outcome))
        if case .success = outcome { slot.wipe(isReusable: true) } else { slot.wipe(isReusable: false) }
        if let last = active.popLast(), last !== slot {
            last.position = slot.position
            active[slot.position] = last
        }
        retire(slot)
    }

    /// Keeps a slot for the next request, or frees it if enough are kept.
    private func retire(_ slot: TransferSlot) {
        if idle.count < Self.idleSlots { idle.append(slot) } else { slot.close() }
    }

    // MARK: Time and results

    /// Lets every multi handle act whose deadline has passed.
    private func expire() {
        let now = ContinuousClock.now
        for multi in multis {
            switch multi.deadline {
            case .never: break
            case .now: multi.expire()
            case .at(let instant): if instant <= now { multi.expire() }
            }
        }
    }

    private func collect() {
        for multi in multis {
            while let (easy, code) = multi.nextFinished() {
                guard let slot = TransferSlot.owner(of: easy) else { continue }
                end(slot, slot.outcome(code))
            }
        }
    }

    private func publish() {
        guard !batch.isEmpty else { return }
        completions.publish(batch)
        batch = []
    }

    /// Milliseconds to wait, rounded up; 0 if there is work to do, -1 for no limit.
    private func waitTime() -> Int32 {
        if canStart { return 0 }
        var earliest: ContinuousClock.Instant?
        for multi in multis {
            switch multi.deadline {
            case .never: break
            case .now: return 0
            case .at(let instant): earliest = min(earliest ?? instant, instant)
            }
        }
        guard let earliest else { return -1 }
        let left = ContinuousClock.now.duration(to: earliest).components
        guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
        return Int32(clamping: min(left.seconds, 60) * 1_000 + left.attoseconds / 1_000_000_000_000_000 + 1)
    }
}

/// A first-in, first-out queue with amortised O(1) removal.
struct TransferQueue {
    private var elements: [TransferRequest] = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { head == elements.count }

    mutating func append(_ requests: [TransferRequest]) {
        elements.append(contentsOf: requests)
    }

    mutating func popFirst() -> TransferRequest? {
        guard head < elements.count else { return nil }
        let first = elements[head]
        head += 1
        // Compact when half of the array is consumed, so that removal is amortised O(1).
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }

    /// Takes out what matches, in order.
    mutating func removeAll(where matches: (TransferRequest) -> Bool) -> [TransferRequest] {
        let removed = elements[head...].filter(matches)
        guard !removed.isEmpty else { return [] }
        elements = elements[head...].filter { !matches($0) }
        head = 0
        return removed
    }
}
