import AgentCore
import Shared

/// The result of `check`: its text and exit status.
struct CheckResult: Sendable {
    var configuration: AgentConfiguration
    var access: AccessChecks
    /// The observed services in their order (the reader's with `--from`); empty if no source was asked.
    var contents: [DocumentContent] = []
    var sources: [EngineInfo] = []

    /// ``ExitStatus/usage`` if `serve` would not start, ``ExitStatus/unavailable`` if a source cannot be read.
    var status: ExitStatus {
        if !access.problems.isEmpty { return .usage }
        return contents.allSatisfy { $0.state != .unknown } && sources.allSatisfy(\.isReadable)
            ? .success : .unavailable
    }

    var text: String {
        var lines = Self.table(
            [["SERVICE", "SELECTOR", "STATE", "SHA", "DIGEST"]] + (contents.map(\.service) + unseen).map(row))
        for content in contents {
            if let reason = content.reason { lines.append("\(content.service): \(reason)") }
            lines += Self.details(content)
        }
        if sources.contains(where: { $0.kind == .reader && $0.isReadable }) {
            lines += unseen.map { "\($0): unknown to the reader: systemctl reload buildinfo-reader" }
        }
        lines.append("")
        for source in sources {
            lines.append(Self.line(source.kind.rawValue, source.answer))
            lines += (source.listing?.lines ?? []).map { Self.line("has", $0, limit: 2_000) }
        }
        for address in configuration.listen {
            lines.append(
                "listen      \(address)\(address.isLocal ? ", this machine only" : ", reachable from the network")")
        }
        lines.append(Self.line("protection", access.protection))
        lines += access.warnings.map { Self.line("warning", $0) }
        lines += access.problems.map { Self.line("problem", $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The maximum number of failing instances that are listed for each service.
    private static let failingLimit = 20

    /// How the instances were started, what failing ones last said, and the containers that match the selector but do not
    /// count as instances.
    private static func details(_ content: DocumentContent) -> [String] {
        var started: [(deployment: Instance.Deployment, names: [String])] = []
        for instance in content.instances {
            guard let deployment = instance.deployment else { continue }
            if let index = started.firstIndex(where: { $0.deployment == deployment }) {
                started[index].names.append(instance.name)
            } else {
                started.append((deployment, [instance.name]))
            }
        }
        let failing = content.instances.flatMap { instance in
            [
                instance.error.map { "\(instance.name): could not be started: \($0)" },
                instance.healthOutput.map { "\(instance.name): failing health check: \($0)" },
            ].compactMap { $0 }
        }
        let leftOut = content.leftOut.map { container in
            "not counted: \(container.name) (\(container.reason.phrase), \(container.state.rawValue))"
        }
        let lines = started.map { "\($0.names.listed(limit: 3)): \($0.deployment.phrase)" }
        return (lines + failing.prefix(failingLimit) + leftOut).map {
            Sanitizer.singleLine("\(content.service): \($0)")
        }
    }

    /// The declared services without an observation.
    private var unseen: [String] {
        configuration.evidence.services.map(\.name).filter { name in !contents.contains { $0.service == name } }
    }

    private func row(_ service: String) -> [String] {
        // With `--from`, only the reader needs the selectors.
        let selector = configuration.evidence.services.first { $0.name == service }?.selection
        let content = contents.first { $0.service == service }
        return [
            service, selector.map { Sanitizer.singleLine($0, limit: 80) } ?? "-", content?.state.rawValue ?? "-",
            content?.gitSHA?.short ?? "-", content?.digest?.short ?? "-",
        ]
    }

    private static func line(_ word: String, _ text: String, limit: Int = 512) -> String {
        word + String(repeating: " ", count: max(0, 12 - word.count)) + Sanitizer.singleLine(text, limit: limit)
    }

    /// Columns as wide as their cells, two spaces apart.
    static func table(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }
}

extension Instance.Deployment {
    /// The tool with the names that its commands need, in words.
    var phrase: String {
        let (title, groupWord, nameWord) =
            switch tool {
            case .compose: ("started by Compose", "project", "service")
            case .swarm: ("started by Swarm", "stack", "service")
            case .kamal: ("started by Kamal", "destination", "service")
            case .nomad: ("started by Nomad", "job", "task")
            case .kubernetes: ("started by Kubernetes", "namespace", "container")
            case .systemd: ("started by systemd", "", "unit")
            case .direct: ("started without a deployment tool", "", "")
            case .other: ("started by another tool", "group", "name")
            }
        let names = [
            group.map { "\(groupWord) \($0)" }, name.map { "\(nameWord) \($0)" }, directory.map { "folder \($0)" },
            files.isEmpty ? nil : "files \(files.joined(separator: ", "))",
        ].compactMap { $0 }
        return title + (names.isEmpty ? "" : ": ") + names.joined(separator: ", ")
    }
}
