package import Verdict

/// A status's words about hosts. They replace the words of a verification, which a single observation cannot support.
extension SweepStatus {
    package var text: String {
        switch self {
        case .conflict: "another host"
        case .failing: "failing"
        case .noAnswer: "no answer"
        case .unknown: "unknown"
        case .mixed: "mixed"
        case .ahead: "ahead"
        case .behind: "behind"
        case .starting: "starting"
        case .answered: "answered"
        case .onTarget: "on target"
        }
    }

    var meaning: String {
        switch self {
        case .conflict: StatusText.meaning(of: .conflict)
        case .failing: "crash loop, unhealthy, exited, paused, no instance, or the wrong image"
        case .noAnswer: "no usable answer from the host"
        case .unknown: "an answer that does not tell what the host serves"
        case .mixed: StatusText.meaning(of: .mixed)
        case .ahead: StatusText.meaning(of: .ahead)
        case .behind: "on another build"
        case .starting: StatusText.meaning(of: .starting)
        case .answered: "answered; there was nothing to compare with"
        case .onTarget: "on the target now"
        }
    }

    /// The host status whose colour and shape a page uses. Different words have different ones.
    var style: HostStatus {
        switch self {
        case .conflict: .conflict
        case .failing: .failed
        case .noAnswer: .unreachable
        case .unknown: .unverifiable
        case .mixed: .mixed
        case .ahead: .ahead
        case .behind: .pending
        case .starting: .starting
        case .answered, .onTarget: .soaking
        }
    }
}

extension Report.Host {
    /// The status as people read it.
    var statusText: String { sweep?.text ?? status.rawValue }
    /// The status whose colour and shape a page uses.
    var styleStatus: HostStatus { sweep?.style ?? status }
    /// The changes of status. A single observation shows none.
    var shownTransitions: [Transition] { sweep == nil ? transitions : [] }
}

extension Report {
    /// The style and the word for the hosts of an action: in a status, those of its worst host.
    func word(of action: Action) -> (style: HostStatus, text: String) {
        guard sweep != nil else { return (action.status, action.status.rawValue) }
        let names = Set(action.hosts)
        let statuses = Set(hosts.filter { names.contains($0.name) }.compactMap(\.sweep))
        guard let worst = SweepStatus.allCases.first(where: statuses.contains) else {
            return (action.status, action.status.rawValue)
        }
        return (worst.style, worst.text)
    }

    /// A status in a legend: its style, its word, its meaning and the number of hosts at the end.
    struct StatusCount: Hashable, Sendable {
        var style: HostStatus
        var text: String
        var meaning: String
        var hosts: Int
    }

    /// Each status that hosts have or had, worst first.
    var statusCounts: [StatusCount] {
        guard sweep == nil else {
            let counts = Dictionary(hosts.compactMap { host in host.sweep.map { ($0, 1) } }, uniquingKeysWith: +)
            return SweepStatus.allCases.compactMap { word in
                counts[word].map { StatusCount(style: word.style, text: word.text, meaning: word.meaning, hosts: $0) }
            }
        }
        var occurring: Set<HostStatus> = []
        for index in hosts.indices {
            occurring.insert(hosts[index].status)
            for change in hosts[index].transitions.indices {
                occurring.insert(hosts[index].transitions[change].status)
            }
        }
        return HostStatus.allCases.filter(occurring.contains).map { status in
            StatusCount(
                style: status, text: status.rawValue, meaning: StatusText.meaning(of: status),
                hosts: max(0, summary.statuses[status.rawValue] ?? 0))
        }
    }
}
