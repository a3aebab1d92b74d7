import Shared

/// Turns what looks saw into what is reported: a pure function.
struct DocumentBuilder: Sendable {
    let host: HostIdentity

    /// The schema's limit.
    static let instanceLimit = 256
    /// The schema's limit.
    static let leftOutLimit = 64

    /// The content for one service.
    ///
    /// - Parameter looks: one outcome an engine, in the order in which the engines were named. An engine that could not
    ///   be read makes the service `unknown`, whatever the others say: its containers could be the wrong ones.
    func content(
        for service: ServiceDeclaration, looks: [Result<EngineSnapshot, EngineFailure>]
    ) -> DocumentContent {
        let snapshots = looks.compactMap { try? $0.get() }
        let failures = looks.compactMap { look in
            if case .failure(let failure) = look { failure } else { nil }
        }
        let (containers, stores) = containers(of: service.name, in: snapshots)
        let selection = InstanceSelection(containers, selector: service.selector)
        let report = { (container: ContainerFacts) in
            ContainerReport(container, store: stores[container.id] ?? .unknown)
        }
        let reports = selection.instances.map(report)
        let leftOut = selection.leftOut.map { LeftOutContainer(report($0.container).instance, reason: $0.reason) }
        var content = DocumentContent(
            service: service.name, state: .unknown, host: host, instances: reports.map(\.instance),
            instancesExpected: service.expected, leftOut: Array(leftOut.prefix(Self.leftOutLimit)),
            engine: snapshots.first?.engine)
        guard reports.count <= Self.instanceLimit else {
            content.instances = []
            content.reason = "\(reports.count) containers match, more than can be reported: narrow the selector"
            return content
        }
        if let failure = failures.first {
            let others = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
            content.reason = Sanitizer.singleLine("\(failure)\(others)")
            return content
        }
        if let ambiguity = Self.ambiguity(selection.ambiguousProjects, service.selector) {
            content.reason = ambiguity
            return content
        }
        content.state = ServiceState.worst(of: content.instances.map(\.state))
        let shortage = Self.shortage(of: reports.count, service.expected)
        guard !reports.isEmpty else {
            content.reason = Sanitizer.singleLine(
                [shortage, Self.absence(leftOut)].compactMap { $0 }.joined(separator: "; "))
            return content
        }
        // Those that are missing may be on their way, and until they are there the service is not up.
        if shortage != nil { content.state = ServiceState.worst(of: [content.state, .starting]) }
        let commits = Self.agreed(reports.map(\.instance.gitSHA.value))
        let digests = Self.agreed(reports.map(\.digest))
        content.gitSHA = commits.value
        content.digest = digests.value
        let remarks: [String?] = [
            shortage,
            reports.compactMap(\.stateRemark).first,
            commits.differ ? "the instances run different commits" : reports.compactMap(\.commitRemark).first,
            digests.differ ? "the instances run images of different digests" : reports.compactMap(\.digestRemark).first,
        ]
        let reason = remarks.compactMap { $0 }.joined(separator: "; ")
        content.reason = reason.isEmpty ? nil : Sanitizer.singleLine(reason)
        return content
    }

    /// The containers that match, in a fixed order, and each once, even where two sockets lead to one engine; and the store
    /// of each, by its id.
    private func containers(
        of service: String, in snapshots: [EngineSnapshot]
    ) -> ([ContainerFacts], stores: [String: EngineIdentity.Store]) {
        var stores: [String: EngineIdentity.Store] = [:]
        var containers: [ContainerFacts] = []
        for snapshot in snapshots {
            for container in snapshot.containers where container.services.contains(service) {
                guard stores.updateValue(snapshot.engine.store, forKey: container.id) == nil else { continue }
                containers.append(container)
            }
        }
        return (containers.sorted { ($0.name, $0.id) < ($1.name, $1.id) }, stores)
    }

    /// Why it cannot be told which containers are meant, and how to say it; nil where it can.
    private static func ambiguity(_ projects: [String?], _ selector: Selector) -> String? {
        guard let example = projects.compactMap({ $0 }).first else { return nil }
        let named = projects.prefix(4).map { $0.map { Sanitizer.singleLine($0, limit: 60) } ?? "none" }
        let more = projects.count > named.count ? " and \(projects.count - named.count) more" : ""
        let remedy = selector.narrowed(to: Sanitizer.singleLine(example, limit: 60))
        return Sanitizer.singleLine(
            "\(selector) matches containers of \(projects.count) projects (\(named.joined(separator: ", "))\(more)), and "
                + "which one is meant is not known: select one, for example with \(remedy)")
    }

    /// nil where no number was declared, or enough are there.
    private static func shortage(of count: Int, _ expected: Int?) -> String? {
        guard let expected, count < expected else { return nil }
        return "\(count) of \(expected) instances"
    }

    private static func absence(_ leftOut: [LeftOutContainer]) -> String {
        guard !leftOut.isEmpty else { return "no container matches, running or not" }
        let named = leftOut.prefix(3).map { "\(Sanitizer.singleLine($0.name, limit: 80)) (\($0.reason.phrase))" }
        let more = leftOut.count > named.count ? " and \(leftOut.count - named.count) more" : ""
        return "no container that matches is an instance: \(named.joined(separator: ", "))\(more)"
    }

    /// The value that all have; none where one lacks it or two differ.
    private static func agreed<Value: Hashable>(_ values: [Value?]) -> (value: Value?, differ: Bool) {
        let distinct = Set(values)
        guard distinct.count == 1, let first = values.first else { return (nil, distinct.count > 1) }
        return (first, false)
    }
}

extension LeftOutContainer {
    /// - Parameter container: as it would be reported if it counted.
    init(_ container: Instance, reason: Reason) {
        self.init(
            id: container.id, name: container.name, project: container.project, reason: reason, state: container.state,
            exitCode: container.exitCode, restartCount: container.restartCount)
    }
}

extension LeftOutContainer.Reason {
    /// For people.
    var phrase: String {
        switch self {
        case .replaced: "replaced by a later container"
        case .oneOff: "started for one command"
        case .task: "a task that has ended"
        case .infrastructure: "infrastructure"
        case .other: "not counted"
        }
    }
}
