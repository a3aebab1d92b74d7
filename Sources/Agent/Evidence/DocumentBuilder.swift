import Shared

/// Turns what looks saw into what is reported: a pure function.
struct DocumentBuilder: Sendable {
    let host: HostIdentity

    /// The schema's limit.
    static let instanceLimit = 256

    /// The content for one service.
    ///
    /// - Parameter looks: one outcome an engine, in the order in which the engines were named. An engine that could not
    ///   be read makes the service `unknown`, whatever the others say: its containers could be the wrong ones.
    func content(for service: String, looks: [Result<EngineSnapshot, EngineFailure>]) -> DocumentContent {
        let snapshots = looks.compactMap { try? $0.get() }
        let failures = looks.compactMap { look in
            if case .failure(let failure) = look { failure } else { nil }
        }
        let reports = reports(of: service, in: snapshots)
        var content = DocumentContent(
            service: service, state: .unknown, host: host, instances: reports.map(\.instance),
            engine: snapshots.first?.engine)
        guard reports.count <= Self.instanceLimit else {
            content.instances = []
            content.reason = "\(reports.count) containers match, more than can be reported: narrow the selector"
            return content
        }
        if let failure = failures.first {
            let others = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
            content.reason = Hygiene.line("\(failure)\(others)")
            return content
        }
        content.state = ServiceState.worst(of: content.instances.map(\.state))
        guard !reports.isEmpty else {
            content.reason = "no container matches, running or not"
            return content
        }
        let commits = Self.agreed(reports.map(\.instance.gitSHA.value))
        let digests = Self.agreed(reports.map(\.digest))
        content.gitSHA = commits.value
        content.digest = digests.value
        let remarks: [String?] = [
            reports.compactMap(\.stateRemark).first,
            commits.differ ? "the instances run different commits" : reports.compactMap(\.commitRemark).first,
            digests.differ ? "the instances run images of different digests" : reports.compactMap(\.digestRemark).first,
        ]
        let reason = remarks.compactMap { $0 }.joined(separator: "; ")
        content.reason = reason.isEmpty ? nil : Hygiene.line(reason)
        return content
    }

    /// In a fixed order, and each container once, even where two sockets lead to one engine.
    private func reports(of service: String, in snapshots: [EngineSnapshot]) -> [ContainerReport] {
        var seen: Set<String> = []
        return
            snapshots
            .flatMap { snapshot in
                snapshot.containers
                    .filter { $0.services.contains(service) && seen.insert($0.id).inserted }
                    .map { ContainerReport($0, store: snapshot.engine.store) }
            }
            .sorted { ($0.instance.name, $0.instance.id) < ($1.instance.name, $1.instance.id) }
    }

    /// The value that all have; none where one lacks it or two differ.
    private static func agreed<Value: Hashable>(_ values: [Value?]) -> (value: Value?, differ: Bool) {
        let distinct = Set(values)
        guard distinct.count == 1, let first = values.first else { return (nil, distinct.count > 1) }
        return (first, false)
    }
}
