import Glibc
import NIOCore
import Shared
import Synchronization

/// The constants of a fleet, which its loops share.
struct FleetPlan: Sendable {
    let hosts: Int
    let service: [UInt8]
    /// By ``HostState/template``.
    let templates: [DocumentTemplate]
    let schedule: Schedule
    let holdsRequests: Bool

    init(
        hosts: Int, service: String, former: (GitSHA?, Digest?), target: (GitSHA?, Digest?), schedule: Schedule,
        holdsRequests: Bool
    ) throws {
        self.hosts = hosts
        self.service = Array(service.utf8)
        self.schedule = schedule
        self.holdsRequests = holdsRequests
        templates = try [former, target].flatMap { build in
            try [ServiceState.serving, .unhealthy].map { state in
                try DocumentTemplate(.init(sha: build.0, digest: build.1, state: state, service: service))
            }
        }
    }

    /// The address of host 0; the others follow.
    private static let firstAddress: UInt32 = 0x7F01_0001

    /// The host at an IPv4 address, from 0; nil for an address without a host.
    func host(at address: UInt32) -> Int? {
        guard address >= Self.firstAddress else { return nil }
        let host = Int(address - Self.firstAddress)
        return host < hosts ? host : nil
    }

    /// The address of a host in dotted form.
    static func address(of host: Int) -> String {
        let value = firstAddress + UInt32(host)
        return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }

    /// The name of a host in inventories and documents.
    static func name(of host: Int) -> String {
        let digits = String(host + 1)
        return "host-" + String(repeating: "0", count: max(0, DocumentTemplate.hostDigits - digits.count)) + digits
    }
}

/// Counts of all loops.
final class FleetCounters: Sendable {
    let requests = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let open = Atomic<Int>(0)
    let held = Atomic<Int>(0)
    /// Microseconds from the start until the first request; 0 before it.
    let firstRequest = Atomic<Int>(0)

    func count(_ counter: borrowing Atomic<Int>, by change: Int = 1) {
        counter.add(change, ordering: .relaxed)
    }
}

/// One event loop's copy of the hosts' states, which advances by itself: loops share nothing that changes.
final class FleetLoop {
    let plan: FleetPlan
    let counters: FleetCounters
    private let loop: any EventLoop
    private var states: [HostState]
    private var entries: [Schedule.Entry]
    private var next = 0
    private var timer: Scheduled<Void>?
    private var startedAt = NIODeadline.now()
    private var held: [Int: [ObjectIdentifier: FleetConnection]] = [:]
    /// Reused by all answers of the loop.
    var output = ByteBuffer()
    private var date: [UInt8] = []
    private var dateUntil = NIODeadline.uptimeNanoseconds(0)

    init(plan: FleetPlan, counters: FleetCounters, loop: any EventLoop) {
        self.plan = plan
        self.counters = counters
        self.loop = loop
        states = Array(repeating: HostState(), count: plan.hosts)
        entries = plan.schedule.entries
    }

    func state(of host: Int) -> HostState { states[host] }

    func countRequest() {
        counters.count(counters.requests)
        guard counters.firstRequest.load(ordering: .relaxed) == 0 else { return }
        let elapsed = max(1, Int((NIODeadline.now() - startedAt).nanoseconds / 1_000))
        _ = counters.firstRequest.compareExchange(expected: 0, desired: elapsed, ordering: .relaxed)
    }

    /// The time of day in RFC 3339, at most 50 ms old.
    func observedAt() -> [UInt8] {
        let now = NIODeadline.now()
        if now >= dateUntil {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            date = Array(
                RFC3339.text(unixMilliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000).utf8)
            dateUntil = now + .milliseconds(50)
        }
        return date
    }

    /// Starts the script.
    func start(at moment: NIODeadline) {
        startedAt = moment
        advance()
    }

    /// Plays another script from a moment on.
    func add(_ schedule: Schedule, at moment: NIODeadline) {
        let delay = UInt64(max(0, (moment - startedAt).nanoseconds / 1_000))
        entries.removeFirst(next)
        next = 0
        entries += schedule.entries.map { entry in
            var entry = entry
            entry.time += delay
            return entry
        }
        entries.sort { $0.time < $1.time }
        advance()
    }

    /// Makes all changes that are due, and answers the held requests that they affect.
    private func advance() {
        let elapsed = UInt64(max(0, (NIODeadline.now() - startedAt).nanoseconds / 1_000))
        while next < entries.count, entries[next].time <= elapsed {
            let host = Int(entries[next].host)
            let before = states[host]
            states[host].apply(entries[next].change)
            next += 1
            if !held.isEmpty, before != states[host], let waiting = held[host] {
                for connection in waiting.values { connection.hostChanged() }
            }
        }
        guard next < entries.count else { return }
        let due = startedAt + .microseconds(Int64(entries[next].time))
        // Changes within a millisecond are made together.
        timer?.cancel()
        timer = loop.assumeIsolated().scheduleTask(deadline: due + .microseconds(500)) { self.advance() }
    }

    func hold(_ connection: FleetConnection, host: Int) {
        held[host, default: [:]][ObjectIdentifier(connection)] = connection
        counters.count(counters.held)
    }

    func letGo(_ connection: FleetConnection, host: Int) {
        guard held[host]?.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if held[host]?.isEmpty == true { held[host] = nil }
        counters.count(counters.held, by: -1)
    }
}
