import Shared

/// The history of a host's instances on the target: restarts, replacements and their number.
///
/// A restart is the same id with a higher restart count or another start time, or another id in the slot of one that is
/// gone, with or without a gap in which nothing ran. One instance more, or one less, is scaling.
///
/// Restarts are counted per slot of the service, so that a rolling restart of three replicas is three single restarts and
/// not a loop.
struct InstanceHistory: Sendable {
    /// A crash loop as it was observed.
    struct Loop: Hashable, Sendable {
        var name: String
        /// Restarts within ``span``; 2 or more.
        var count: Int
        var span: Duration
    }

    fileprivate struct Restart {
        /// The slot's running time.
        var ran: Duration
        /// The previous observation, and the one that showed the restart.
        var since: Duration
        var at: Duration
        var count: Int
    }

    /// One slot of the service, with all instances that were in it.
    fileprivate struct Place {
        var id: String
        var name: String
        var startedAt: String?
        var restartCount: Int?
        /// The time in which the slot was seen to be taken. A gap between two instances does not count, so that a supervisor
        /// that waits before it starts the next instance cannot hide the loop.
        var ran = Duration.zero
        var seenAt: Duration
        var isGone = false
        var restarts: [Restart] = []
        /// True if the instance was seen in any state but stopped, so that it ended during the verification.
        var hasRun: Bool
        var isUnhealthy: Bool
        /// True if the unhealthy result is from before the restart and the health check has had no result since.
        var inheritsHealth = false
    }

    private var places: [Place] = []
    /// Restarts since the verification's start, on the target.
    private(set) var total = 0
    /// The last exit code that was seen of any instance.
    private(set) var lastExitCode: Int?
    /// The current crash loop; nil without one, or once the service has soaked.
    private(set) var loop: Loop?

    /// The time after which an empty slot counts as scaled away while others are taken.
    private static let longestGap = Duration.seconds(60)
    /// The time after which a health check has certainly had a new result.
    private static let healthPeriod = Duration.seconds(60)

    /// Processes an observation of the target's instances.
    ///
    /// - Parameters:
    ///   - instances: not empty.
    ///   - window: two restarts of one slot within this much running time are a loop.
    mutating func take(_ instances: [Instance], at moment: Duration, window: Duration) {
        if let code = instances.compactMap(\.endingCode).first { lastExitCode = code }
        var before = places
        var next: [Place] = []
        var arrived: [Instance] = []
        let indices = Dictionary(before.indices.map { (before[$0].id, $0) }, uniquingKeysWith: { first, _ in first })
        var kept: Set<Int> = []
        for instance in instances {
            guard let index = indices[instance.id], kept.insert(index).inserted else {
                arrived.append(instance)
                continue
            }
            before[index].age(to: moment)
            note(before[index].restarts(until: instance), in: &before[index], instance, moment)
            next.append(before[index])
        }
        // Instances with the same name belong together; the others are paired in any order.
        var gone = before.indices.filter { !kept.contains($0) }
        var unnamed: [Instance] = []
        for instance in arrived {
            guard let index = gone.first(where: { before[$0].name == instance.name }) else {
                unnamed.append(instance)
                continue
            }
            gone.removeAll { $0 == index }
            note(1, in: &before[index], instance, moment)
            next.append(before[index])
        }
        for instance in unnamed {
            if let index = gone.first {
                gone.removeFirst()
                note(1, in: &before[index], instance, moment)
                next.append(before[index])
            } else {
                next.append(Place(instance, at: moment))
            }
        }
        next += gone.map { before[$0] }.compactMap { place in
            guard moment - place.seenAt <= max(Self.longestGap, window * 3) else { return nil }
            var place = place
            place.isGone = true
            return place
        }
        places = next
        for index in places.indices {
            let ran = places[index].ran
            places[index].restarts.removeAll { ran - $0.ran > window }
        }
        if let looping = places.first(where: { $0.restarts.count >= 2 }), let first = looping.restarts.first,
            let last = looping.restarts.last
        {
            let count = looping.restarts.reduce(0) { $0 + $1.count }
            loop = Loop(name: looping.name, count: count, span: last.at - first.since)
        }
    }

    private mutating func note(_ count: Int, in place: inout Place, _ instance: Instance, _ moment: Duration) {
        let since = place.seenAt
        let isSame = place.id == instance.id
        let wasUnhealthy = place.isUnhealthy
        place.become(instance, at: moment)
        guard count > 0 else { return }
        total += count
        place.inheritsHealth = isSame && wasUnhealthy && place.isUnhealthy
        place.restarts.append(Restart(ran: place.ran, since: since, at: moment, count: count))
    }

    /// No instance exists. The next ones take the slots of the previous ones.
    mutating func tookNothing() {
        for index in places.indices { places[index].isGone = true }
    }

    /// Another build runs: the history of the target's instances does not apply to later ones.
    mutating func left() {
        places = []
        loop = nil
    }

    /// The instances held for a whole soak: earlier restarts no longer count.
    mutating func soaked() {
        loop = nil
        for index in places.indices { places[index].restarts = [] }
    }

    /// True if the instance ended after the verification began: it was seen running, or was started since.
    func isNews(_ instance: Instance) -> Bool {
        places.contains { $0.id == instance.id && $0.hasRun }
    }

    /// True if the instance's health check has had a result since the last start.
    func hasDecided(_ instance: Instance) -> Bool {
        guard let place = places.first(where: { $0.id == instance.id }), place.inheritsHealth else { return true }
        return place.restarts.last.map { place.ran - $0.ran > Self.healthPeriod } ?? true
    }

    /// nil if there was no restart on the target.
    var summary: RestartSummary? { total > 0 ? RestartSummary(count: total, lastExitCode: lastExitCode) : nil }
}

extension InstanceHistory.Place {
    fileprivate init(_ instance: Instance, at moment: Duration) {
        id = instance.id
        name = instance.name
        startedAt = instance.startedAt
        restartCount = instance.restartCount
        seenAt = moment
        hasRun = instance.state != .exited
        isUnhealthy = instance.isUnhealthy
    }

    fileprivate mutating func age(to moment: Duration) {
        if !isGone { ran += max(.zero, moment - seenAt) }
    }

    fileprivate mutating func become(_ instance: Instance, at moment: Duration) {
        let isOther = id != instance.id
        id = instance.id
        name = instance.name
        startedAt = instance.startedAt
        restartCount = instance.restartCount
        seenAt = moment
        isGone = false
        hasRun = (hasRun && !isOther) || instance.state != .exited
        isUnhealthy = instance.isUnhealthy
        if !isUnhealthy { inheritsHealth = false }
    }

    /// The number of restarts up to the instance's next state: the increase of the engine's count, or one if the start or
    /// the count differs.
    fileprivate func restarts(until next: Instance) -> Int {
        if let before = restartCount, let now = next.restartCount, now > before { return now - before }
        if let before = startedAt, let now = next.startedAt, now != before { return 1 }
        if let before = restartCount, let now = next.restartCount, now != before { return 1 }
        return 0
    }
}

extension Instance {
    var isUnhealthy: Bool { state == .unhealthy || health == .unhealthy }

    /// The last exit code. A 0 counts only for a stopped or restarting instance, because engines also report it before the
    /// first end.
    fileprivate var endingCode: Int? {
        state == .exited || state == .restarting ? exitCode : exitCode.flatMap { $0 == 0 ? nil : $0 }
    }
}
