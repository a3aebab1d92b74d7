import Shared

/// Knows the true behaviour of every host, and so the permitted verdicts.
///
/// It shares no rule with the state machine: it examines stretches of true time, never digests, ages or nonces. Times are in
/// milliseconds.
struct Oracle {
    let schedule: Schedule
    let deliveries: [Simulation.Delivery]
    let end: Int

    /// The maximum age of a fact.
    private var freshness: Int { 3 * max(schedule.interval, 2_000) }

    private func isTarget(_ kind: TrueHost.Kind) -> Bool {
        switch schedule.wanted {
        case .commitAndDigest: kind == .target
        case .commit: kind == .target || kind == .rebuilt || kind == .local
        case .digest: kind == .target || kind == .mislabelled
        }
    }

    private func isTarget(_ stretch: TrueHost.Stretch) -> Bool {
        !stretch.kinds.isEmpty && stretch.kinds.allSatisfy(isTarget)
    }

    private func isGood(_ stretch: TrueHost.Stretch, _ truth: TrueHost) -> Bool {
        isTarget(stretch) && stretch.state == .serving && stretch.leftover == nil
            && stretch.kinds.count >= truth.declared ?? 0
    }

    private func isSame(_ one: TrueHost.Stretch, _ other: TrueHost.Stretch, plain: Bool) -> Bool {
        plain
            || (one.container == other.container && one.kinds.count == other.kinds.count && one.start == other.start
                && one.restarts == other.restarts)
    }

    /// True if the host truly served the target on one set of instances for the soak, until (nearly) the end.
    ///
    /// A change between two delivered observations is forgiven only if it could not be seen: for no longer than a fact stays
    /// fresh, with the same instances before and after.
    func hasProof(_ host: Int) -> Bool {
        let truth = schedule.hosts[host]
        // A `Date` has a resolution of a second, and servers cache it for a while: a younger copy looks like a fresh answer.
        let hasCopies = truth.faults.contains { if case .stored(saysSo: false) = $0.kind { true } else { false } }
        let coarseness = hasCopies ? 3_000 : 0
        let soak = max(0, schedule.soak - coarseness)
        let slack = truth.wayBack + coarseness
        let looks = deliveries.filter { $0.host == host && $0.arrived <= end }.map(\.look)
        func isShownBad(_ from: Int, _ until: Int) -> Bool {
            looks.contains { from < $0 && $0 < until && !isGood(truth.stretch(at: $0), truth) }
        }
        // The first machine's id is binding, unless another host also gave that id: then its owner is unknown.
        var machines = [(from: Schedule.past, until: Schedule.future)]
        if let replacedAt = truth.replacedAt {
            machines = [(Schedule.past, replacedAt), (replacedAt, Schedule.future)]
            if looks.contains(where: { $0 < replacedAt }), !isContested(host) { machines.removeLast() }
        }
        // Good stretches within the verification, cut at the time when another machine took the name.
        var goods: [(from: Int, until: Int, stretch: TrueHost.Stretch, machine: Int)] = []
        for (index, stretch) in truth.stretches.enumerated() where isGood(stretch, truth) {
            let next = index + 1 < truth.stretches.count ? truth.stretches[index + 1].from : Schedule.future
            for (machine, bounds) in machines.enumerated() {
                let (from, until) = (max(0, stretch.from, bounds.from), min(end, next, bounds.until))
                if from < until || (from == until && next > from) { goods.append((from, until, stretch, machine)) }
            }
        }
        for last in goods.indices.reversed() {
            let latest = goods[last].until
            guard latest >= end - freshness - slack, !isShownBad(latest, end + 1) else { continue }
            var earliest = goods[last].from
            for before in goods[..<last].reversed() {
                let isOther =
                    before.machine != goods[last].machine
                    || !isSame(before.stretch, goods[last].stretch, plain: truth.isPlain)
                // Other instances that came and went between two observations were invisible.
                if isOther, !looks.contains(where: { before.from <= $0 && $0 < before.until }) { continue }
                guard !isOther, earliest - before.until <= freshness + slack, !isShownBad(before.until - 1, earliest)
                else { break }
                earliest = before.from
            }
            // The answer to an observation just before the start might still be under way at the start.
            let since = earliest == 0 ? -slack : earliest
            let proving = looks.filter { since <= $0 && $0 <= latest && isGood(truth.stretch(at: $0), truth) }
            if latest - earliest >= soak, Set(proving).count >= 2,
                (proving.max() ?? 0) - (proving.min() ?? 0) >= soak
            {
                return true
            }
        }
        return false
    }

