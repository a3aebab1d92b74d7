import Shared

/// The history of a host's instances on the target: restarts and replacements, and their number.
///
/// A restart is the same id with a higher restart count or another start time, or another id in the place of one that is
/// gone, whether or not there was a gap in which nothing ran. One instance more is scaling, and so is one less.
///
/// Restarts are counted for each place of the service, so that a rolling restart of three replicas is three single restarts
/// and no loop.
struct InstanceHistory: Sendable {
    /// A crash loop as it was seen.
    struct Loop: Hashable, Sendable {
        var name: String
        /// Restarts within ``span``; 2 or more.
        var count: Int
        var span: Duration
    }

    fileprivate struct Restart {
        /// In the place's own running time.
        var ran: Duration
        /// The observation before, and the one that showed it.
        var since: Duration
        var at: Duration
        var count: Int
    }

    /// One place of the service, through all the instances that were in it.
    fileprivate struct Place {
        var id: String
        var name: String
        var startedAt: String?
        var restartCount: Int?
        /// Time in which the place was seen to be taken. A gap between two instances is no part of it: a supervisor that
        /// waits before it starts the next one must not hide the loop.
        var ran = Duration.zero
        var seenAt: Duration
        var isGone = false
        var restarts: [Restart] = []
        /// It was seen in any state but stopped, so it ended during the verification.
        var hasRun: Bool
        var isUnhealthy: Bool
        /// The unhealthy result is from before the restart, until the health check has another one.
        var inheritsHealth = false
    }

    private var places: [Place] = []
    /// Restarts since the verification's start, on the target.
    private(set) var total = 0
    /// The last exit code that an instance was seen with.
    private(set) var lastExitCode: Int?
    /// The crash loop that is going on; nil if none is, or it has soaked since.
    private(set) var loop: Loop?

    /// A place that stays empty for so long while others are taken was scaled away.
    private static let longestGap = Duration.seconds(60)
    /// A health check has decided again after so long.
    private static let healthPeriod = Duration.seconds(60)

    /// Takes in an observation of the promoted build's instances.
    ///
    /// - Parameters:
    ///   - instances: not empty.
    ///   - window: two restarts of one place within so much running time are a loop.
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
        // Those of one name belong together, and of the others any two.
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

    /// No instance is there. Those that come next take the places of those before.
    mutating func tookNothing() {
        for index in places.indices { places[index].isGone = true }
    }

    /// Another build runs: the history of the target's instances does not apply to later ones.
    mutating func left() {
        places = []
        loop = nil
    }

    /// The instances held through a whole soak: earlier restarts no longer count.
    mutating func soaked() {
        loop = nil
        for index in places.indices { places[index].restarts = [] }
    }

    /// Whether the instance's end happened after the verification began: it was seen to run, or was started since.
    func isNews(_ instance: Instance) -> Bool {
        places.contains { $0.id == instance.id && $0.hasRun }
    }

    /// Whether the instance's health check has decided since its last start.
    func hasDecided(_ instance: Instance) -> Bool {
        guard let place = places.first(where: { $0.id == instance.id }), place.inheritsHealth else { return true }
        return place.restarts.last.map { place.ran - $0.ran > Self.healthPeriod } ?? true
    }

    /// nil if there were no restarts on the target.
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

    /// How often the instance was restarted since: by its engine as often as it counts, by anything else once.
    fileprivate func restarts(until next: Instance) -> Int {
        if let before = restartCount, let now = next.restartCount, now > before { return now - before }
        if let before = startedAt, let now = next.startedAt, now != before { return 1 }
        if let before = restartCount, let now = next.restartCount, now != before { return 1 }
        return 0
    }
}

extension Instance {
    var isUnhealthy: Bool { state == .unhealthy || health == .unhealthy }

    /// What it ended with; nil if it runs, or is only about to run for the first time.
    fileprivate var endingCode: Int? {
        state == .exited || state == .restarting ? exitCode : exitCode.flatMap { $0 == 0 ? nil : $0 }
    }
}
