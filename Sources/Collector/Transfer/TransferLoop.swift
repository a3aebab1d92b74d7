import CCurl

/// What the engine's thread does, turn by turn: act on sockets, read results, take orders, start what the window admits,
/// publish, wait.
///
/// Not `Sendable`: made by the engine, handed over to the thread once, and never seen by another. All libcurl calls and
/// callbacks happen inside ``run()``.
final class TransferLoop {
    private let limits: TransferLimits
    private let inbox: CommandQueue
    private let outbox: CompletionQueue
    private let poller: SocketPoller
    private let multis: [CurlMulti]
    private let budget: ConnectionBudget
    private let trust = DefaultTrust()

    private var queue = TransferQueue()
    private var underWay: [TransferSlot] = []
    private var idle: [TransferSlot] = []
    private var batch: [TransferCompletion] = []
    private var isStopping = false

    /// New transfers a turn, so that sockets and orders are looked at in between.
    private static let startsPerTurn = 16

    init(
        limits: TransferLimits,
        inbox: CommandQueue,
        outbox: CompletionQueue,
        wakeup: WakeupDescriptor
    ) throws(TransferClientError) {
        self.limits = limits
        self.inbox = inbox
        self.outbox = outbox
        budget = ConnectionBudget(limits: limits)
        poller = try SocketPoller(wakeup: wakeup)
        var multis: [CurlMulti] = []
        let kept = max(1, limits.keptConnections / limits.multiHandles)
        do {
            for index in 0..<limits.multiHandles {
                multis.append(try CurlMulti(index: index, poller: poller, keptConnections: kept))
            }
        } catch {
            for multi in multis { multi.close() }
            poller.close()
            throw error
        }
        self.multis = multis
    }

    /// Works until told to stop, then ends what is left and frees everything.
    func run() {
        while !isStopping {
            for event in poller.events { multis[event.multi].act(on: event) }
            collect()
            // Before the room is looked at: what ended just now waits for a reader, too.
            publish()
            for command in inbox.takeAll() { obey(command) }
            budget.waiting = outbox.waitingBytes(holdBack: limits.memoryBytes - budget.arriving)
            start()
            expire()
            collect()
            publish()
            if !isStopping { poller.wait(milliseconds: patience()) }
        }
        cancelUnderWay { _ in true }
        cancelQueued { _ in true }
        publish()
        outbox.finish()
        close()
    }

    /// Frees what ``run()`` would have freed, where it never ran.
    func close() {
        // Kept connections use the poller to close, slots are in no handle any more.
        for multi in multis { multi.close() }
        for slot in idle { slot.close() }
        idle = []
        poller.close()
    }

    // MARK: Orders

    private func obey(_ command: CommandQueue.Command) {
        switch command {
        case .submit(let requests):
            queue.append(requests)
        case .cancelIDs(let ids):
            cancelUnderWay { ids.contains($0.id) }
            cancelQueued { ids.contains($0.id) }
        case .cancelLane(let lane):
            cancelUnderWay { $0.lane == lane }
            cancelQueued { $0.lane == lane }
        case .stop:
            isStopping = true
        }
    }

    private func cancelUnderWay(where matches: (TransferSlot) -> Bool) {
        for slot in underWay.filter(matches) { end(slot, .failure(.cancelled)) }
    }

    private func cancelQueued(where matches: (TransferRequest) -> Bool) {
        for request in queue.removeAll(where: matches) { fail(request, .cancelled) }
    }

    // MARK: Start and end

    private func multi(of lane: Int) -> CurlMulti {
        multis[Int(lane.magnitude % UInt(multis.count))]
    }

    private var mayStart: Bool {
        !queue.isEmpty && underWay.count < limits.concurrency && budget.hasRoom
    }

    private func start() {
        guard !isStopping else { return }
        var started = 0
        while started < Self.startsPerTurn, mayStart, let request = queue.popFirst() {
            started += 1
            start(request)
        }
    }

    private func start(_ request: TransferRequest) {
        guard let slot = idle.popLast() ?? TransferSlot(poller: poller, budget: budget) else {
            fail(request, .local("out of memory"))
            return
        }
        let objection = slot.prepare(request, trust: trust)
        guard objection == nil, multi(of: request.lane).add(slot.easy) else {
            slot.wipe()
            idle.append(slot)
            fail(request, objection ?? .local("libcurl did not take the transfer"))
            return
        }
        slot.position = underWay.count
        underWay.append(slot)
    }

    private func fail(_ request: TransferRequest, _ failure: TransferFailure) {
        let now = ContinuousClock.now
        batch.append(
            TransferCompletion(
                id: request.id, lane: request.lane, startedAt: now, finishedAt: now, outcome: .failure(failure)))
    }

    private func end(_ slot: TransferSlot, _ outcome: Result<TransferResponse, TransferFailure>) {
        multi(of: slot.lane).remove(slot.easy)
        batch.append(
            TransferCompletion(
                id: slot.id, lane: slot.lane, startedAt: slot.startedAt, finishedAt: .now, outcome: outcome))
        slot.wipe()
        if let last = underWay.popLast(), last !== slot {
            last.position = slot.position
            underWay[slot.position] = last
        }
        idle.append(slot)
    }

    // MARK: Time and results

    /// Lets every multi handle whose deadline came do what it waited for.
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
        outbox.publish(batch)
        batch = []
    }

    /// Milliseconds to wait, rounded up: 0 where there is something to do, -1 without end.
    private func patience() -> Int32 {
        if mayStart { return 0 }
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