    /// True if another host's URL might be answered with this host's id.
    private func isContested(_ host: Int) -> Bool {
        schedule.hosts.contains { other in
            other.faults.contains { if case .misroute(let to) = $0.kind { to == host } else { false } }
        }
    }

    /// True if the host could have been seen to fail.
    func mayFail(_ host: Int) -> Bool {
        let truth = schedule.hosts[host]
        let targets = truth.stretches.filter { isTarget($0) && $0.from <= end }
        let isWrong = truth.stretches.contains { stretch in
            stretch.from <= end && stretch.kinds.contains { $0 == .rebuilt || $0 == .mislabelled }
        }
        let isRestarted = targets.indices.dropFirst().contains {
            !isSame(targets[$0], targets[$0 - 1], plain: false)
        }
        return isWrong || isRestarted || targets.contains { $0.state != .serving || $0.oomKilled }
    }

    /// True if the host served the target and another build afterwards.
    func mayHaveGoneBack(_ host: Int) -> Bool {
        let stretches = schedule.hosts[host].stretches.filter { $0.from <= end }
        guard let first = stretches.firstIndex(where: isTarget) else { return false }
        return stretches[first...].contains { !isTarget($0) }
    }

    /// True if anything other than the host's one machine could have answered.
    func mayConflict(_ host: Int) -> Bool {
        let truth = schedule.hosts[host]
        if truth.replacedAt != nil { return true }
        if truth.faults.contains(where: { $0.kind.isForgery }) { return true }
        return isContested(host)
    }

    /// True if nothing interferes with the host's answers, and each can be compared.
    func isPlainlyVisible(_ host: Int) -> Bool {
        let truth = schedule.hosts[host]
        let areComparable = truth.stretches.allSatisfy { stretch in
            !stretch.kinds.isEmpty && stretch.state != .unknown
                && stretch.kinds.allSatisfy { $0 != .local && $0 != .unlabelled }
        }
        return areComparable && truth.faults.isEmpty && !mayConflict(host) && truth.lookPeriod <= 2_000
            && truth.wayThere + truth.wayBack < 100 && !truth.isPlain
    }

    /// True if the collector did not run lately, so that an observation from before the start may be the last one.
    var wasLatelySuspended: Bool {
        schedule.suspension.map { $0.from < end && end <= $0.until + schedule.requestTimeout } ?? false
    }

    /// True if the collector could not query the host lately.
    var wasLatelyShort: Bool {
        schedule.shortage.map { $0.from <= end && $0.until >= end - freshness - schedule.interval } ?? false
    }

    /// True if the host recently did not serve the target.
    func wasLatelyBehind(_ host: Int) -> Bool {
        let truth = schedule.hosts[host]
        // A copy without a cache header is recognised by the next answer at the earliest.
        if truth.faults.contains(where: { if case .stored(saysSo: false) = $0.kind { true } else { false } }) {
            return true
        }
        var since = end - freshness - truth.wayBack
        // A host is not called anything else before it could be queried again.
        if let suspension = schedule.suspension, suspension.from < end, end <= suspension.until + freshness {
            since = min(since, suspension.from - freshness - truth.wayBack)
        }
        return truth.stretches.enumerated().contains { index, stretch in
            let next = index + 1 < truth.stretches.count ? truth.stretches[index + 1].from : Schedule.future
            return !isTarget(stretch) && stretch.from <= end && next > since
        }
    }

    /// The time by which a correct and quiet fleet must be proven.
    var mustBeGreenBy: Int? {
        guard let quiet = schedule.quietFrom else { return nil }
        let slowestLook = 2_000
        return quiet + schedule.requestTimeout + 3 * schedule.interval + 2 * slowestLook + 2 * schedule.soak + 1_000
            // A Date advances once a second, and the clock offset that a stored copy suggested must be corrected.
            + (schedule.hosts.contains(where: \.isPlain) ? 3_000 : 0)
    }
}

extension TrueHost.Fault.Kind {
    /// True if something other than the host makes the answer.
    var isForgery: Bool {
        switch self {
        case .cache, .misroute: true
        case .silence, .loss, .garbage, .blind, .frozen, .stored: false
        }
    }

    var isMisroute: Bool {
        if case .misroute = self { true } else { false }
    }
}
