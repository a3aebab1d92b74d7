package import Shared

extension Document {
    /// The worst state that follows from the service's own state, its instances, their health, their number and the probe.
    ///
    /// A service that did not answer its own agent's probe is not serving, whatever else the document states. A service with
    /// fewer running instances than its operator declared is not up yet.
    var runtime: ServiceState {
        let sick = instances.contains { $0.health == .unhealthy } ? [ServiceState.unhealthy] : []
        let undecided = instances.contains { $0.health == .starting } ? [ServiceState.starting] : []
        let said = ServiceState.worst(of: [state] + instances.map(\.state) + sick + undecided)
        guard said == .serving else { return said }
        if let served, served.outcome != .ok { return .starting }
        return shortage == nil ? said : .starting
    }

    /// The numbers of running and of declared instances; nil if enough run, or none were declared.
    var shortage: (running: Int, expected: Int)? {
        guard let expected = instancesExpected else { return nil }
        let running = instances.count { $0.state == .serving }
        return running < expected ? (running, expected) : nil
    }
}

extension ServiceState {
    /// True if a service in this state was started and does not run as it should.
    package var isDown: Bool {
        switch self {
        case .restarting, .exited, .unhealthy, .paused: true
        case .serving, .starting, .absent, .unknown: false
        }
    }
}

/// Contradictions: two statements of one answer that cannot both be true. Such an answer proves nothing, whichever is true.
///
/// Two differences are handled elsewhere, because the worse statement counts: an instance that is worse than the summary
/// (``Document/runtime``), and a summary with another commit or digest than the instances (``BuildMatcher``).
extension Document {
    /// The first contradiction, in one clean line; nil if the document has none.
    var contradiction: String? { stateContradiction ?? buildContradiction ?? instanceContradiction }

    /// A contradiction between the summary's state and the instances.
    private var stateContradiction: String? {
        guard !instances.isEmpty else {
            return state == .absent ? nil : "it calls the service \(state.rawValue), and lists no instance"
        }
        switch state {
        case .absent: return "it calls the service absent, and lists \(instances.count.instances)"
        case .unhealthy, .paused, .restarting, .exited:
            let isShown = instances.contains { $0.state == state || (state == .unhealthy && $0.health == .unhealthy) }
            let isProbed = state == .unhealthy && served.map { $0.outcome != .ok } ?? false
            return isShown || isProbed || isWorse(than: state)
                ? nil : "it calls the service \(state.rawValue), and no instance is"
        // A failing probe or a missing instance makes a service worse than its instances.
        case .serving, .starting, .unknown: return nil
        }
    }

    /// True if an instance is in a worse state.
    private func isWorse(than state: ServiceState) -> Bool {
        let worst = ServiceState.worst(of: instances.map(\.state))
        return worst != state && ServiceState.worst(of: [worst, state]) == worst
    }

    /// A contradiction between the summary's commit and digest and those of the instances.
    private var buildContradiction: String? {
        let commits = Set(instances.map(\.gitSHA.value))
        if let claimed = gitSHA.value {
            if commits != [claimed] { return "its git_sha \(claimed.short) is not that of every instance" }
        } else if commits.count == 1, let common = commits.first.flatMap({ $0 }) {
            // The agent makes no statement about them, and explains why.
            let why = reason.map { ": \(Sanitizer.singleLine($0, limit: 200))" } ?? ""
            return "it says no git_sha, and every instance runs \(common.short)\(why)"
        }
        guard let claimed = digest.value else { return nil }
        let lacksIt = instances.contains { instance in
            !instance.image.digests.contains { $0.digest == claimed && $0.kind != .config }
        }
        return lacksIt ? "its digest \(claimed.short) is not among those of every instance" : nil
    }

    /// A contradiction among the instances, or with the left-out containers or the declared number.
    private var instanceContradiction: String? {
        let ids = Set(instances.map(\.id))
        if ids.count < instances.count { return "it lists an instance twice" }
        if let both = leftOut.first(where: { ids.contains($0.id) }) {
            return "it lists \(Sanitizer.singleLine(both.name, limit: 64)) as an instance, and as left out"
        }
        if let stopped = leftOut.first(where: { [.replaced, .task].contains($0.reason) && $0.isUp }) {
            let name = Sanitizer.singleLine(stopped.name, limit: 64)
            return "it leaves \(name) out as \(stopped.reason.rawValue), and its state is \(stopped.state.rawValue)"
        }
        if let negative = instances.first(where: { ($0.restartCount ?? 0) < 0 }) {
            return "it counts fewer than 0 restarts of \(Sanitizer.singleLine(negative.name, limit: 64))"
        }
        if let absent = instances.first(where: { $0.state == .absent || $0.state == .unknown }) {
            let name = Sanitizer.singleLine(absent.name, limit: 64)
            return "it calls the service \(state.rawValue), and its instance \(name) \(absent.state.rawValue)"
        }
        if let instancesExpected, instancesExpected < 1 {
            return "it expects \(instancesExpected) instances, and lists \(instances.count.instances)"
        }
        if let served, served.outcome == .ok, let status = served.status, !(200..<300).contains(status) {
            return "it calls its probe's answer fine, and the status is \(status)"
        }
        return nil
    }
}

extension LeftOutContainer {
    /// True if the container runs, or is being restarted by its engine.
    fileprivate var isUp: Bool {
        switch state {
        case .serving, .unhealthy, .restarting, .paused: true
        case .starting, .exited, .absent, .unknown: false
        }
    }
}

extension Int {
    fileprivate var instances: String { self == 1 ? "1 instance" : "\(self) instances" }
}
