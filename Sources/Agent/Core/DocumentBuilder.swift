package import Shared

/// Builds the content of a document from scans of engines, as a pure function.
package struct DocumentBuilder: Sendable {
    private let host: HostIdentity

    package init(host: HostIdentity) {
        self.host = host
    }

    /// The schema's limit.
    package static let instanceLimit = 256
    /// The schema's limit.
    static let leftOutLimit = 64
    /// The size of all deployments, health outputs and errors of a document together, in bytes: 512 for each of 256
    /// instances.
    static let detailLimit = 128 * 1_024

    /// The content for one service.
    ///
    /// - Parameters:
    ///   - expected: the declared number of instances; nil for any.
    ///   - scans: one result per engine, in the order in which the engines are configured. If one failed, the service is
    ///     `unknown`, whatever the others found: containers of another build could run on that engine.
    package func content(
        for service: String, selector: Selector, expected: Int?, scans: [Result<EngineSnapshot, EngineFailure>]
    ) -> DocumentContent {
        var snapshots: [EngineSnapshot] = []
        var failures: [EngineFailure] = []
        for scan in scans {
            switch scan {
            case .success(let snapshot): snapshots.append(snapshot)
            case .failure(let failure): failures.append(failure)
            }
        }
        let (containers, stores) = containers(of: service, in: snapshots)
        let selection = InstanceSelection(containers, selector: selector)
        let report = { (container: ContainerFacts) in
            ContainerReport(container, store: stores[container.id] ?? .unknown)
        }
        let reports = selection.instances.map(report)
        let leftOut = selection.leftOut.map { LeftOutContainer(report($0.container).instance, reason: $0.reason) }
        var content = DocumentContent(
            service: service, state: .unknown, host: host, instances: Self.limited(reports.map(\.instance)),
            instancesExpected: expected, leftOut: Array(leftOut.prefix(Self.leftOutLimit)),
            engine: snapshots.first?.engine)
        guard reports.count <= Self.instanceLimit else {
            content.instances = []
            content.reason = "\(reports.count) containers match, more than a document can list: narrow the selector"
            return content
        }
        if let failure = failures.first {
            let others = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
            content.reason = Sanitizer.singleLine("\(failure)\(others)")
            return content
        }
        if let ambiguity = Self.ambiguity(selection.ambiguousProjects, selector) {
            content.reason = ambiguity
            return content
        }
        content.state = ServiceState.worst(of: content.instances.map(\.state))
        let shortage = Self.shortage(of: reports.count, expected)
        guard !reports.isEmpty else {
            content.reason = Sanitizer.singleLine(
                [shortage, Self.absence(leftOut)].compactMap { $0 }.joined(separator: "; "))
            return content
        }
        // The missing instances might still be starting, and the service is not up without them.
        if shortage != nil { content.state = ServiceState.worst(of: [content.state, .starting]) }
        let commits = Self.commonValue(reports.map(\.instance.gitSHA.value))
        let digests = Self.commonValue(reports.map(\.digest))
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

    /// The matching containers in a fixed order, and the image store of each by its id. A container appears once even if two
    /// sockets lead to one engine.
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

    /// The instances with details up to ``detailLimit``: a host of foreign labels must not make the document too large for
    /// the collector.
    private static func limited(_ instances: [Instance]) -> [Instance] {
        var rest = detailLimit
        return instances.map { instance in
            let size = instance.detailSize
            guard size > rest else {
                rest -= size
                return instance
            }
            var limited = instance
            limited.deployment = instance.deployment.map { Instance.Deployment(tool: $0.tool) }
            limited.healthOutput = nil
            limited.error = nil
            return limited
        }
    }

    /// The reason why the selector is ambiguous, with the remedy; nil if it is unambiguous.
    private static func ambiguity(_ projects: [String?], _ selector: Selector) -> String? {
        guard let example = projects.compactMap({ $0 }).first else { return nil }
        let named = projects.map { $0.map { Sanitizer.singleLine($0, limit: 60) } ?? "none" }.listed(limit: 4)
        let remedy = selector.narrowed(to: Sanitizer.singleLine(example, limit: 60))
        return Sanitizer.singleLine(
            "\(selector) matches containers of \(projects.count) projects (\(named)): "
                + "select one, for example with \(remedy)")
    }

    /// The number of instances, for the reason; nil if there are enough, or if no number was declared.
    private static func shortage(of count: Int, _ expected: Int?) -> String? {
        guard let expected, count < expected else { return nil }
        return "\(count) of \(expected) instances"
    }

    private static func absence(_ leftOut: [LeftOutContainer]) -> String {
        guard !leftOut.isEmpty else { return "no container matches, running or not" }
        let named = leftOut.map { "\(Sanitizer.singleLine($0.name, limit: 80)) (\($0.reason.phrase))" }
        return "every matching container is left out: \(named.listed(limit: 3))"
    }

    /// The value that all elements share; nil if one is missing or two differ.
    private static func commonValue<Value: Hashable>(_ values: [Value?]) -> (value: Value?, differ: Bool) {
        let distinct = Set(values)
        guard distinct.count == 1, let first = values.first else { return (nil, distinct.count > 1) }
        return (first, false)
    }
}

extension Instance {
    /// The size of the details that a document can omit, in bytes of UTF-8.
    fileprivate var detailSize: Int {
        let texts = [deployment?.group, deployment?.name, deployment?.directory, healthOutput, error].compactMap { $0 }
        return (texts + (deployment?.files ?? [])).reduce(0) { $0 + $1.utf8.count }
    }
}

extension LeftOutContainer {
    /// - Parameter container: the container as an instance.
    fileprivate init(_ container: Instance, reason: Reason) {
        self.init(
            id: container.id, name: container.name, project: container.project, reason: reason, state: container.state,
            exitCode: container.exitCode, restartCount: container.restartCount)
    }
}

extension LeftOutContainer.Reason {
    /// The reason in words.
    package var phrase: String {
        switch self {
        case .replaced: "replaced by a later container"
        case .oneOff: "started for one command"
        case .task: "a task that has ended"
        case .infrastructure: "infrastructure"
        case .other: "not counted"
        }
    }
}
